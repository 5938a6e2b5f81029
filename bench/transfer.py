"""Measures the detail that the full-resolution transfer restores.

    python -m bench.transfer FOLDER [--scale 4] [--shrink 1] [--frames '*_d_*.png']

FOLDER contains frames of scenes under several lights, named `<scene>_<light>.png`. Frames are
box-downsampled by --scale. The low-resolution relit picture is the target's own (`perfect`
network) or the same blurred by 1.5 px (`soft` network). Each frame of a scene is relit as the next
one and back. Prints means over all pairs. --shrink box-downsamples the frames first: VIDIT's
animations have a palette of 256 colours, and no method can predict its dither.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from service.contract.softness import estimate_softness
from service.relighting.guided_upsampling import transfer


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--shrink", type=int, default=1)
    parser.add_argument("--frames", default="*_*.png", help="pattern of the frames' names")
    arguments = parser.parse_args()
    rows: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    softness_px: dict[str, list[float]] = defaultdict(list)
    for source, target in _pairs(arguments.folder, arguments.frames, arguments.shrink):
        low_in, sharp = _shrink(source, arguments.scale), _shrink(target, arguments.scale)
        networks = {"perfect": sharp, "soft": cv2.GaussianBlur(sharp, (0, 0), 1.5)}
        for network, low_out in networks.items():
            softness_px[network].append(estimate_softness(low_in, low_out))
            for method, relit in _methods(source, low_in, low_out).items():
                rows[network, method].append(_score(target, relit))
    print(f"{'network':10}{'method':18}{'PSNR dB':>8}{'SSIM':>8}   {'pairs':>5}")
    for (network, method), scores in rows.items():
        psnr_db, ssim = np.mean(scores, axis=0)
        print(f"{network:10}{method:18}{psnr_db:8.2f}{ssim:8.3f}   {len(scores):5}")
    for network, estimates in softness_px.items():
        print(f"estimated softness, {network}: median {np.median(estimates):.2f} px")


def _pairs(folder: Path, frames: str, shrink: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    scenes = defaultdict(list)
    for path in sorted(folder.glob(frames)):
        scenes[path.stem.rpartition("_")[0]].append(path)
    for paths in scenes.values():
        pictures = [_codes(_shrink(_read(path), shrink)) for path in paths]
        for one, other in pairwise(pictures):
            yield one, other
            yield other, one


def _read(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise OSError(f"{path} is not a picture")
    return picture


def _shrink(frame: np.ndarray, scale: int) -> np.ndarray:
    size = (frame.shape[1] // scale, frame.shape[0] // scale)
    return cv2.resize(frame.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA)


def _methods(source: np.ndarray, low_in: np.ndarray, low_out: np.ndarray) -> dict[str, np.ndarray]:
    size = (source.shape[1], source.shape[0])
    bicubic = cv2.resize(low_out, size, interpolation=cv2.INTER_CUBIC)
    change = cv2.resize(low_out - low_in, size, interpolation=cv2.INTER_CUBIC)
    residual = source / np.float32(255) + change
    return {
        "bicubic": _codes(bicubic),
        "residual": _codes(residual),
        "transfer, sharp": transfer(source, low_in, low_out, 0.0),
        "transfer, auto": transfer(source, low_in, low_out),
    }


def _codes(x: np.ndarray) -> np.ndarray:
    codes: np.ndarray = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
    return codes


def _score(target: np.ndarray, relit: np.ndarray) -> tuple[float, float]:
    return (
        float(peak_signal_noise_ratio(target, relit)),
        float(structural_similarity(target, relit, channel_axis=2)),
    )


if __name__ == "__main__":
    main()
