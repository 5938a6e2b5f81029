from __future__ import annotations

import pytest

from relight.atomic import replacing


def test_an_interrupted_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as stream:
        stream.write(b"half of the n")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_of_the_greatest_length_can_be_written(tmp_path):
    path = tmp_path / ("n" * 255)
    with replacing(path) as stream:
        stream.write(b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_files_left_by_a_killed_process_are_overwritten(tmp_path):
    path = tmp_path / "photo.jpg"
    with replacing(path) as stream:
        (unfinished,) = tmp_path.iterdir()
        stream.write(b"a longer text")
    unfinished.write_bytes(b"left by a killed process")
    with replacing(path) as stream:
        stream.write(b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
