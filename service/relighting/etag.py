"""Computes entity tags: everything that an answer depends on, as one short string.

The tag is known before any work is done, so that a caller who has the answer already costs
nothing. It is weak (RFC 9110, section 8.8.1): in another batch a pixel may differ by one step.

It contains `pixel_revision()` instead of the version of the package: most releases leave the pixels
unchanged, and a build between two releases may change them.
"""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from relight.options import LAMP_OPTIONS
from service.imaging.formats import Ranking
from service.relighting.options import RelightOptions

# The code between the bytes of a photo and the bytes of its answer, besides the model's file.
PIXEL_SOURCES: Final = ("contract", "imaging", "inference/session.py", "relighting")
PIXEL_LIBRARIES: Final = (
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "opencv-python-headless",
    "pi-heif",
    "pillow",
    "simplejpeg",
)


def photo_digest(data: bytes) -> str:
    """Return the SHA-256 of an image file, in hex."""
    return hashlib.sha256(data).hexdigest()


def answer_tag(
    digest: str,
    options: RelightOptions,
    *,
    light: str,
    model: str,
    formats: Ranking,
    revision: str,
) -> str:
    """Return the entity tag of an answer, such as `W/"0a1b..."`.

    Args:
        digest: of the photo.
        options: what is asked for; two ways to say the same get the same tag.
        light: where the light comes from: a direction, or lamps.
        model: name and checksum of the model.
        formats: which are welcome; the photo decides among them.
        revision: of the code that makes the pixels, see `pixel_revision`.
    """
    said_otherwise = {"light", "direction", "temperature", "format", "model", *LAMP_OPTIONS}
    wanted = options.model_dump(exclude=said_otherwise)
    wanted |= {"light": light, "temperature_k": options.wanted_temperature_k}
    # A neutral lamp that is asked for colours a grey photo.
    wanted["adds_color"] = options.adds_color
    parts = json.dumps([digest, wanted, model, formats, revision], sort_keys=True)
    return f'W/"{hashlib.sha256(parts.encode()).hexdigest()[:32]}"'


@cache
def pixel_revision(package: Path = Path(__file__).parents[1]) -> str:
    """Return a checksum of the code that makes pixels, in hex.

    It covers the syntax trees of `PIXEL_SOURCES` without docstrings, and the versions of the
    installed `PIXEL_LIBRARIES`. Comments, formatting and all other modules do not count, and it
    needs neither git nor a release.

    Args:
        package: folder of the package `service`.

    Raises:
        FileNotFoundError: the package is installed without its sources.
    """
    digest = hashlib.sha256()
    for name in PIXEL_SOURCES:
        source = package / name
        modules = [source] if source.suffix else sorted(source.rglob("*.py"))
        if not modules:
            raise FileNotFoundError(f"{source} has no Python sources")
        for module in modules:
            tree = _without_docstrings(ast.parse(module.read_bytes()))
            digest.update(f"{module.relative_to(package)}\n{ast.dump(tree)}\n".encode())
    digest.update(json.dumps([_installed(name) for name in PIXEL_LIBRARIES]).encode())
    return digest.hexdigest()


def _installed(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _without_docstrings(tree: ast.Module) -> ast.Module:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return tree
