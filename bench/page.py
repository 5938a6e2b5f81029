"""Measures how fast the photo on the web page follows a dragged lamp, in Chromium.

    python -m service &
    python -m bench.page photo.jpg --stills stills/

The lamp goes round at a low elevation, in small steps of the mouse. It measures the time from a
request to its picture, the time between two pictures, the service's own stages (`Server-Timing`),
and its CPU time per picture, which says more than the wall time on a busy machine.
`--stills` then keeps a picture at each of twelve azimuths.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from bench.open_loop import quantile

_RIM_SHARE = 0.42  # of the dome's side, as in service/web/dome.js
_ELEVATION_DEG = 25
_NUM_STEPS = 240
_STEP_MS = 25
_RECORD = """() => {
  window.shownMs = [];
  performance.setResourceTimingBufferSize(10_000);
  performance.clearResourceTimings();
  new MutationObserver(() => shownMs.push(performance.now()))
    .observe(document.getElementById("after"), {attributeFilter: ["src"]});
}"""
_READ = """() => [
  window.shownMs,
  performance.getEntriesByType("resource")
    .filter(entry => entry.name.includes("/relight?") && entry.responseEnd > 0)
    .map(entry => [entry.startTime, entry.responseEnd]),
  performance.getEntriesByType("resource")
    .filter(entry => entry.name.includes("/relight?"))
    .flatMap(entry => entry.serverTiming.map(stage => [stage.name, stage.duration])),
]"""


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--width-px", type=int, default=1440)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--stills", type=Path)
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": arguments.width_px, "height": 900})
        page.goto(arguments.url)
        page.locator("#limits").get_by_text("megapixels").wait_for()
        page.locator("#file").set_input_files(arguments.photo)
        _wait_for_rest(page)
        page.evaluate(_RECORD)
        before_s = _cpu_s(arguments.url)
        for _ in range(arguments.rounds):
            _go_round(page)
        used_s = _cpu_s(arguments.url) - before_s
        _print(*page.evaluate(_READ), used_s=used_s)
        if arguments.stills:
            _keep_stills(page, arguments.stills)
        browser.close()


def _go_round(page: Page) -> None:
    page.locator("#dome").evaluate("dome => dome.scrollIntoView({block: 'end'})")
    box = page.locator("#dome").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    reach = _RIM_SHARE * box["width"] * (1 - _ELEVATION_DEG / 90)
    page.mouse.move(x + reach, y)
    page.mouse.down()
    for step in range(_NUM_STEPS):
        turn = 2 * math.pi * step / _NUM_STEPS
        page.mouse.move(x + reach * math.cos(turn), y + reach * math.sin(turn))
        page.wait_for_timeout(_STEP_MS)
    page.mouse.up()


def _cpu_s(url: str) -> float:
    """Return the CPU time that the service has used so far."""
    lines = httpx.get(f"{url}/metrics").raise_for_status().text.splitlines()
    line = next(line for line in lines if line.startswith("process_cpu_seconds_total "))
    return float(line.split()[1])


def _print(
    shown_ms: Sequence[float],
    requests_ms: Sequence[tuple[float, float]],
    stages_ms: Sequence[tuple[str, float]],
    *,
    used_s: float,
) -> None:
    answered = [  # a picture is that of the last answer before it
        (shown, [begin for begin, end in requests_ms if end <= shown]) for shown in shown_ms
    ]
    waits_ms = [shown - begins[-1] for shown, begins in answered if begins]
    gaps_ms = [later - earlier for earlier, later in itertools.pairwise(shown_ms)]
    load = f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"
    print(f"{load}, {len(shown_ms)} pictures")
    rows = {"request to picture": waits_ms, "between pictures": gaps_ms}
    for stage in dict.fromkeys(name for name, _ in stages_ms):
        rows[f"  {stage}"] = [ms for name, ms in stages_ms if name == stage]
    for name, values in rows.items():
        p50, p95 = quantile(values, 0.5), quantile(values, 0.95)
        print(f"{name:20}p50 {p50:5.0f} ms   p95 {p95:5.0f} ms")
    print(f"CPU of the service  {used_s / len(requests_ms) * 1e3:9.0f} ms a picture")


def _keep_stills(page: Page, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page.locator("#split").fill("0")
    page.get_by_role("spinbutton", name="Elevation").fill(str(_ELEVATION_DEG))
    for azimuth in range(0, 360, 30):
        page.get_by_role("spinbutton", name="Azimuth").fill(str(azimuth))
        _wait_for_rest(page)
        page.locator("#compare").screenshot(path=folder / f"photo-{azimuth:03}.png")
        page.locator("#dome").screenshot(path=folder / f"dome-{azimuth:03}.png")


def _wait_for_rest(page: Page) -> None:
    page.locator("#answer-facts").evaluate("facts => (facts.textContent = '')")
    page.locator("#answer-facts").get_by_text("full size in").wait_for()


if __name__ == "__main__":
    main()
