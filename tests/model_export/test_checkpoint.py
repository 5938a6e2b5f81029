from dataclasses import replace

import pytest
import torch

from model_export.checkpoint import Checkpoint, CheckpointError, load, save
from model_export.networks.drn import build

PROVENANCE = {"trained_on": "noise", "size_px": 64, "metrics.psnr_db": 17.5}


@pytest.fixture
def checkpoint():
    torch.manual_seed(0)
    return Checkpoint(
        architecture="drn-xs",
        lights=("E-4500",),
        weights=build("drn-xs").state_dict(),
        provenance=PROVENANCE,
    )


class Trap:
    """Unpickled by a careless reader, it leaves a file behind."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (type(self.marker).touch, (self.marker,))


def test_a_checkpoint_comes_back_as_it_was_saved(tmp_path, checkpoint):
    save(tmp_path / "drn.pt", checkpoint)
    loaded = load(tmp_path / "drn.pt")
    assert loaded.architecture == "drn-xs"
    assert loaded.lights == ("E-4500",)
    assert loaded.provenance == PROVENANCE
    assert loaded.weights.keys() == checkpoint.weights.keys()
    for name, weight in checkpoint.weights.items():
        assert torch.equal(loaded.weights[name], weight)


def test_its_network_computes_what_the_saved_one_did(checkpoint):
    network = build("drn-xs").eval()
    network.load_state_dict(dict(checkpoint.weights))
    photo = torch.rand(1, 3, 32, 48)
    restored = checkpoint.network()
    assert not restored.training
    assert torch.equal(restored(photo), network(photo))


def test_saving_leaves_one_file_that_others_may_read(tmp_path, checkpoint):
    path = tmp_path / "drn.pt"
    save(path, checkpoint)
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode
    assert {file.name for file in tmp_path.iterdir()} == {"drn.pt", "plain"}


def test_loading_runs_no_code_of_the_file(tmp_path):
    path, marker = tmp_path / "trap.pt", tmp_path / "sprung"
    torch.save({"format": "relight-checkpoint/1", "weights": Trap(marker)}, path)
    with pytest.raises(CheckpointError, match=r"trap\.pt is not a file of tensors"):
        load(path)
    assert not marker.exists()


def test_a_file_that_torch_did_not_write_is_refused(tmp_path):
    path = tmp_path / "text.pt"
    for content in (b"", b"not a checkpoint", bytes(range(256)) * 40):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"text\.pt is not a file of tensors"):
            load(path)


def test_a_truncated_file_is_refused(tmp_path, checkpoint):
    path = tmp_path / "drn.pt"
    save(path, checkpoint)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(CheckpointError, match="is not a file of tensors"):
        load(path)


@pytest.mark.parametrize(
    "document", [{}, {"weights": {}}, {"format": "relight-checkpoint/2"}, [1, 2], torch.zeros(3)]
)
def test_a_file_of_other_tensors_is_refused(tmp_path, document):
    torch.save(document, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=r"other\.pt"):
        load(tmp_path / "other.pt")


def test_a_missing_file_is_reported_as_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere.pt")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"architecture": "unet"}, "'unet' is not one of .*drn"),
        ({"architecture": "u-net-xs", "lights": ("E-4500", "W-4500")}, "renders one light"),
        ({"architecture": "drn-s"}, "shape"),
        ({"lights": ()}, "at least one light"),
        ({"lights": ("east",)}, "not of the form 'E-4500'"),
        ({"provenance": {"trained_on": ["a", "list"]}}, "'trained_on' is neither"),
    ],
)
def test_a_checkpoint_that_no_network_fits_is_refused(checkpoint, change, complaint):
    with pytest.raises(CheckpointError, match=complaint):
        replace(checkpoint, **change)


def test_a_wrong_weight_is_named(checkpoint):
    weights = dict(checkpoint.weights)
    stem = weights.pop("shadow_prior.stem.0.weight")
    with pytest.raises(CheckpointError, match=r"1 missing \(shadow_prior\.stem\.0\.weight\)"):
        replace(checkpoint, weights=weights)
    with pytest.raises(CheckpointError, match=r"1 unknown \(extra\)"):
        replace(checkpoint, weights={**checkpoint.weights, "extra": stem})
    weights["shadow_prior.stem.0.weight"] = stem[:1]
    with pytest.raises(CheckpointError, match=r"stem\.0\.weight' has the shape \(1, 3, 7, 7\)"):
        replace(checkpoint, weights=weights)
    weights["shadow_prior.stem.0.weight"] = stem.int()
    with pytest.raises(CheckpointError, match="not a tensor of floats"):
        replace(checkpoint, weights=weights)
