"""Download the listed files into a folder and verify their SHA-256.

python download.py models.txt /models
"""

import hashlib
import sys
import urllib.request
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

TIMEOUT_S = 60
CHUNK_BYTES = 1 << 20


def main(list_file: Path, folder: Path) -> None:
    """Download all files, or exit with the reason; a wrong file is deleted."""
    lines = [line.split() for line in list_file.read_text().splitlines()]
    wanted = [line for line in lines if line and not line[0].startswith("#")]
    if not wanted:
        sys.exit(f"{list_file} lists no models")
    for sha256, address in wanted:
        download(sha256.lower(), address, folder / PurePosixPath(urlsplit(address).path).name)


def download(sha256: str, address: str, target: Path) -> None:
    """Download one file; it gets its name only after its checksum is verified."""
    partial = target.with_name(target.name + ".partial")
    digest = hashlib.sha256()
    answer = urllib.request.urlopen(address, timeout=TIMEOUT_S)  # noqa: S310 - the operator's list
    with answer, partial.open("wb") as file:
        while chunk := answer.read(CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != sha256:
        partial.unlink()
        sys.exit(f"{address} has the SHA-256 {digest.hexdigest()}, not {sha256}")
    partial.rename(target)
    print(f"{target}: {target.stat().st_size} bytes, SHA-256 as listed")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
