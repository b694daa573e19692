"""Generated hyperspectral scenes: the linear mixing model with the faults of a real sensor.

After Bioucas-Dias et al. (2012), equation 2. For pixel p and band b of a scene with K endmembers:

    spectrum      y[p, b] = g[p] * sum_k a[p, k] E[k, b] + N(0, sigma^2),  sigma^2 = mean(signal^2) / 10^(SNR / 10)
    abundance     a[p] ~ Dirichlet(alpha), spatially smooth: Gaussian fields z_k of length `smoothness` pixels and
                  variance 1 become Gamma(alpha) variables F^-1(Phi(z_k)), which are divided by their sum
    endmember     E[k] = level + slope * lambda + bumps and dips over lambda in [0, 1], kept in [0.02, 1]
    gain          g[p] = exp(gain * z), a smooth Gaussian field too (slopes turned towards or away from the sun)
    stripes       a striped band has a gain and an offset of its own in every column (a push-broom's detectors)
    dead bands    a dead band is 0 everywhere
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

STRIPES = 0.2
"""Standard deviation of a striped band's gain, and of its offset relative to the band's mean."""


@dataclass(frozen=True)
class Scene:
    """An image whose pixels are spectra.

    Attributes:
        cube: reflectance `(row, column, band)` float32.
        labels: class of each pixel `(row, column)`, from 0; -1: unlabelled.
        classes: number of classes.
        sound: which pixels hold measurements `(row, column)`; `None`: all of them.
        note: what a user should know of it, in one line.
    """

    cube: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: int
    sound: NDArray[np.bool_] | None = None
    note: str = ""


def generate_scene(
    *,
    size: int,
    bands: int,
    endmembers: int,
    smoothness: float,
    alpha: float,
    gain: float,
    snr: float,
    striped_bands: int,
    dead_bands: int,
    spectra: NDArray[np.float64] | None = None,
    rng: np.random.Generator,
) -> Scene:
    """Draw a square scene; the label of a pixel is its dominant endmember.

    Args:
        size: rows, and columns, pixels.
        bands: number of bands.
        endmembers: number of endmembers, and of classes.
        smoothness: standard deviation of the Gaussian that smooths the fields, pixels.
        alpha: parameter of the symmetric Dirichlet distribution; below 1, most pixels are nearly pure.
        gain: standard deviation of the logarithm of a pixel's gain.
        snr: signal-to-noise ratio, dB.
        striped_bands: number of bands with stripes.
        dead_bands: number of bands without a signal; none of them is striped.
        spectra: of the endmembers `(endmember, band)`; `None`: drawn.
        rng: draws everything.
    """
    abundances = smooth_abundances(size=size, endmembers=endmembers, smoothness=smoothness, alpha=alpha, rng=rng)
    if spectra is None:
        spectra = draw_spectra(endmembers, bands, rng)
    signal = np.exp(gain * _smooth_field((size, size), smoothness, rng))[..., None] * (abundances @ spectra)
    cube = signal + np.sqrt(np.mean(signal**2) / 10 ** (snr / 10)) * rng.standard_normal(signal.shape)
    faulty = rng.permutation(bands)[: striped_bands + dead_bands]
    striped, dead = faulty[:striped_bands], faulty[striped_bands:]
    columns = STRIPES * rng.standard_normal((2, 1, size, striped_bands))
    cube[:, :, striped] += cube[:, :, striped] * columns[0] + cube[:, :, striped].mean(axis=(0, 1)) * columns[1]
    cube[:, :, dead] = 0.0
    return Scene(cube.astype(np.float32), abundances.argmax(axis=-1), endmembers)


def smooth_abundances(
    *, size: int, endmembers: int, smoothness: float, alpha: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Abundances `(row, column, endmember)` that sum to 1, are Dirichlet(alpha) at each pixel and smooth in space."""
    fields = np.stack([_smooth_field((size, size), smoothness, rng) for _ in range(endmembers)], axis=-1)
    # A Gaussian copula: F^-1(Phi(z)) has the gamma distribution's margins and the fields' smoothness.
    uniform = np.clip(special.ndtr(fields), 1e-12, 1 - 1e-12)
    weights: NDArray[np.float64] = np.maximum(special.gammaincinv(alpha, uniform), 1e-12)
    abundances: NDArray[np.float64] = weights / weights.sum(axis=-1, keepdims=True)
    return abundances


def draw_spectra(endmembers: int, bands: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Reflectance spectra `(endmember, band)` in [0.02, 1]: a sloping continuum with four broad bumps or dips."""
    wavelength = np.linspace(0.0, 1.0, bands)
    level, slope = rng.uniform(0.2, 0.6, (2, endmembers, 1)) * np.array([1.0, 0.5])[:, None, None]
    centre, width, depth = (rng.uniform(low, high, (endmembers, 4, 1)) for low, high in ((0, 1), (0.03, 0.15), (-1, 1)))
    features = (0.3 * depth * np.exp(-(((wavelength - centre) / width) ** 2) / 2)).sum(axis=1)
    spectra: NDArray[np.float64] = np.clip(level + slope * wavelength + features, 0.02, 1.0)
    return spectra


def _smooth_field(shape: tuple[int, int], smoothness: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A Gaussian random field `(row, column)`, of mean 0 and variance 1 over the pixels."""
    field: NDArray[np.float64] = ndimage.gaussian_filter(rng.standard_normal(shape), smoothness, mode="wrap")
    field -= field.mean()
    field /= field.std()
    return field
