"""Estimates the blur that a network adds, from a picture and its relit version.

The exporter measures it on held-out targets and stores it in the model's metadata. For a model
without that value, the service estimates it per photo.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.contract.metadata import MAX_SOFTNESS_PX

Pixels = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.float64]

# Centres of the bands of the cosine spectrum, in radians per pixel, up to the corner.
_FREQUENCIES: Final[Spectrum] = (np.arange(256) + 0.5) * (np.pi * np.sqrt(2) / 256)


def estimate_softness(low_in: Pixels, low_out: Pixels) -> float:
    """Estimate the blur of a network: the blur of its input that matches its output.

    Two pictures of one scene count as equally sharp if the energies of a fine band (below 1 px)
    and a coarse band (2 to 4 px) have the same ratio. Energies are summed over the cosine
    spectrum, where a Gaussian blur is a factor.

    Args:
        low_in: float32 (h, w, 3), 0 to 1.
        low_out: the same.

    Returns:
        Standard deviation in pixels, 0 to 3; 0 if the output is no softer.
    """
    blurs = np.linspace(0, MAX_SOFTNESS_PX, 61)
    blurred_in = _spectrum(low_in) * np.exp(-np.square(blurs[:, None] * _FREQUENCIES))
    sharpness, wanted = _sharpness(blurred_in), _sharpness(_spectrum(low_out)[None])
    return float(np.interp(wanted[0], sharpness[::-1], blurs[::-1]))


def _spectrum(x: Pixels) -> Spectrum:
    """Return the energy of luminance, minus its mean, at each of `_FREQUENCIES`."""
    gray = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)
    odd_row, odd_column = (side % 2 for side in gray.shape)  # OpenCV's DCT needs even sides
    gray = cv2.copyMakeBorder(gray, 0, odd_row, 0, odd_column, cv2.BORDER_REFLECT)
    height_px, width_px = gray.shape
    energy = np.square(cv2.dct(gray - gray.mean()))
    rows, columns = np.arange(height_px) / height_px, np.arange(width_px) / width_px
    radius = np.hypot(rows[:, None], columns) / np.sqrt(2)  # 0 to 1
    bands = (radius * len(_FREQUENCIES)).astype(np.intp)
    sums = np.bincount(bands.ravel(), energy.ravel(), minlength=len(_FREQUENCIES))
    return sums.astype(np.float64)


def _sharpness(spectra: Spectrum) -> Spectrum:
    """Return log(fine / coarse) of spectra (n, bands); 0 for flat pictures."""
    # Sums instead of matrix products, whose order of additions depends on n: equal pictures must
    # be equally sharp to the last bit.
    fine = (spectra * np.square(1 - _low_pass(1))).sum(axis=1)
    coarse = (spectra * np.square(_low_pass(2) - _low_pass(4))).sum(axis=1)
    return np.asarray(np.log((fine + 1e-12) / (coarse + 1e-12)), np.float64)


def _low_pass(sigma_px: float) -> Spectrum:
    """Return the attenuation of each of `_FREQUENCIES` by a Gaussian blur."""
    return np.asarray(np.exp(-0.5 * np.square(sigma_px * _FREQUENCIES)), np.float64)
