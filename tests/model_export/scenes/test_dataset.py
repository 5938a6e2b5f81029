from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_export.scenes import contact_sheet, dataset, render_scenes, variants
from model_export.scenes.maps import load_maps
from relight.lights import DIRECTIONS
from tests.model_export.stand_in_scene import SCALAR, block_on_a_floor


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small scenes, the second in soft light."""
    folder = tmp_path_factory.mktemp("rendered")
    render_scenes(
        folder, num_scenes=2, first_scene=4, seed=3, size_px=16, samples=1, variant=SCALAR
    )
    return folder


def pictures(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def test_scenes_are_written_as_vidit_writes_them(rendered: Path) -> None:
    expected = {f"Image{k:03d}_4500_{direction}.png" for k in (4, 5) for direction in DIRECTIONS}
    assert pictures(rendered).keys() == expected
    with Image.open(rendered / "Image004_4500_E.png") as image:
        assert (image.mode, image.size) == ("RGB", (16, 16))
    recipe = json.loads((rendered / "scenes.json").read_text())
    assert (recipe["seed"], recipe["size_px"], recipe["variant"]) == (3, 16, SCALAR)
    assert "mitsuba" in recipe["versions"]


def test_a_second_run_renders_only_what_is_missing_and_writes_the_same_bytes(
    rendered: Path,
) -> None:
    before = pictures(rendered)
    untouched = (rendered / "Image004_4500_N.png").stat().st_mtime_ns
    (rendered / "Image005_4500_SW.png").unlink()
    render_scenes(
        rendered, num_scenes=2, first_scene=4, seed=3, size_px=16, samples=1, variant=SCALAR
    )
    assert pictures(rendered) == before
    assert (rendered / "Image004_4500_N.png").stat().st_mtime_ns == untouched


def test_two_processes_write_the_same_files_as_one(rendered: Path, tmp_path: Path) -> None:
    render_scenes(
        tmp_path, num_scenes=2, first_scene=4, seed=3, size_px=16, samples=1, variant=SCALAR, jobs=2
    )
    assert pictures(tmp_path) == pictures(rendered)


def test_a_folder_of_another_seed_is_refused(rendered: Path) -> None:
    with pytest.raises(ValueError, match="another seed"):
        render_scenes(rendered, num_scenes=1, seed=4, size_px=16, samples=1, variant=SCALAR)


def test_an_interrupted_run_leaves_no_half_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[str] = []
    save = Image.Image.save

    def save_three(image: Image.Image, path: Path, **options: object) -> None:
        if len(saved) == 3:
            raise KeyboardInterrupt
        saved.append(path.name)
        save(image, path, **options)

    images = np.zeros((8, 16, 16, 3), dtype=np.uint8)
    monkeypatch.setattr(dataset, "scene_images", lambda *_, **__: ("test", images))
    monkeypatch.setattr(Image.Image, "save", save_three)
    with pytest.raises(KeyboardInterrupt):
        render_scenes(tmp_path, num_scenes=1, size_px=16, variant=SCALAR)
    assert len(saved) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["scenes.json"]


def test_sigterm_stops_a_run_as_ctrl_c_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(
        dataset, "scene_images", lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)
    )
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        render_scenes(tmp_path, num_scenes=3, size_px=16, variant=SCALAR)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_scene_that_never_works_out_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "is_usable", lambda _: False)
    monkeypatch.setattr(dataset, "describe", lambda *_: block_on_a_floor())
    monkeypatch.setattr(dataset, "PROBE_PX", 2)
    variants.activate(SCALAR)
    with pytest.raises(RuntimeError, match="none was usable"):
        dataset.scene_images(0, 0, size_px=16, samples=1)


def test_the_contact_sheet_shows_every_scene_in_every_direction(
    rendered: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sheets" / "contact.png"
    contact_sheet(rendered, out)
    with Image.open(out) as sheet_image:
        width, height = sheet_image.size
        tiles = np.asarray(sheet_image)[20:]
    assert width > 8 * 150
    assert height > 2 * 150
    columns = np.array_split(tiles, 8, axis=1)
    assert all(column.std() > 5 for column in columns)  # pictures, not paper
    assert not np.array_equal(columns[0][:, :150], columns[4][:, :150])  # N is not S


def test_a_contact_sheet_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no scene"):
        contact_sheet(tmp_path, tmp_path / "contact.png")


# Variants


def test_without_llvm_the_scalar_variant_renders_and_suggests_llvm(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(variants, "find_llvm", lambda: None)
    assert variants.activate(None) == SCALAR
    assert "libllvm19" in caplog.text


def test_asking_for_llvm_where_there_is_none_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "find_llvm", lambda: None)
    with pytest.raises(ValueError, match="DRJIT_LIBLLVM_PATH"):
        variants.activate("llvm_ad_rgb")


def test_an_unknown_variant_is_an_error() -> None:
    with pytest.raises(ValueError, match="not one of"):
        variants.activate("gpu")


def test_the_named_library_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DRJIT_LIBLLVM_PATH", str(tmp_path / "libLLVM.so.21.1"))
    assert variants.find_llvm() == tmp_path / "libLLVM.so.21.1"


@pytest.mark.skipif(variants.find_llvm() is None, reason="needs LLVM")
def test_maps_lie_beside_the_pictures_and_show_the_same_view(tmp_path: Path) -> None:
    options = {"seed": 3, "size_px": 32, "samples": 1, "variant": "llvm_ad_rgb"}
    render_scenes(tmp_path, num_scenes=1, with_maps=True, **options)
    maps = load_maps(tmp_path / "Image000_maps.npz")
    mean = np.mean(
        [np.asarray(Image.open(tmp_path / n), float) for n in pictures(tmp_path)], axis=0
    )
    lit = maps.albedo.astype(float) * maps.coverage[..., None]
    seen = np.corrcoef(mean.mean(axis=2).ravel(), lit.mean(axis=2).ravel())[0, 1]
    assert seen > 0.2


def test_maps_need_an_array_variant(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="maps need an array variant"):
        render_scenes(tmp_path, num_scenes=1, size_px=16, samples=1, variant=SCALAR, with_maps=True)
