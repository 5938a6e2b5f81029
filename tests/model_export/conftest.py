"""A tiny data set in VIDIT's layout: textured planes under a gradient from each direction."""

import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from model_export.data.fusion import fuse_folder
from model_export.data.vidit import ViditFolder
from model_export.scenes import RECIPE
from relight.lights import DIRECTIONS

SIZE_PX = 64


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Small work on many threads is slower than on one."""
    torch.set_num_threads(1)


def paint_scene(seed: int, direction: str) -> np.ndarray:
    """Return a textured plane under a gradient from the direction."""
    texture = np.random.default_rng(seed).uniform(0.2, 0.9, (SIZE_PX, SIZE_PX, 3))
    angle = math.tau * DIRECTIONS.index(direction) / 8  # N up, E right
    y, x = np.mgrid[-1 : 1 : SIZE_PX * 1j, -1 : 1 : SIZE_PX * 1j]
    shading = np.clip(0.5 + 0.4 * (x * math.sin(angle) - y * math.cos(angle)), 0.05, 1)
    return np.rint(texture * shading[..., None] * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def painted_root(tmp_path_factory):
    """The pictures of four scenes, to be copied."""
    root = tmp_path_factory.mktemp("painted")
    for scene in range(4):
        for direction in DIRECTIONS:
            path = root / f"Image{scene:03d}_4500_{direction}.png"
            Image.fromarray(paint_scene(scene, direction)).save(path)
    (root / RECIPE).write_text("{}")
    return root


@pytest.fixture(scope="session")
def fused_root(painted_root, tmp_path_factory):
    """The same pictures with their shadow-free targets, to be copied."""
    root = shutil.copytree(painted_root, tmp_path_factory.mktemp("fused") / "vidit")
    fuse_folder(ViditFolder.open(root), SIZE_PX)
    return root


@pytest.fixture
def vidit_root(painted_root, tmp_path):
    return shutil.copytree(painted_root, tmp_path / "vidit", dirs_exist_ok=True)


@pytest.fixture
def folder(fused_root, tmp_path):
    return ViditFolder.open(shutil.copytree(fused_root, tmp_path / "vidit", dirs_exist_ok=True))
