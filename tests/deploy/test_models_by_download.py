"""A model that is not the one that was listed never reaches the service."""

from __future__ import annotations

import functools
import hashlib
import http.server
import subprocess
import sys
import threading

import pytest

from tests.deploy.tools import K8S

SCRIPT = K8S / "components" / "models-by-download" / "download.py"
MODEL = b"a model" * 400_000


@pytest.fixture
def address(tmp_path):
    """Where the model can be fetched."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "drn-E-4500.onnx").write_bytes(MODEL)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=shelf)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/drn-E-4500.onnx?version=1"
        server.shutdown()
        thread.join()


def download(tmp_path, list_text):
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "models.txt").write_text(list_text)
    command = [sys.executable, "-I", SCRIPT, tmp_path / "models.txt", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done, folder


def test_a_listed_model_arrives_whole(tmp_path, address):
    sha256 = hashlib.sha256(MODEL).hexdigest()
    done, folder = download(tmp_path, f"# a comment\n\n{sha256}  {address}\n")
    assert done.returncode == 0, done.stderr
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {"drn-E-4500.onnx": MODEL}


def test_a_wrong_checksum_ends_the_start_and_leaves_nothing(tmp_path, address):
    done, folder = download(tmp_path, f"{'0' * 64} {address}\n")
    assert done.returncode != 0
    assert hashlib.sha256(MODEL).hexdigest() in done.stderr
    assert list(folder.iterdir()) == []


def test_the_list_as_it_ships_is_an_error_not_an_empty_service(tmp_path):
    done, _ = download(tmp_path, SCRIPT.with_name("models.txt").read_text())
    assert done.returncode != 0
    assert "lists no models" in done.stderr
