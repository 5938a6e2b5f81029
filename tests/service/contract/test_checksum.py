from __future__ import annotations

import hashlib

from service.contract.checksum import sha256_of


def test_the_checksum_is_the_sha256_of_the_files_one_after_another(tmp_path):
    first, second = tmp_path / "scene", tmp_path / "light"
    first.write_bytes(b"abc")
    second.write_bytes(b"de")
    assert sha256_of([first]) == hashlib.sha256(b"abc").hexdigest()
    assert sha256_of([first, second]) == hashlib.sha256(b"abcde").hexdigest()
