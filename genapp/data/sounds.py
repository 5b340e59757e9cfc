"""Synthesised sounds: seven kinds × three pitches × three tempos, seeded, in plain numpy.

A sound is a row of events (a bark, a drum stroke, …) at a tempo. Pitch words are relative to the
kind: a *low* bird lies above a *high* drum, as listeners would say. Some combinations are never
used for training (:data:`UNSEEN`): every pair of their properties is, the triple isn't.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genapp.errors import UserError

RATE = 48_000  # Hz
SECONDS = 2.0
KINDS = ("tone", "chirp", "noise", "drum", "bell", "bark", "bird")
PITCHES = ("low", "middle", "high")
TEMPOS = ("slow", "medium", "fast")
BANDS = {  # fundamental in Hz, from–to, for the three pitches; the gaps keep the words unambiguous
    "tone": ((150, 260), (500, 850), (1700, 2900)),
    "chirp": ((190, 300), (650, 1000), (2200, 3400)),
    "noise": ((150, 300), (900, 1600), (5000, 8000)),
    "drum": ((45, 75), (130, 210), (350, 560)),
    "bell": ((180, 280), (600, 900), (1900, 2800)),
    "bark": ((110, 170), (260, 370), (560, 800)),
    "bird": ((1300, 1900), (2800, 3900), (5600, 7800)),
}
EVENTS = ((1.0, 1.5), (2.6, 3.6), (6.0, 8.5))  # a second, for the three tempos
LICENCE = "made by this program"
SOURCE = "https://en.wikipedia.org/wiki/Additive_synthesis"

Wave = NDArray[np.float32]  # (samples,) in −1…1
Rng = np.random.Generator


@dataclass(frozen=True, slots=True, order=True)
class Combination:
    """What a caption can say of a sound."""

    kind: str
    pitch: str
    tempo: str


ALL = tuple(Combination(k, p, t) for k in KINDS for p in PITCHES for t in TEMPOS)
UNSEEN = tuple(  # two of each kind's nine
    Combination(kind, PITCHES[(i + j) % 3], TEMPOS[(2 * i + j + i // 3) % 3])
    for i, kind in enumerate(KINDS)
    for j in (0, 1)
)
SEEN = tuple(c for c in ALL if c not in UNSEEN)


def synthesise(what: Combination, seed: int, seconds: float = SECONDS) -> Wave:
    """One sound at 48 kHz; ``seed`` decides pitch and tempo within their bands, onsets, colour.

    Raises :class:`UserError` for a kind, pitch or tempo that doesn't exist.
    """
    for name, value, known in (
        ("kind", what.kind, KINDS), ("pitch", what.pitch, PITCHES), ("tempo", what.tempo, TEMPOS),
    ):  # fmt: skip
        if value not in known:
            raise UserError(f"Unknown {name} {value!r}", f"choose one of {', '.join(known)}.")
    rng = np.random.default_rng([seed, ALL.index(what)])
    f0 = _between(rng, BANDS[what.kind][PITCHES.index(what.pitch)])
    rate = _between(rng, EVENTS[TEMPOS.index(what.tempo)])
    n = round(seconds * RATE)
    voice = _MAKERS[what.kind](rng, f0, 1 / rate)
    x = np.zeros(n, np.float32)
    for onset in np.arange(0.02 + 0.5 * rng.random() / rate, seconds - 0.06, 1 / rate):
        event = voice()
        start = int((onset + 0.04 * rng.standard_normal() / rate) * RATE)
        start = min(max(start, 0), n - 1)
        part = event[: n - start] * np.float32(rng.uniform(0.75, 1))
        x[start : start + len(part)] += part
    x *= np.float32(rng.uniform(0.4, 0.9) / max(1e-6, float(np.abs(x).max())))
    hiss = rng.standard_normal(n, np.float32) * np.float32(10 ** rng.uniform(-4.0, -2.3))
    return np.clip(x + hiss, -1, 1).astype(np.float32)


def _between(rng: Rng, band: tuple[float, float]) -> float:
    """A number from the band, uniform on the logarithmic scale."""
    return float(np.exp(rng.uniform(*np.log(band))))


def _clock(seconds: float) -> NDArray[np.float32]:
    return np.arange(max(64, round(seconds * RATE)), dtype=np.float32) / np.float32(RATE)


def _edges(t: NDArray[np.float32], attack: float, release: float) -> NDArray[np.float32]:
    """Straight fades at both ends, in seconds."""
    return np.minimum(1, np.minimum(t / attack, (t[-1] - t) / release)).astype(np.float32)


def _sine(frequency: NDArray[np.float32] | float, t: NDArray[np.float32]) -> NDArray[np.float32]:
    """A sine whose frequency (Hz) may change from sample to sample."""
    steps = np.broadcast_to(np.float64(2 * np.pi) * np.asarray(frequency) / RATE, t.shape)
    return np.sin(np.cumsum(steps)).astype(np.float32)


Maker = Callable[[Rng, float, float], Callable[[], NDArray[np.float32]]]


def _tone(rng: Rng, f0: float, period: float) -> Callable[[], Any]:
    """A beep: a sine with up to three weak overtones."""
    t = _clock(rng.uniform(0.45, 0.75) * period)
    overtones = rng.uniform(0, 0.25, 3)
    beep = _sine(f0, t)
    for k, a in enumerate(overtones, 2):
        beep += np.float32(a / k) * _sine(k * f0, t)
    beep *= _edges(t, 0.01, 0.02)
    return lambda: beep


def _chirp(rng: Rng, f0: float, period: float) -> Callable[[], Any]:
    """A glide over one to one and a half octaves, up or down, like a siren's."""
    t = _clock(rng.uniform(0.7, 0.92) * period)
    octaves = rng.uniform(1.0, 1.5) * rng.choice([-1, 1])
    glide = f0 * 2 ** (octaves * (t / t[-1] - 0.5) + 0.5)
    sweep = (_sine(glide, t) + 0.2 * _sine(2 * glide, t)) * _edges(t, 0.01, 0.02)
    return lambda: sweep


def _noise(rng: Rng, f0: float, period: float) -> Callable[[], Any]:
    """Rain and wind: noise of about an octave and a half that swells and falls."""
    t = _clock(1.15 * period)
    swell = np.float32(0.04) + np.sin(np.pi * np.minimum(t / t[-1], 1)) ** 2
    n = 1 << int(np.ceil(np.log2(len(t))))
    f = np.fft.rfftfreq(n, 1 / RATE) + 1e-3
    shape = np.exp(-0.5 * (np.log2(f / f0) / rng.uniform(0.45, 0.7)) ** 2).astype(np.float32)

    def gust() -> NDArray[np.float32]:
        white = rng.standard_normal((2, len(f)), np.float32)
        band = np.fft.irfft((white[0] + 1j * white[1]) * shape, n)[: len(t)].astype(np.float32)
        return band / np.float32(band.std() + 1e-9) * swell

    return gust


def _drum(rng: Rng, f0: float, period: float) -> Callable[[], Any]:
    """A skin: a sine that falls in pitch and dies within a fifth of a second, and a click."""
    t = _clock(min(0.45, 1.5 * period))
    decay = rng.uniform(0.05, 0.11)
    skin = _sine(f0 * (1 + rng.uniform(0.4, 1.0) * np.exp(-t / 0.018)), t) * np.exp(-t / decay)
    skin += 0.35 * _sine(1.59 * f0, t) * np.exp(-t / (0.5 * decay))  # next mode of a membrane
    loud = np.float32(rng.uniform(0.08, 0.25))
    envelope = np.exp(-t / 0.008) * loud

    def stroke() -> NDArray[np.float32]:
        return (skin + rng.standard_normal(len(t), np.float32) * envelope).astype(np.float32)

    return stroke


def _bell(rng: Rng, f0: float, period: float) -> Callable[[], Any]:
    """A minor-third bell: inharmonic partials, the high ones dying first; strokes overlap."""
    t = _clock(min(1.6, 4 * period))
    ring = np.zeros(len(t), np.float32)
    decay = rng.uniform(0.3, 0.6)
    for ratio, loud in ((0.5, 0.35), (1, 1), (1.19, 0.6), (1.5, 0.4), (2, 0.7), (2.74, 0.4),
                        (4.1, 0.25)):  # fmt: skip
        if ratio * f0 < 16_000:
            ring += np.float32(loud * rng.uniform(0.6, 1.2)) * (
                _sine(ratio * rng.uniform(0.995, 1.005) * f0, t) * np.exp(-t * ratio**0.7 / decay)
            )
    ring *= np.minimum(1, t / 0.002)
    return lambda: ring


def _bark(rng: Rng, f0: float, period: float) -> Callable[[], Any]:
    """A dog: a buzz whose pitch jumps up and falls, through three formants, with breath."""
    seconds = min(rng.uniform(0.13, 0.2), 0.8 * period)
    k = np.arange(1, 40)[:, None]
    size = (f0 / 200) ** 0.45  # a small dog has a high voice and a short throat
    formants = np.array([620, 1250, 2700]) * size * rng.uniform(0.9, 1.1, 3)
    weight = (
        sum(
            g * np.exp(-0.5 * ((k * f0 - f) / (140 + 0.12 * f)) ** 2)
            for f, g in zip(formants, (1, 0.6, 0.25), strict=True)
        )
        + 0.25 / k
    )
    phase = rng.uniform(0, 2 * np.pi, k.shape)
    table = (weight * np.sin(2 * np.pi * k * np.arange(2048) / 2048 + phase)).sum(0)
    table = (table / np.abs(table).max()).astype(np.float32)

    def bark() -> NDArray[np.float32]:
        t = _clock(seconds * rng.uniform(0.9, 1.1))
        bend = f0 * (0.8 + 0.35 * np.sin(np.pi * (t / t[-1]) ** 0.6))
        turns = np.cumsum(bend / RATE)
        x = table[(2048 * turns).astype(np.int64) % 2048]
        x = x + np.float32(0.12) * rng.standard_normal(len(t), np.float32)
        return (x * _edges(t, 0.012, 0.6 * float(t[-1]))).astype(np.float32)

    return bark


def _bird(rng: Rng, f0: float, period: float) -> Callable[[], Any]:
    """A bird: two to four pure, quickly gliding notes with a warble."""
    seconds = min(0.8 * period, 0.42)
    notes = int(rng.integers(2, 5)) if seconds > 0.2 else int(rng.integers(1, 3))
    warble, depth = rng.uniform(22, 45), rng.uniform(0.01, 0.05)
    plan = rng.uniform(0.88, 1.12, (notes, 2))

    def call() -> NDArray[np.float32]:
        song = []
        for start, end in plan:
            t = _clock(seconds / notes)
            u = t / t[-1]
            bend = f0 * (start + (end - start) * u) * (1 + 0.10 * np.sin(np.pi * u))
            bend = bend * (1 + depth * np.sin(2 * np.pi * warble * t))
            song.append(_sine(bend, t) * np.sin(np.pi * np.minimum(1, 1.25 * u)) ** 2)
        return np.concatenate(song).astype(np.float32)

    return call


_MAKERS: dict[str, Maker] = {
    "tone": _tone, "chirp": _chirp, "noise": _noise, "drum": _drum, "bell": _bell, "bark": _bark,
    "bird": _bird,
}  # fmt: skip
