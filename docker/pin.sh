#!/usr/bin/env bash
# Pin by digest the images in docker-compose.yml that others publish. Asks their registry with skopeo.
#
#   docker/pin.sh           write the digests that the tags have now
#   docker/pin.sh --check   fail if an image has none; a release has to pass this
set -euo pipefail
cd "$(dirname "$0")/.."

file=docker-compose.yml
mapfile -t images < <(sed -nE 's/^ *image: ([^ ]+)$/\1/p' $file | grep -v '^relight:')
status=0
for image in "${images[@]}"; do
  name=${image%@*}
  if [ "${1:-}" = --check ]; then
    [[ $image =~ @sha256:[0-9a-f]{64}$ ]] || { echo "pin: $image has no digest: docker/pin.sh"; status=1; }
  else
    digest=$(skopeo inspect --raw "docker://$name" | sha256sum | cut -d' ' -f1)
    sed -i "s#image: $image\$#image: $name@sha256:$digest#" $file
    echo "pin: $name@sha256:$digest"
  fi
done
exit $status
