"""Run inside the container by smoke.sh: relight the photo on stdin, and a large one."""

import http.client
import io
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image


def relight(content_type: str, body: bytes) -> Image.Image:
    """Post a body; return the relit photo."""
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=60)
    connection.request("POST", "/relight?direction=W", body, {"Content-Type": content_type})
    answer = connection.getresponse()
    data = answer.read()
    assert answer.status == 200, (answer.status, data)
    print(f"smoke: {len(body)} bytes in, {len(data)} out:", answer.headers["Server-Timing"])
    return Image.open(io.BytesIO(data))


assert os.getuid() == 10001, os.getuid()
for folder in ("/", "/tmp", "/models", "/opt/app"):  # noqa: S108 - it must not be writable
    try:
        Path(folder, "written").touch()
    except OSError:
        continue
    sys.exit(f"{folder} is writable")

photo = sys.stdin.buffer.read()
assert relight("image/jpeg", photo).size == Image.open(io.BytesIO(photo)).size

# Twelve megapixels in a form: the upload must not need a temporary file.
noise = np.random.default_rng(1).integers(0, 256, (3000, 4000, 3), np.uint8)
file = io.BytesIO()
Image.fromarray(noise).save(file, "JPEG", quality=60)
head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
form = head + file.getvalue() + b"\r\n--x--\r\n"
assert relight("multipart/form-data; boundary=x", form).size == (4000, 3000)
