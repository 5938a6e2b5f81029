#!/usr/bin/env bash
# Start the CPU service of docker-compose.yml, relight a photo through its host port, and stop it.
# Runs after smoke.sh, with the same engine. With Podman it uses podman-compose in a separate
# network, so that no firewall rule of the machine changes.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${ENGINE:-docker}" = docker ]; then
  docker compose version >/dev/null 2>&1 || { echo "compose: skipped, as there is no Docker Compose"; exit 77; }
  compose=(docker compose)
else
  command -v podman-compose >/dev/null || { echo "compose: skipped, as there is no podman-compose"; exit 77; }
  [ -n "${APART:-}" ] || exec env APART=1 unshare --net --mount "$0"
  ip link set lo up
  podman tag localhost/relight:smoke localhost/relight:0.1.0-cpu
  compose=(podman-compose --in-pod false)
fi

trap '"${compose[@]}" down >/dev/null 2>&1' EXIT
"${compose[@]}" up --detach relight
python3 - service/web/samples/coffee.jpg <<'CLIENT'
import http.client
import pathlib
import sys
import time

photo = pathlib.Path(sys.argv[1]).read_bytes()
for attempt in range(120):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=60)
        connection.request("POST", "/relight", photo, {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 200:
            break
    except OSError:
        pass
    time.sleep(1)
else:
    sys.exit("compose: the service never answered")
assert body.startswith(b"\xff\xd8"), body[:200]
print(f"compose: passed: {len(photo)} bytes in, {len(body)} out on the host port")
CLIENT
