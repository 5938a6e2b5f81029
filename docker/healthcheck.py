"""Exit with status 0 if the service is ready; needs neither shell nor curl."""

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
