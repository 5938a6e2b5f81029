#!/usr/bin/env bash
# Build the CPU image, run it with the restrictions of production, and relight two photos in it.
#
#   docker/smoke.sh               with Docker, else with Podman
#   ENGINE=podman docker/smoke.sh
#
# Exits with status 77 if there is neither. The container has no network: the client runs inside
# it, with the image's own Python.
set -euo pipefail
cd "$(dirname "$0")/.."

engine=${ENGINE:-}
if [ -z "$engine" ]; then
  if docker info >/dev/null 2>&1; then engine=docker
  elif command -v podman >/dev/null; then engine=podman
  else echo "smoke: skipped, as there is neither a Docker engine nor Podman"; exit 77; fi
fi
image=relight:smoke
photo=service/web/samples/coffee.jpg
format=()
[ "$engine" = podman ] && format=(--format docker)  # the OCI format has no healthcheck

echo "smoke: building with $engine"
"$engine" build "${format[@]}" --file docker/service.Dockerfile --target cpu --tag "$image" \
  --build-arg "VERSION=$(docker/version.sh)" \
  --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
  ${DEBIAN:+--build-arg "DEBIAN=$DEBIAN"} .

strict=(--read-only --cap-drop ALL --security-opt no-new-privileges --network none
        --memory 1g --pids-limit 256)
# Podman would mount a writable /tmp over the read-only root.
[ "$engine" = podman ] && strict+=(--read-only-tmpfs=false)
container=$("$engine" run --detach "${strict[@]}" "$image")
trap '"$engine" rm --force "$container" >/dev/null 2>&1' EXIT

healthy() {
  if [ "$engine" = podman ]; then podman healthcheck run "$container" >/dev/null 2>&1
  else [ "$(docker inspect --format '{{.State.Health.Status}}' "$container")" = healthy ]; fi
}
for _ in $(seq 120); do healthy && break; sleep 1; done
healthy || { "$engine" logs "$container"; echo "smoke: never became healthy"; exit 1; }
echo "smoke: healthy"

"$engine" exec --interactive "$container" /opt/relight/bin/python -c "$(cat docker/smoke_client.py)" < "$photo"
"$engine" exec --interactive "$container" /opt/relight/bin/python - < docker/sbom_check.py

"$engine" stop --time 30 "$container" >/dev/null 2>&1  # Podman warns about missing systemd timers
status=$("$engine" inspect --format '{{.State.ExitCode}}' "$container")
[ "$status" = 0 ] || { "$engine" logs "$container"; echo "smoke: SIGTERM ended in $status"; exit 1; }
echo "smoke: passed: healthy, read-only, unprivileged, in 1 GB; SIGTERM ended in status 0"
