"""The public package, used from a project that has its own `service/` and `model_export/`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import relight
from relight import errors
from tests.relight.cli.relight_command import COMMAND, environment

CALLER = """
import asyncio, json, sys

import model_export
import service
from relight import AsyncClient, Client, InvalidOption

url, photo = sys.argv[1:]
refused = None
with Client(url) as client:
    relit = client.relight(photo, light="W-3200")
    try:
        client.relight(photo, direction="N")
    except InvalidOption as error:
        refused = error.option

async def relight_again():
    async with AsyncClient(url) as client:
        return await client.relight(photo, light="W-3200")

print(json.dumps({
    "owners": [service.OWNER, model_export.OWNER],
    "light": str(relit.light),
    "refused": refused,
    "same": asyncio.run(relight_again()).data == relit.data,
}))
"""


@pytest.fixture
def project(tmp_path: Path, png: bytes) -> Path:
    """A folder with a caller's script, a photo, and packages named like Relight's own."""
    for name in ("service", "model_export"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("OWNER = 'the caller'\n")
    (tmp_path / "caller.py").write_text(CALLER)
    (tmp_path / "photo.png").write_bytes(png)
    return tmp_path


def test_a_script_beside_packages_of_the_same_names_relights_with_the_client(project, url):
    done = subprocess.run(
        [sys.executable, "caller.py", url, "photo.png"],
        cwd=project,
        env=os.environ,
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "owners": ["the caller", "the caller"],
        "light": "W-3200",
        "refused": "direction",
        "same": True,
    }


@pytest.mark.parametrize("where", ["in this process", "in a service"])
def test_the_command_works_in_such_a_folder(project, url, models_dir, where):
    remote = ["--url", url] if where == "in a service" else []
    done = subprocess.run(
        [COMMAND, "image", "photo.png", "-o", "relit.png", *remote],
        cwd=project,
        env=environment(RELIGHT_MODELS_DIR=models_dir),
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert (project / "relit.png").exists()


def test_importing_it_imports_neither_half_nor_their_libraries():
    code = "import sys, relight, relight.cli; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "relight" in loaded
    assert not loaded & {"service", "model_export", "numpy", "cv2", "PIL", "fastapi", "pydantic"}


def test_every_error_class_can_be_imported_from_it():
    kinds = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.RelightError)
    }
    assert kinds <= set(relight.__all__)
    assert all(hasattr(relight, name) for name in relight.__all__)
