"""From samples to a log-mel picture, as CLAP's extractor makes it: 48 kHz, 64 bands, 0–14 kHz.

Equal to librosa's and transformers' (Slaney's mel scale, each triangle of unit area); no other
library is needed for it.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE = 48_000  # Hz
WINDOW = 1024  # samples of one Fourier transform
HOP = 480  # samples from one frame to the next: 10 ms
BANDS = 64
LOW, HIGH = 0.0, 14_000.0  # Hz
FLOOR = 1e-10  # power below which everything is −100 dB

Floats = NDArray[np.float32]


def log_mel(samples: Floats) -> Floats:
    """Samples (n,) at 48 kHz → decibels (1 + n // 480, 64). ``n`` is at least 513."""
    from scipy.fft import rfft

    padded = np.pad(samples.astype(np.float32), WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    spectrum = rfft(frames * _hann(), axis=1)
    power = spectrum.real**2 + spectrum.imag**2  # (T, 513)
    return (10 * np.log10(np.maximum(power @ bank(), FLOOR))).astype(np.float32)


@cache
def bank() -> Floats:
    """Triangular filters (513, 64), equally wide on Slaney's mel scale, each of unit area in Hz."""
    edges = hertz(np.linspace(mel(LOW), mel(HIGH), BANDS + 2))
    f = np.linspace(0, RATE / 2, WINDOW // 2 + 1)[:, None]
    rising = (f - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - f) / np.diff(edges)[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (edges[2:] - edges[:-2])).astype(np.float32)


@cache
def _hann() -> Floats:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


def mel(f: float | NDArray) -> NDArray:
    """Hz → mel by Slaney (1998): linear up to 1 kHz, logarithmic above."""
    f = np.asarray(f, np.float64)
    above = 15 + 27 * np.log(np.maximum(f, 1e-9) / 1000) / np.log(6.4)
    return np.where(f < 1000, 3 * f / 200, above)


def hertz(m: float | NDArray) -> NDArray:
    """The inverse of :func:`mel`."""
    m = np.asarray(m, np.float64)
    return np.where(m < 15, 200 * m / 3, 1000 * np.exp((m - 15) * np.log(6.4) / 27))
