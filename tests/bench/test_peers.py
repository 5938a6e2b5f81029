from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from bench.harness import photo
from bench.peers import faults, loads
from bench.peers.catalogue import PEERS, RELIGHT
from bench.peers.environments import THIS_PYTHON
from bench.peers.report import table
from bench.peers.server import PeerServer, start
from tests.service.pairs import write_pair

PHOTO = photo(side_px=128)


def figures(images_hz: float, goodput_hz: float) -> dict[str, object]:
    trial = {"images_hz": images_hz, "cpu_s": 0.1, "energy_j": None, "peak_bytes": 10**8}
    return {
        "versions": {"a-server": "1.2"},
        "best": "1 x 2 threads",
        "closed_loop": {str(n): [trial] for n in (1, 4, 16)},
        "latencies_s": {"0.3": [0.1, 0.2], "0.6": [0.1], "0.9": []},
        "goodput_hz": [goodput_hz],
        "capacity_hz": images_hz,
        "edits": [trial],
        "faults": {
            "corrupt_file": {"broken": 422, "neighbours": {"200": 7}},
            "leaving_clients": {"left": 20, "worked_on": 2.0},
            "sigterm": {"in_flight_answered": 4, "in_flight_lost": 0, "exit_status": 0},
        },
    }


def test_the_winner_of_each_row_stands_out():
    record = {
        "model": "m.onnx",
        "photo": "p.jpg",
        "num_cores": 2,
        "rounds": 1,
        "duration_s": 5.0,
        "load_average_before": [1.0],
        "load_average_after": [2.0],
        "peers": {"Relight": figures(7.0, 6.9), "Other": figures(8.0, 0.5)},
        "not_measured": {"Third": "no wheel"},
    }
    lines = table(record).splitlines()
    assert "| images/s, connections: 4 | 7.00 | **8.00** |" in lines
    assert "| in time at twice the own capacity, 1 s, photos/s | **6.90** | 0.50 |" in lines
    assert "| p50 at 90% of the own capacity, ms |" not in "\n".join(lines)
    assert not any(line.startswith("| joules") for line in lines)
    assert "Third: not measured: no wheel" in lines


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, PeerServer]]:
    model, _ = write_pair(tmp_path_factory.mktemp("pair"))
    (fastapi,) = (peer for peer in PEERS if peer.name == "FastAPI")
    running = {}
    try:
        for peer in (RELIGHT, fastapi):
            running[peer.name] = start(peer, peer.settings[0], THIS_PYTHON, model, PHOTO)
        yield running
    finally:
        for server in running.values():
            server.end()
            assert server.pids() == []


@pytest.mark.timeout(300)
def test_a_peer_answers_with_the_pixels_of_the_service(servers):
    relit = [
        np.asarray(Image.open(BytesIO(server.ask(PHOTO, azimuth_deg).content)), np.float32)
        for azimuth_deg in (90.0, 200.0)
        for server in servers.values()
    ]
    for ours, theirs in zip(relit[::2], relit[1::2], strict=True):
        assert np.abs(ours - theirs).mean() < 0.1
    assert np.abs(relit[0] - relit[2]).mean() > 1


@pytest.mark.timeout(300)
def test_the_cost_of_a_server_includes_its_children(servers):
    for server in servers.values():
        figures = loads.closed_loop(server, [PHOTO], num_connections=2, duration_s=1.0)
        assert figures.images_hz > 0
        assert figures.num_failed == 0
        assert figures.cpu_s > 0
        assert figures.peak_bytes > 50e6


@pytest.mark.timeout(300)
def test_a_broken_file_is_distinguished_from_its_neighbours(servers):
    seen = {name: faults.corrupt_file(server, PHOTO) for name, server in servers.items()}
    assert seen["Relight"] == {"broken": 422, "neighbours": {"200": 7}}
    assert seen["FastAPI"] == {"broken": 500, "neighbours": {"200": 7}}


@pytest.mark.timeout(300)
def test_a_paused_server_answers_again_when_it_wakes(servers):
    server = servers["Relight"]
    server.pause()
    with server.awake():
        assert server.ask(PHOTO, 90.0).status_code == 200
    server.wake()
    assert server.ask(PHOTO, 90.0).status_code == 200
