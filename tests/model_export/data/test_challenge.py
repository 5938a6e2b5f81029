"""What the readers promise of VIDIT's archives, as they are downloaded."""

import io
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from model_export.data.challenge import holds_pairs, read_pairs
from model_export.data.examples import examples, paired_examples
from model_export.data.fusion import fuse_folder
from model_export.data.sources import MissingData
from model_export.data.vidit import ViditFolder
from model_export.evaluation.scores import UNCHANGED, evaluate
from relight.lights import DIRECTIONS, VIDIT_TEMPERATURES_K, Light

EAST = Light("E", 4500)
SIZE_PX = 32


def png(seed, mode="RGB"):
    channels = len(mode)
    codes = np.random.default_rng(seed).integers(0, 256, (SIZE_PX, SIZE_PX, channels), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(codes, mode).save(stream, format="png")
    return stream.getvalue()


def archive(path, names, mode="RGB"):
    with zipfile.ZipFile(path, "w") as file:
        for seed, name in enumerate(names):
            file.writestr(name, png(seed, mode))
        file.writestr("__MACOSX/train/._Image000_2500_N.png", b"\0")
    return path


@pytest.fixture
def vidit_train(tmp_path):
    """The training data of track 2: every light of each scene, with an alpha channel."""
    lights = [Light(d, k) for d in DIRECTIONS for k in VIDIT_TEMPERATURES_K]
    names = [
        f"train/Image{scene:03d}_{light.temperature_k}_{light.direction}.png"
        for scene in range(2)
        for light in lights
    ]
    return archive(tmp_path / "VIDIT_train.zip", names, "RGBA")


def test_the_training_archive_is_read_as_it_is(vidit_train):
    folder = ViditFolder.open(vidit_train)
    assert (folder.scenes, folder.size_px) == ((0, 1), SIZE_PX)
    assert folder.temperatures_k == VIDIT_TEMPERATURES_K
    found = folder.picture(0, Light("N", 2500), SIZE_PX)
    with Image.open(io.BytesIO(png(0, "RGBA"))) as first:
        np.testing.assert_array_equal(found, np.asarray(first)[..., :3])


def test_an_unpacked_archive_is_read_alike(vidit_train, tmp_path):
    zipfile.ZipFile(vidit_train).extractall(tmp_path / "unpacked")
    packed, unpacked = (ViditFolder.open(p) for p in (vidit_train, tmp_path / "unpacked"))
    assert packed.scenes == unpacked.scenes
    for light in (Light("SW", 3500), EAST):
        expected = unpacked.picture(1, light, 16)
        np.testing.assert_array_equal(packed.picture(1, light, 16), expected)


def test_shadow_free_pictures_of_an_archive_lie_beside_it(vidit_train):
    folder = ViditFolder.open(vidit_train)
    fuse_folder(folder, SIZE_PX)
    assert (vidit_train.parent / "VIDIT_train.shadow_free" / "Image001.png").exists()
    assert folder.shadow_free(1, SIZE_PX).shape == (SIZE_PX, SIZE_PX, 3)


def test_an_archive_without_a_whole_scene_is_refused_with_its_contents(tmp_path):
    cut = archive(tmp_path / "cut.zip", [f"train/Image000_4500_{d}.png" for d in DIRECTIONS[1:]])
    with pytest.raises(MissingData, match=r"scene 0 has E-4500, NE-4500"):
        ViditFolder.open(cut)


def test_a_damaged_file_of_an_archive_is_named(vidit_train):
    content = bytearray(vidit_train.read_bytes())
    place = content.index(b"train/Image001_4500_E.png") + 60
    content[place : place + 200] = bytes(200)
    vidit_train.write_bytes(content)
    folder = ViditFolder.open(vidit_train)
    with pytest.raises(MissingData, match=r"Image001_4500_E\.png"):
        folder.picture(1, EAST, SIZE_PX)


def test_a_source_that_is_neither_folder_nor_archive_is_refused(tmp_path):
    (tmp_path / "notes.zip").write_text("no archive")
    with pytest.raises(MissingData, match="neither"):
        ViditFolder.open(tmp_path / "notes.zip")
    with pytest.raises(MissingData, match="not there"):
        ViditFolder.open(tmp_path / "nothing.zip")


def test_the_same_picture_in_two_folders_is_refused(vidit_root):
    (vidit_root / "copy").mkdir()
    shutil.copy(vidit_root / "Image000_4500_N.png", vidit_root / "copy")
    with pytest.raises(MissingData, match="twice"):
        ViditFolder.open(vidit_root)


def test_the_frames_of_the_published_animations_are_scenes(tmp_path):
    frames = tmp_path / "data" / "vidit"
    frames.mkdir(parents=True)
    for scene, letter in enumerate("AB"):
        for place, direction in enumerate(DIRECTIONS):
            (frames / f"{letter}_d_{direction}.png").write_bytes(png(8 * scene + place))
        (frames / f"{letter}_i_2500.png").write_bytes(png(99))  # of other scenes, direction unknown
    folder = ViditFolder.open(tmp_path / "data")
    assert folder.scenes == (0, 1)
    found = list(examples(folder, EAST, 16, (4500,)))
    assert len(found) == 2 * 7
    halved = np.asarray(Image.open(io.BytesIO(png(8))).resize((16, 16), Image.Resampling.BOX))
    assert np.abs(halved.astype(int) - found[7].image).max() <= 1


def one_to_one(path, numbers=range(3)):
    names = [f"train/{role}/Image{n:03d}.png" for role in ("input", "target") for n in numbers]
    return archive(path, names)


def test_track_1_is_read_as_input_and_target(tmp_path):
    track_1 = one_to_one(tmp_path / "AIM2020_track1_train.zip")
    assert holds_pairs(track_1)
    pairs = list(read_pairs([track_1], SIZE_PX))
    assert [pair.number for pair in pairs] == [0, 1, 2]
    for seed, picture in ((1, pairs[1].image), (4, pairs[1].target)):
        with Image.open(io.BytesIO(png(seed))) as expected:
            np.testing.assert_array_equal(picture, np.asarray(expected))
    held_out = list(paired_examples([track_1], EAST, SIZE_PX))
    assert {example.light for example in held_out} == {Light("N", 6500)}
    assert [score.method for score in evaluate(held_out, [])] == [UNCHANGED]
    with pytest.raises(MissingData, match="E-4500"):
        list(paired_examples([track_1], Light("W", 4500), SIZE_PX))


def test_inputs_and_ground_truth_of_a_validation_lie_in_two_archives(tmp_path):
    inputs = archive(tmp_path / "AIM2020_track1_validation.zip", ["validation/Image300.png"])
    targets = archive(tmp_path / "AIM2020_track1_validation_gt.zip", ["Image300.png"])
    (pair,) = read_pairs([inputs, targets], SIZE_PX)
    assert pair.number == 300
    with pytest.raises(MissingData, match=r"1 inputs and no target.*_gt\.zip"):
        list(read_pairs([inputs], SIZE_PX))
    more = archive(tmp_path / "more_gt.zip", ["validation_gt/Image301.png"])
    with pytest.raises(MissingData, match="pair 300 lacks its target"):
        list(read_pairs([inputs, more], SIZE_PX))
    with pytest.raises(MissingData, match="pair 300 exists twice"):
        list(read_pairs([inputs, inputs, targets], SIZE_PX))


def test_track_3_brings_a_guide_but_names_no_light_to_be_measured_by(tmp_path):
    names = [f"validation/{role}/Pair00{n}.png" for role in ("input", "guide") for n in range(2)]
    inputs = archive(tmp_path / "AIM2020_track3_validation.zip", names)
    truth = [f"validation_gt/Pair00{n}.png" for n in range(2)]
    targets = archive(tmp_path / "AIM2020_track3_validation_gt.zip", truth)
    pairs = list(read_pairs([inputs, targets], SIZE_PX))
    assert len(pairs) == 2
    with Image.open(io.BytesIO(png(3))) as guide:
        np.testing.assert_array_equal(pairs[1].guide, np.asarray(guide))
    with pytest.raises(MissingData, match="any-to-any"):
        list(paired_examples([inputs, targets], EAST, SIZE_PX))


def test_the_first_scenes_of_300_and_45_are_held_out(vidit_root):
    one = (vidit_root / "Image000_4500_N.png").read_bytes()
    for scene in range(345):
        for direction in DIRECTIONS:
            (vidit_root / f"Image{scene:03d}_4500_{direction}.png").write_bytes(one)
    training, held_out = ViditFolder.open(vidit_root).split(45)
    assert held_out.scenes == tuple(range(45))
    assert training.scenes == tuple(range(45, 345))
