from __future__ import annotations

from pathlib import Path

import pytest

from model_export.scenes.maps import save_maps
from model_export.streaming.feed import feeding
from model_export.streaming.spool import SpoolReader
from tests.model_export.sphere_scene import sphere_scene


@pytest.mark.timeout(300)  # a process of its own imports PyTorch first
def test_batches_come_in_the_sizes_asked_for(tmp_path: Path) -> None:
    save_maps(sphere_scene(), tmp_path / "0000001.npz")

    with feeding(tmp_path, min_scenes=1, capacity=4, seed=0) as feed:
        small = list(feed.batches(2, 32, 3))
        large = list(feed.batches(1, 48, 2))

    assert [batch["photo"].shape for batch in small] == [(3, 3, 32, 32)] * 2
    assert [batch["relit"].shape for batch in large] == [(2, 3, 48, 48)]


@pytest.mark.timeout(300)
def test_several_processes_feed_from_a_share_of_the_scenes_each(tmp_path: Path) -> None:
    for seed, side_px in enumerate((32, 64)):
        save_maps(sphere_scene(side_px), tmp_path / f"{seed:07d}.npz")
    shares = [SpoolReader(tmp_path, share, 2) for share in range(2)]
    assert [[len(maps.depth) for maps in each.new_scenes()] for each in shares] == [[32], [64]]

    with feeding(tmp_path, min_scenes=2, capacity=4, seed=0, num_processes=2) as feed:
        batches = list(feed.batches(14, 32, 2)) + list(feed.batches(1, 48, 1))

    assert [len(batch["photo"]) for batch in batches] == [2] * 14 + [1]
    assert batches[-1]["photo"].shape == (1, 3, 48, 48)


def test_a_reader_yields_each_scene_once_and_survives_a_broken_file(tmp_path: Path) -> None:
    reader = SpoolReader(tmp_path)
    save_maps(sphere_scene(), tmp_path / "0000001.npz")
    (tmp_path / "0000002.npz").write_bytes(b"half a file")

    first = list(reader.new_scenes())
    save_maps(sphere_scene(32), tmp_path / "0000003.npz")
    second = list(reader.new_scenes())

    assert [len(maps.depth) for maps in first] == [64]
    assert [len(maps.depth) for maps in second] == [32]
