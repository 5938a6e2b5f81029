"""Measures Relight beside LitServe, BentoML, mosec, Ray Serve, MLServer and plain FastAPI.

    python -m bench.peers [PHOTO] [--record peers.json] [--plot bench/plots/peers.svg]
    python -m bench.peers --show peers.json [--plot ...]

The same model and photos behind each server, on the same cores. Each peer has an environment of its
own, made at the first run, and the best of three settings. All servers run at once, and all but the
measured one are paused; loads alternate between servers, so that a busy moment of the machine
affects all equally. Relight's cache is off, except for the work of an editor: one photo, twenty
lights. Prints one table, with the winner of each row in bold.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from PIL import Image

from bench.drawing import peer_bars
from bench.peers import faults, loads
from bench.peers.catalogue import EDITED, PEERS, RELIGHT, Peer, Setting
from bench.peers.environments import ROOT, THIS_PYTHON, NotInstalled, python_of, versions_in
from bench.peers.report import SHARES, table
from bench.peers.server import PeerServer, start
from bench.subject import shipped_model

_CONNECTIONS: Final = (1, 4, 16)
_NUM_PHOTOS: Final = 16


def main() -> None:
    """Measure, or show what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "photo", type=Path, nargs="?", default=ROOT / "service/web/samples/coffee.jpg"
    )
    parser.add_argument("--model", type=Path, default=shipped_model())
    parser.add_argument("--peers", nargs="*", default=[peer.name for peer in PEERS])
    parser.add_argument("--duration", type=float, default=10.0, help="seconds of each load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--environments", type=Path, default=ROOT / ".peers")
    parser.add_argument("--settings", type=Path, help="a record whose best settings are taken")
    parser.add_argument("--record", type=Path, default=Path("peers.json"))
    parser.add_argument("--show", type=Path, metavar="RECORD", help="measure nothing")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="output file: .svg, .png or .pdf")
    arguments = parser.parse_args()
    if arguments.show is None:
        record = _measure(arguments)
        arguments.record.write_text(json.dumps(record, indent=1) + "\n")
    else:
        record = json.loads(arguments.show.read_text())
    print(table(record))
    if arguments.plot:
        peer_bars(record["peers"], arguments.plot)


def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    photos = _photos(arguments.photo)
    measured: dict[str, dict[str, Any]] = {}
    not_measured: dict[str, str] = {}
    record: dict[str, Any] = {
        "photo": arguments.photo.name,
        "model": arguments.model.name,
        "num_cores": len(os.sched_getaffinity(0)),
        "duration_s": arguments.duration,
        "rounds": arguments.rounds,
        "load_average_before": os.getloadavg(),
        "peers": measured,
        "not_measured": not_measured,
    }
    known = json.loads(arguments.settings.read_text())["peers"] if arguments.settings else {}
    servers: dict[str, PeerServer] = {}
    with ExitStack() as running:

        def run(peer: Peer, setting: Setting, python: Path) -> PeerServer:
            server = start(peer, setting, python, arguments.model, photos[0])
            running.callback(server.end)
            server.pause()
            return server

        for peer in (RELIGHT, *(p for p in PEERS if p.name in arguments.peers)):
            try:
                python = python_of(peer, arguments.environments)
                tried = known.get(peer.name, {}).get("settings") or [
                    _try(peer, setting, python, arguments, photos) for setting in peer.settings
                ]
                best = Setting(**max(tried, key=lambda trial: trial["images_hz"])["setting"])
                servers[peer.name] = run(peer, best, python)
            except (NotInstalled, RuntimeError) as error:
                not_measured[peer.name] = str(error)
                continue
            measured[peer.name] = {
                "versions": _versions(peer, python),
                "settings": tried,
                "best": str(best),
            }
        editors = servers | {RELIGHT.name: run(EDITED, EDITED.settings[0], THIS_PYTHON)}
        for measure in (
            partial(_measure_edits, editors, photos, arguments.rounds),
            partial(_measure_loads, servers, photos, arguments),
            partial(_measure_faults, servers, photos[0]),
        ):
            measure(measured)
            print(f"{measure.func.__name__[1:]}: done", file=sys.stderr, flush=True)
            arguments.record.write_text(json.dumps(record, indent=1) + "\n")  # what there is
    record["load_average_after"] = os.getloadavg()
    return record


def _photos(path: Path) -> list[bytes]:
    """Return files of one photo that differ, as an editor's do."""
    with Image.open(path) as photo:
        files = [BytesIO() for _ in range(_NUM_PHOTOS)]
        for number, file in enumerate(files):
            photo.save(file, "jpeg", quality=80 + number)
    return [file.getvalue() for file in files]


def _versions(peer: Peer, python: Path) -> dict[str, str]:
    named = [r.partition("[")[0] for r in peer.requirements or ("relight",)]
    versions = versions_in(python)
    return {name: versions[name] for name in (*named, "onnxruntime")}


def _try(
    peer: Peer,
    setting: Setting,
    python: Path,
    arguments: argparse.Namespace,
    photos: Sequence[bytes],
) -> dict[str, Any]:
    """Measure a setting alone, at four connections."""
    server = start(peer, setting, python, arguments.model, photos[0])
    try:
        images_hz = loads.closed_loop(server, photos, 4, arguments.duration).images_hz
    finally:
        server.end()
    return {"setting": asdict(setting), "images_hz": images_hz}


def _measure_loads(
    servers: Mapping[str, PeerServer],
    photos: Sequence[bytes],
    arguments: argparse.Namespace,
    measured: Mapping[str, dict[str, Any]],
) -> None:
    """Send each load to one server after another, in each round; fill `measured`."""
    duration_s: float = arguments.duration
    for name in servers:
        measured[name] |= {
            "closed_loop": {str(number): [] for number in _CONNECTIONS},
            "latencies_s": {str(share): [] for share in SHARES},
            "goodput_hz": [],
        }
    for number in [n for n in _CONNECTIONS for _ in range(arguments.rounds)]:
        for name, server in servers.items():
            with server.awake():
                figures = loads.closed_loop(server, photos, number, duration_s)
            measured[name]["closed_loop"][str(number)].append(asdict(figures))
    for name in servers:
        trials = measured[name]["closed_loop"].values()
        measured[name]["capacity_hz"] = max(
            statistics.median(trial["images_hz"] for trial in rounds) for rounds in trials
        )
    for seed in range(arguments.rounds):
        for share in SHARES:
            for name, server in servers.items():
                rate_hz = share * measured[name]["capacity_hz"]
                with server.awake():
                    latencies_s = loads.open_loop(server, photos, rate_hz, duration_s, seed)
                measured[name]["latencies_s"][str(share)] += latencies_s
        for name, server in servers.items():
            rate_hz = 2 * measured[name]["capacity_hz"]
            with server.awake():
                good_hz = loads.goodput(server, photos, rate_hz, duration_s, seed)
                server.wait_until_idle()  # some servers finish work whose clients have left
            measured[name]["goodput_hz"].append(good_hz)


def _measure_edits(
    servers: Mapping[str, PeerServer],
    photos: Sequence[bytes],
    num_rounds: int,
    measured: Mapping[str, dict[str, Any]],
) -> None:
    """One photo under twenty lights, another photo in each round."""
    for name in servers:
        measured[name]["edits"] = []
    for number in range(1, num_rounds + 1):
        for name, server in servers.items():
            with server.awake():
                figures = loads.many_lights(server, photos[number])
            measured[name]["edits"].append(asdict(figures))


def _measure_faults(
    servers: Mapping[str, PeerServer], photo: bytes, measured: Mapping[str, dict[str, Any]]
) -> None:
    for name, server in servers.items():
        of_one_s = statistics.median(t["cpu_s"] for t in measured[name]["closed_loop"]["4"])
        with server.awake():
            measured[name]["faults"] = {
                "corrupt_file": faults.corrupt_file(server, photo),
                "leaving_clients": faults.leaving_clients(server, photo, of_one_s),
                "sigterm": faults.signal_under_load(server, photo),
            }


if __name__ == "__main__":
    main()
