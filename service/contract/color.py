"""Operations on light: linear light, colour temperature, strength, fill.

    sRGB codes -> linear light -> scene light (tone curve undone) -> change -> back

Arrays are (..., 3), RGB last, 0 to 1. Functions of float32 return float32.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

F = TypeVar("F", np.float32, np.float64)
A = TypeVar("A", bound=Any)  # arrays with Python's arithmetic
Pixels = npt.NDArray[np.float32]
Triple = npt.NDArray[np.float64]

# IEC 61966-2-1: primaries and white point of linear sRGB.
XYZ_TO_RGB: Final[Triple] = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)
LUMINANCE: Final[Triple] = np.array([0.2126729, 0.7151522, 0.0721750])

# Stephen Hill's fit of the ACES reference rendering and sRGB output transforms.
ACES_IN: Final[Triple] = np.array(
    [
        [0.59719, 0.35458, 0.04823],
        [0.07600, 0.90834, 0.01566],
        [0.02840, 0.13383, 0.83777],
    ]
)
ACES_OUT: Final[Triple] = np.array(
    [
        [1.60475, -0.53108, -0.07367],
        [-0.10208, 1.10813, -0.00605],
        [-0.00327, -0.07276, 1.07602],
    ]
)
_N1, _N0 = 0.0245786, -0.000090537
_D2, _D1, _D0 = 0.983729, 0.4329510, 0.238081

# The scene light that `aces` shows as black; temperature acts on what is above it.
_ACES_BLACK: Final = 0.5 * ((_N1 * _N1 - 4 * _N0) ** 0.5 - _N1)

# Where a sum of two lights begins to bend towards white, in linear light.
_KNEE: Final = 0.9


def srgb_to_linear(x: npt.NDArray[F]) -> npt.NDArray[F]:
    """Undo the sRGB curve (IEC 61966-2-1), elementwise."""
    linear = np.asarray(np.maximum(x, 0.04045))  # one new array: page faults cost more than sums
    linear += 0.055
    linear /= 1.055
    np.power(linear, 2.4, out=linear)
    np.divide(x, 12.92, out=linear, where=x <= 0.04045)
    return linear


def linear_to_srgb(x: npt.NDArray[F]) -> npt.NDArray[F]:
    """Apply the sRGB curve (IEC 61966-2-1), elementwise."""
    codes = np.asarray(np.maximum(x, 0.0031308))
    np.power(codes, 1 / 2.4, out=codes)
    codes *= 1.055
    codes -= 0.055
    np.multiply(x, 12.92, out=codes, where=x <= 0.0031308)
    return codes


def blackbody_rgb(temperature_k: float) -> Triple:
    """Return the colour of a blackbody as linear sRGB with luminance 1, shape (3,).

    Krystek 1985, "An algorithm to calculate correlated colour temperature": a rational
    fit of the Planckian locus in CIE 1960 uv, good from 1000 to 15000 K.
    """
    t = temperature_k
    u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t**2) / (
        1 + 8.42420235e-4 * t + 7.08145163e-7 * t**2
    )
    v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t**2) / (
        1 - 2.89741816e-5 * t + 1.61456053e-7 * t**2
    )
    x, y = 3 * u / (2 * u - 8 * v + 4), 2 * v / (2 * u - 8 * v + 4)
    rgb: Triple = XYZ_TO_RGB @ np.array([x / y, 1.0, (1 - x - y) / y])
    return rgb


def temperature_gain(from_k: float, to_k: float) -> Triple:
    """Return the gain of each linear channel, shape (3,), from one lamp to another."""
    return blackbody_rgb(to_k) / blackbody_rgb(from_k)


def aces(x: npt.NDArray[F]) -> npt.NDArray[F]:
    """Render scene light (..., 3), 0 to infinity, as display light, 0 to 1."""
    w = aces_rational(x @ ACES_IN.T.astype(x.dtype))
    return np.asarray(np.clip(w @ ACES_OUT.T.astype(x.dtype), 0, 1))


def aces_inverse(y: npt.NDArray[F]) -> npt.NDArray[F]:
    """Return the scene light (..., 3) that `aces` renders as display light `y`, 0 to 1."""
    v = aces_rational_inverse(y @ np.linalg.inv(ACES_OUT).T.astype(y.dtype))
    return np.asarray(v @ np.linalg.inv(ACES_IN).T.astype(y.dtype))


def aces_rational(v: A) -> A:
    """Bend light, elementwise, between the two matrices of `aces`; arrays of any library."""
    bent: A = (v * (v + _N1) + _N0) / (v * (_D2 * v + _D1) + _D0)
    return bent


def aces_rational_inverse(w: A) -> A:
    """Undo `aces_rational`."""
    a, b, c = 1 - _D2 * w, _N1 - _D1 * w, _N0 - _D0 * w  # a v^2 + b v + c = 0, a > 0 > c
    straight: A = ((b * b - 4 * a * c) ** 0.5 - b) / (2 * a)
    return straight


def change_temperature(relit_srgb: Pixels, from_k: float, to_k: float) -> Pixels:
    """Change the colour temperature of a picture's light.

    The gain acts behind the tone curve, which then is its own soft shoulder: lamps and
    highlights stay nearly white, as film and cameras show them, and nothing clips hard.
    Black stays black. The whole picture is taken to be lit by this one light.

    Args:
        relit_srgb: float32 (..., 3), sRGB codes 0 to 1.
        from_k: temperature of its light, in kelvin.
        to_k: wanted temperature, in kelvin; `from_k` returns the picture exactly.

    Returns:
        float32 (..., 3), sRGB codes 0 to 1.
    """
    if to_k == from_k:
        return relit_srgb
    gain, black = temperature_gain(from_k, to_k).astype(np.float32), np.float32(_ACES_BLACK)
    scene = aces_inverse(srgb_to_linear(relit_srgb))
    return linear_to_srgb(aces((scene - black) * gain + black))


def blend(original_srgb: Pixels, relit_srgb: Pixels, strength: float) -> Pixels:
    """Mix two lights in linear light: the original at strength 0, the relit at 1, exactly.

    Args:
        original_srgb: float32 (h, w, 3), sRGB codes 0 to 1.
        relit_srgb: the same.
        strength: 0 to 1.
    """
    if strength == 0:
        return original_srgb
    if strength == 1:
        return relit_srgb
    original, relit = srgb_to_linear(original_srgb), srgb_to_linear(relit_srgb)
    return linear_to_srgb(original + np.float32(strength) * (relit - original))


def fill_light(original_srgb: Pixels, relit_srgb: Pixels, fill: float) -> Pixels:
    """Keep part of the photo's own light as a fill light beside the new one.

        relit + fill * original * mean(relit) / mean(original)      in linear light

    Args:
        original_srgb: float32 (h, w, 3), sRGB codes 0 to 1.
        relit_srgb: the same.
        fill: 0 (the relit picture, exactly) to 1 (both lights equally strong).
    """
    if fill == 0:
        return relit_srgb
    original, relit = srgb_to_linear(original_srgb), srgb_to_linear(relit_srgb)
    balance = float(relit.mean()) / max(float(original.mean()), 1e-6)
    return linear_to_srgb(shoulder(relit, relit + np.float32(fill * balance) * original))


def gray(srgb: Pixels) -> Pixels:
    """Remove the colour of a picture and keep its luminance.

    Args:
        srgb: float32 (..., 3), sRGB codes 0 to 1.

    Returns:
        The same shape, all channels equal.
    """
    luminance = srgb_to_linear(srgb) @ LUMINANCE.astype(np.float32)
    codes = linear_to_srgb(np.clip(luminance, 0, 1))
    return np.repeat(codes[..., None], 3, axis=-1)


def soft_clip(linear: Pixels) -> Pixels:
    """Bend linear light (...) that passes the knee of 0.9 towards 1, which it never reaches."""
    over = linear > _KNEE
    if not over.any():
        return linear
    room, bent = np.float32(1 - _KNEE), linear.copy()
    bent[over] = _KNEE - room * np.expm1((_KNEE - linear[over]) / room)
    return bent


def shoulder(before: Pixels, after: Pixels) -> Pixels:
    """Soft-clip linear light (...), but never below what it was before the change."""
    return np.asarray(np.maximum(np.minimum(before, after), soft_clip(after)), np.float32)
