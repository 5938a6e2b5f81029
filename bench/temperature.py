"""Compares changed colour temperatures with photos under the real lamp.

    python -m bench.temperature FOLDER [--shrink 2] [--from-k 4500]

FOLDER contains frames of scenes under lamps of several temperatures, named `<scene>_<kelvin>.png`.
Each scene's frame at --from-k is changed to every other temperature and compared with the frame
under that lamp. Frames are box-downsampled by --shrink first: VIDIT's animations have a palette of
256 colours, and its dither is noise. `plain gain` is the same gain in linear light without the tone
curve. PSNR is over sRGB codes, the colour difference is CIEDE2000.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from service.contract.color import (
    change_temperature,
    linear_to_srgb,
    srgb_to_linear,
    temperature_gain,
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shrink", type=int, default=2)
    parser.add_argument("--from-k", type=int, default=4500)
    arguments = parser.parse_args()
    from_k = arguments.from_k
    print(f"{'scene':8}{'kelvin':>7}   {'method':13}{'PSNR dB':>8}{'dE2000':>8}")
    for source_path in sorted(arguments.folder.glob(f"*_{from_k}.png")):
        scene = source_path.stem.rpartition("_")[0]
        source = _frame(source_path, arguments.shrink)
        for target_path in sorted(arguments.folder.glob(f"{scene}_*.png")):
            to_k = int(target_path.stem.rpartition("_")[2])
            if to_k == from_k:
                continue
            target = _frame(target_path, arguments.shrink)
            for method, relit in _methods(source, from_k, to_k).items():
                psnr_db = peak_signal_noise_ratio(target, relit, data_range=1)
                difference = deltaE_ciede2000(rgb2lab(target), rgb2lab(relit)).mean()
                print(f"{scene:8}{to_k:7}   {method:13}{psnr_db:8.2f}{difference:8.2f}")


def _frame(path: Path, shrink: int) -> np.ndarray:
    """Return float32 (h, w, 3), sRGB codes 0 to 1."""
    codes = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if codes is None:
        raise OSError(f"{path} is not a picture")
    size = (codes.shape[1] // shrink, codes.shape[0] // shrink)
    srgb = codes.astype(np.float32) / np.float32(255)
    shrunk: np.ndarray = cv2.resize(srgb, size, interpolation=cv2.INTER_AREA)
    return shrunk


def _methods(source: np.ndarray, from_k: int, to_k: int) -> dict[str, np.ndarray]:
    gain = temperature_gain(from_k, to_k).astype(np.float32)
    return {
        "unchanged": source,
        "plain gain": linear_to_srgb(np.clip(srgb_to_linear(source) * gain, 0, 1)),
        "ours": change_temperature(source, from_k, to_k),
    }


if __name__ == "__main__":
    main()
