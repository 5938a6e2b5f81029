"""Leave with status 0 where the service is ready; needs no shell and no curl."""

import http.client
import os
import sys

port = int(os.environ.get("RELIGHT_OPS_PORT", "9000"))
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
try:
    connection.request("GET", "/readyz")
    ready = connection.getresponse().status == 200
except OSError:
    ready = False
sys.exit(0 if ready else 1)
