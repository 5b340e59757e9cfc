"""What the tab *Sound* draws: waveform, log-mel, bars, the joint map. Inline SVG and PNG."""

import base64
import colorsys
import csv
import html
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genapp.data import sound_files
from genapp.data.sounds import KINDS, RATE
from genapp.families.clap.mel import BANDS, HIGH, mel

CSS = (Path(__file__).parent / "tab.css").read_text("utf-8")
VIOLET = (111, 91, 240)
DEEP = 70.0  # dB below the loudest spot that the picture shows
WIDE, HIGH_WAVE, HIGH_MEL = 640, 76, 150  # px of the drawings
MAP_WIDE, MAP_HIGH, EDGE = 640, 420, 28
TICKS = (250, 1000, 3000, 8000)  # Hz
NAMES = {"bark": "dog"}
PLANES = {
    "kinds": "Plane in which the kinds differ most",
    "widest": "Plane of the widest spread: here pitch and tempo lead",
}

Floats = NDArray[np.float32]


def heard(frame: Any, source: str, settings: Mapping[str, Any]) -> str:
    """Waveform, log-mel, player and what it was."""
    seconds = len(frame.samples) / RATE
    sound = _data("audio/wav", sound_files.wav(frame.samples, RATE))
    name = html.escape(str(settings["name"]))
    return (
        f'<figure class="snd-heard" data-seconds="{seconds:.3f}">'
        f"<figcaption>{html.escape(source)} · {seconds:.1f} s</figcaption>"
        f'<audio controls preload="auto" src="{sound}" aria-label="The sound"></audio>'
        f"{waveform(frame.samples)}{spectrum(frame.mel, seconds)}"
        f'<p class="snd-save"><a href="{sound}" download="{name}.wav">WAV</a>'
        f'<a href="{_data("text/csv", table(frame, settings))}" download="{name}.csv">CSV</a></p>'
        "</figure>"
    )


def waveform(samples: Floats) -> str:
    """The envelope of the samples as a filled path."""
    columns = min(320, len(samples))
    parts = np.array_split(samples, columns)
    peak = max(1e-6, float(np.abs(samples).max()))
    tops, lows = ([float(f(p)) / peak for p in parts] for f in (np.max, np.min))
    x = np.linspace(0, WIDE, columns)
    middle = HIGH_WAVE / 2
    above = " ".join(f"{a:.1f},{middle - 0.92 * middle * t:.1f}" for a, t in zip(x, tops))  # noqa: B905
    below = " ".join(
        f"{a:.1f},{middle - 0.92 * middle * t:.1f}"
        for a, t in zip(x[::-1], reversed(lows))  # noqa: B905
    )
    return (
        f'<svg class="snd-wave" viewBox="0 0 {WIDE} {HIGH_WAVE}" preserveAspectRatio="none" '
        f'role="img" aria-label="Waveform"><line x1="0" x2="{WIDE}" y1="{middle}" y2="{middle}"/>'
        f'<polygon points="{above} {below}"/></svg>'
    )


def spectrum(decibels: Floats, seconds: float) -> str:
    """The log-mel picture with hertz beside it and seconds below."""
    ticks = "".join(
        f'<span style="top:{100 * (1 - float(mel(f)) / float(mel(HIGH))):.1f}%">{_hz(f)}</span>'
        for f in TICKS
    )
    marks = np.linspace(0, seconds, 5)
    times = "".join(f"<span>{t:.1f}</span>" for t in marks)
    picture = _data("image/png", mel_png(decibels))
    return (
        f'<div class="snd-mel"><div class="snd-hz" aria-hidden="true">{ticks}</div>'
        f'<img src="{picture}" alt="Log-mel spectrogram, {BANDS} bands up to 14 kHz">'
        f'</div><div class="snd-s" aria-hidden="true">{times}<i>s</i></div>'
    )


def mel_png(decibels: Floats) -> bytes:
    """Loudness as the opacity of one colour, low frequencies at the bottom: fits both themes."""
    from PIL import Image

    level = ((decibels - decibels.max()) / DEEP + 1).clip(0, 1) ** 1.4  # (T, 64)
    pixels = np.empty((BANDS, len(decibels), 4), np.uint8)
    pixels[..., :3] = VIOLET
    pixels[..., 3] = np.rint(255 * level.T[::-1])
    out = io.BytesIO()
    Image.fromarray(pixels, "RGBA").resize((WIDE, HIGH_MEL), Image.Resampling.BILINEAR).save(
        out, "PNG"
    )
    return out.getvalue()


def bars(frame: Any) -> str:
    """A bar for each label, the best in the accent colour."""
    best = int(frame.probabilities.argmax())
    rows = "".join(
        f'<div class="snd-bar{" best" if i == best else ""}" data-label="{html.escape(label)}">'
        f"<span>{html.escape(label)}</span>"
        f'<i><b style="width:{100 * p:.1f}%"></b></i><em>{100 * p:.0f}\u202f%</em>'
        f"<small>{c:+.2f}</small></div>"
        for i, (label, p, c) in enumerate(
            zip(frame.labels, frame.probabilities, frame.cosines, strict=True)
        )
    )
    notes = [
        f"cosine × {frame.scale:.0f}, softmax; the small number is the cosine with "
        f"“{html.escape(frame.captions[best])}”."
    ]
    if frame.unseen:
        notes.append("<b>This combination was kept from training.</b>")
    if frame.strangers:
        words = ", ".join(html.escape(w) for w in frame.strangers[:8])
        notes.append(f"Words it never met, and can't judge by: <b>{words}</b>.")
    if len(frame.labels) == 1:
        notes.append("With one label the softmax has no choice: add another.")
    return f'<div class="snd-bars">{rows}</div><p class="snd-note">{" ".join(notes)}</p>'


def joint_map(frame: Any, known: Mapping[str, Any] | None, plane: str) -> str:
    """Sounds as dots, captions as rings, the visitor's sound and labels by name."""
    rows: dict[str, list[Any]] = {"sounds": [], "captions": []}
    told, kept = "Plane of this sound and these labels", ""
    if known:
        drawn = known["planes"][plane]
        rows = {
            n: [[*p, *t] for p, t in zip(drawn[n], known["told"][n], strict=True)] for n in rows
        }
        told, kept = PLANES[plane], f", {100 * drawn['kept']:.0f} % of all spread"
    points = np.array([*(r[:2] for side in rows.values() for r in side), *frame.places], np.float64)
    low, high = points.min(0), points.max(0)
    span = np.maximum(high - low, 1e-6)

    def at(x: float, y: float) -> tuple[float, float]:
        u, v = (np.array([x, y]) - low) / span
        return EDGE + u * (MAP_WIDE - 2 * EDGE), MAP_HIGH - EDGE - v * (MAP_HIGH - 2 * EDGE)

    marks = []
    for side, shape in (("sounds", "dot"), ("captions", "ring")):
        for x, y, text, kind in rows[side]:
            a, b = at(x, y)
            marks.append(
                f'<circle class="{shape}" cx="{a:.1f}" cy="{b:.1f}" r="4.5"'
                f' style="--k:{colour(kind)}"><title>{side[:-1]}: {html.escape(text)}</title>'
                "</circle>"
            )
    marks += _names(rows["captions"], at)
    marks += _visitors(frame, at)
    return (
        f'<svg class="snd-map" viewBox="0 0 {MAP_WIDE} {MAP_HIGH}" role="img" aria-label="{told}">'
        f'{"".join(marks)}</svg><p class="snd-note">{told}{kept}. '
        '<span class="key"><i class="dot"></i>sound</span> '
        '<span class="key"><i class="ring"></i>caption</span> '
        '<span class="key"><i class="mine"></i>your sound</span> '
        '<span class="key"><i class="label"></i>your label</span></p>'
    )


def _names(rows: list[Any], at: Any) -> list[str]:
    """Each kind's name above its captions."""
    out = []
    for kind in dict.fromkeys(r[3] for r in rows):
        mine = [at(*r[:2]) for r in rows if r[3] == kind]
        a, b = float(np.mean([p[0] for p in mine])), min(p[1] for p in mine)
        out.append(
            f'<text class="kind" x="{min(max(a, 30), MAP_WIDE - 30):.1f}" y="{max(b - 10, 14):.1f}"'
            f' style="--k:{colour(kind)}">{NAMES.get(kind, kind)}</text>'
        )
    return out


def _visitors(frame: Any, at: Any) -> list[str]:
    """The sound as a large dot, labels as squares; names keep clear of one another."""
    taken: list[tuple[float, float]] = []
    out = []
    best = int(frame.probabilities.argmax())
    mine, *labels = [at(*p) for p in frame.places]
    for i, ((a, b), label) in enumerate(zip(labels, frame.labels, strict=True)):
        left = a > MAP_WIDE * 0.62
        y = _free(taken, a, b + 4)
        end = ' text-anchor="end"' if left else ""
        out.append(
            f'<rect class="label{" best" if i == best else ""}" x="{a - 4.5:.1f}" '
            f'y="{b - 4.5:.1f}" width="9" height="9"/>'
            f'<text x="{a + (-9 if left else 9):.1f}" y="{y:.1f}"{end}>'
            f"{html.escape(label[:28])}</text>"
        )
    near = labels[best]
    line = f'<line x1="{mine[0]:.1f}" y1="{mine[1]:.1f}" x2="{near[0]:.1f}" y2="{near[1]:.1f}"/>'
    me = f'<circle class="mine" cx="{mine[0]:.1f}" cy="{mine[1]:.1f}" r="8"><title>your sound</title></circle>'  # noqa: E501
    return [line, *out, me]


def _free(taken: list[tuple[float, float]], x: float, y: float) -> float:
    """The nearest height at or below ``y`` where a name hides no other."""
    while any(abs(y - b) < 19 and abs(x - a) < 150 for a, b in taken):
        y += 4 if y < MAP_HIGH - 20 else -60
    taken.append((x, y))
    return y


def colour(kind: str) -> str:
    """One hue a kind, of equal weight in both themes."""
    i = KINDS.index(kind) if kind in KINDS else 0
    r, g, b = colorsys.hls_to_rgb((0.04 + i / len(KINDS)) % 1, 0.52, 0.5)
    return f"#{round(255 * r):02x}{round(255 * g):02x}{round(255 * b):02x}"


def table(frame: Any, settings: Mapping[str, Any]) -> bytes:
    """Labels with their numbers, and the settings, as CSV."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["label", "caption", "cosine", "probability"])
    for row in zip(frame.labels, frame.captions, frame.cosines, frame.probabilities, strict=True):
        writer.writerow([*row[:2], f"{row[2]:.5f}", f"{row[3]:.5f}"])
    writer.writerows([[], ["setting", "value"], *settings.items()])
    return out.getvalue().encode()


def _data(kind: str, blob: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(blob).decode()}"


def _hz(f: int) -> str:
    return f"{f / 1000:g} kHz" if f >= 1000 else f"{f} Hz"
