"""`relight image --reference`: the light of another photo, with and without a server."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from service.app import create_app
from service.settings import Settings
from tests.relight.cli.relight_command import run
from tests.service.api.test_reference import photo, post, reference
from tests.service.pairs import write_pair
from tests.service.stand_ins import serving


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    write_pair(folder)
    return folder


@pytest.mark.parametrize("remote", [True, False], ids=["server", "this host"])
def test_the_command_puts_the_light_of_the_reference_on_the_photo(models_dir, tmp_path, remote):
    source, sunset, out = (tmp_path / name for name in ("photo.png", "sunset.png", "relit.png"))
    source.write_bytes(photo())
    sunset.write_bytes(reference())
    with serving(create_app(Settings(models_dir=models_dir))) as url:
        where = ("--url", url) if remote else ()
        done = run(
            *("image", source, "--reference", sunset, "-o", out, *where),
            RELIGHT_MODELS_DIR=models_dir,
        )
        answer = post(url, image=photo(), reference=reference(), format="png")
    assert done.returncode == 0, done.stderr
    with Image.open(out) as relit, Image.open(io.BytesIO(answer.content)) as expected:
        np.testing.assert_array_equal(np.asarray(relit), np.asarray(expected))
