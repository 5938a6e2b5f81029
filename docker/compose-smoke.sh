#!/usr/bin/env bash
# Start the CPU service of docker-compose.yml, relight a photo through its host port, and stop it. Then
# Grafana must have the service's metrics from Prometheus. Images that no registry gives are named.
# Runs after smoke.sh, with the same engine. With Podman it uses podman-compose in a separate
# network, so that no firewall rule of the machine changes.
set -euo pipefail
cd "$(dirname "$0")/.."

# Before the network is separate, and again to see which images there are.
engine=${ENGINE:-docker}
missing=()
mapfile -t others < <(sed -n 's/^ *image: \(docker\.io\/.*\)/\1/p' docker-compose.yml)
for image in "${others[@]}"; do
  "$engine" image inspect "$image" >/dev/null 2>&1 && continue
  [ -z "${APART:-}" ] && timeout 300 "$engine" pull --quiet "$image" >/dev/null && continue
  missing+=("$image")
done
profile=()
[ ${#missing[@]} -gt 0 ] || profile=(--profile monitoring)

if [ "$engine" = docker ]; then
  docker compose version >/dev/null 2>&1 || { echo "compose: skipped, as there is no Docker Compose"; exit 77; }
  compose=(docker compose)
else
  command -v podman-compose >/dev/null || { echo "compose: skipped, as there is no podman-compose"; exit 77; }
  [ -n "${APART:-}" ] || exec env APART=1 unshare --net --mount "$0"
  ip link set lo up
  podman tag localhost/relight:smoke localhost/relight:0.1.0-cpu
  compose=(podman-compose --in-pod false)
fi

trap '"${compose[@]}" "${profile[@]}" down >/dev/null 2>&1' EXIT
"${compose[@]}" "${profile[@]}" up --detach relight ${profile:+prometheus grafana}
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

if [ ${#missing[@]} -gt 0 ]; then
  echo "compose: the profile monitoring was not started, as these images cannot be pulled: ${missing[*]}"
  exit
fi
python3 - <<'CLIENT'
import json
import sys
import time
import urllib.request

PROMETHEUS = "http://127.0.0.1:3000/api/datasources/proxy/uid/prometheus/api/v1/query?query="
for attempt in range(120):
    try:
        with urllib.request.urlopen(PROMETHEUS + "relight_model_ready", timeout=10) as answer:
            if found := json.load(answer)["data"]["result"]:
                break
    except OSError:
        pass
    time.sleep(1)
else:
    sys.exit("compose: Grafana has no metrics of the service")
with urllib.request.urlopen("http://127.0.0.1:3000/api/search?type=dash-db", timeout=10) as answer:
    (dashboard,) = json.load(answer)
print(f"compose: passed: {dashboard['title']} in Grafana, {len(found)} models ready")
CLIENT
