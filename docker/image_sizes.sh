#!/usr/bin/env bash
# Print the sizes of images in MB (10^6 bytes): unpacked as one tar archive, and that archive with gzip.
#
#   docker/image_sizes.sh IMAGE...
set -euo pipefail
engine=${ENGINE:-docker}

archive=$(mktemp)
trap 'rm -f "$archive"' EXIT
for image in "$@"; do
  container=$("$engine" create "$image" true)  # a base has no command of its own
  "$engine" export "$container" > "$archive"
  "$engine" rm "$container" >/dev/null
  megabytes=$(($(wc -c < "$archive") / 1000000))
  echo "$image: $megabytes MB unpacked, $(($(gzip < "$archive" | wc -c) / 1000000)) MB compressed"
done
