#!/usr/bin/env bash
# Run a command with Podman set up for a machine that is itself a container: root, no overlay
# file system, no delegated cgroups, no image registry. The base image is Debian 13 from debootstrap
# instead of Docker Hub.
#
#   docker/confined.sh docker/smoke.sh
#
# Needs Debian's packages podman buildah runc catatonit debootstrap. Stores images in
# $RELIGHT_IMAGES_DIR (/var/tmp/relight-images).
set -euo pipefail
W=${RELIGHT_IMAGES_DIR:-/var/tmp/relight-images}
mkdir -p "$W/stand-in"

for tool in podman buildah runc debootstrap; do
  command -v "$tool" >/dev/null || { echo "confined: skipped, as there is no $tool"; exit 77; }
done

cat > "$W/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[engine.runtimes]
runc = ["$(command -v runc)"]
CONF
cat > "$W/storage.conf" <<CONF
[storage]
driver = "vfs"
graphroot = "$W/store"
runroot = "$W/run"
CONF
export BUILDAH_ISOLATION=chroot
export BUILDAH_LAYERS=false  # vfs copies the whole image for each layer
export CONTAINERS_CONF="$W/containers.conf" CONTAINERS_STORAGE_CONF="$W/storage.conf"
export DEBIAN=localhost/debian-stand-in:13 ENGINE=podman

if ! podman image exists "$DEBIAN"; then
  mirror=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources)
  echo "confined: making a stand-in for Debian's image (minutes, once)"
  rm -rf "$W/stand-in/rootfs"
  debootstrap --variant=minbase --include=ca-certificates trixie "$W/stand-in/rootfs" "$mirror" \
    > "$W/debootstrap.log" || { tail "$W/debootstrap.log"; exit 1; }
  # The machine's package mirrors are configured in the base, never in the Dockerfile.
  cp /etc/ssl/certs/ca-certificates.crt "$W/stand-in/rootfs/etc/ssl/certs/"
  [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$W/stand-in/rootfs/etc/pip.conf"
  tar -C "$W/stand-in/rootfs" --exclude='./dev/*' --exclude='./proc/*' \
    --exclude='./var/cache/apt/archives/*.deb' -cf "$W/stand-in/rootfs.tar" .
  rm -rf "$W/stand-in/rootfs"
  printf 'FROM scratch\nADD rootfs.tar /\n' > "$W/stand-in/Dockerfile"
  podman build --quiet --tag "$DEBIAN" "$W/stand-in" >/dev/null
  rm "$W/stand-in/rootfs.tar"
fi

podman image prune --force >/dev/null  # untagged images of earlier builds

exec "$@"
