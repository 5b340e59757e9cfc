"""Small drawings for the page: pictures as data URIs, charts as SVG text. No plotting library.

Ink is drawn in the text's own colour, so everything suits the light and the dark theme; grey values
of a digit become ink of that opacity. :data:`CSS` belongs to every ``gr.HTML`` that shows one.
"""

import base64
import html
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

CSS, JS = (
    Path(__file__).with_name(f"plots.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")
)
# Petroff's ten colours (arXiv 2107.02270), as on the latent pad.
COLOURS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
INK, WARM = (38, 37, 36), (214, 69, 38)

# --- pictures -----------------------------------------------------------------------------------


def png(grey: NDArray[np.uint8], colour: tuple[int, int, int] = INK) -> str:
    """uint8 (H, W) → a data URI whose opacity is the grey value: one byte a pixel."""
    image = Image.fromarray(grey, "P")
    image.putpalette(bytes(colour) * 256)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=bytes(range(256)))
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def mosaic(images: NDArray[np.uint8], columns: int, gap: int = 0) -> NDArray[np.uint8]:
    """uint8 (N, h, w) → one picture, row by row; ``gap`` empty pixels between the tiles."""
    n, h, w = images.shape
    rows = math.ceil(n / columns)
    sheet = np.zeros((rows * (h + gap), columns * (w + gap)), np.uint8)
    for k, image in enumerate(images):
        y, x = k // columns * (h + gap), k % columns * (w + gap)
        sheet[y : y + h, x : x + w] = image
    return sheet[: rows * (h + gap) - gap, : columns * (w + gap) - gap]


def picture(grey: NDArray[np.uint8], alt: str, kind: str = "tile") -> str:
    """An ``<img>`` of ink; ``kind`` is its CSS class (tile, wide, grid)."""
    return f'<img class="ae-ink ae-{kind}" src="{png(grey)}" alt="{html.escape(alt)}">'


def lens(grey: NDArray[np.uint8], cells: int, alt: str, extra: str = "") -> str:
    """A mosaic of ``cells`` × ``cells`` tiles whose tile under the pointer is shown enlarged."""
    image = picture(grey, alt, "grid").replace("<img", f'<img data-main data-cells="{cells}"')
    return f'<div class="ae-lens">{image}{extra}<span class="ae-eye ae-ink" hidden></span></div>'


def error_map(a: NDArray[np.uint8], b: NDArray[np.uint8], alt: str, kind: str = "tile") -> str:
    """|a − b| in warm ink: where a reconstruction is wrong."""
    wrong = np.abs(a.astype(np.int16) - b).astype(np.uint8)
    return f'<img class="ae-{kind}" src="{png(wrong, WARM)}" alt="{html.escape(alt)}">'


def as_file(grey: NDArray[np.uint8], times: int = 1) -> bytes:
    """A PNG file, black on white, enlarged ``times`` without smoothing."""
    buffer = io.BytesIO()
    big = np.repeat(np.repeat(255 - grey, times, 0), times, 1)
    Image.fromarray(big).save(buffer, "PNG")
    return buffer.getvalue()


# --- charts -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """From data to CSS pixels; drawn at its own size and shrunk where the page is narrower."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: float = 360
    height: float = 220
    left: float = 44
    right: float = 12
    top: float = 22
    bottom: float = 38
    log: bool = False  # of x
    x_label: str = ""
    y_label: str = ""
    x_ticks: tuple[float, ...] | None = None  # round numbers where none are given
    y_ticks: tuple[float, ...] | None = None

    def across(self, x: ArrayLike) -> NDArray[np.float64]:
        """Data → pixels from the left."""
        value, ends = np.asarray(x, np.float64), np.array(self.x, np.float64)
        if self.log:
            value, ends = np.log10(value), np.log10(ends)
        share = (value - ends[0]) / (ends[1] - ends[0])
        return self.left + share * (self.width - self.left - self.right)

    def down(self, y: ArrayLike) -> NDArray[np.float64]:
        """Data → pixels from the top."""
        share = (np.asarray(y, np.float64) - self.y[0]) / (self.y[1] - self.y[0])
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)


def span(values: ArrayLike, margin: float = 0.05, zero: bool = False) -> tuple[float, float]:
    """Ends of an axis that holds ``values`` with a little air; ``zero`` starts it at 0."""
    array = np.asarray(values, np.float64)
    low, high = float(array.min()), float(array.max())
    air = margin * (high - low or abs(high) or 1.0)
    return (0.0 if zero else low - air), high + air


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between two ends."""
    step = 10 ** math.floor(math.log10((high - low) / about))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (m * step) <= about)
    first = math.ceil(low / step)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def number(value: float) -> str:
    """A tick's or caption's text: three significant digits, a real minus sign."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else "–"
    text = f"{value:.3g}" if abs(value) < 999.5 else f"{value:,.0f}"
    if "e" in text:
        mantissa, power = f"{value:.2g}".split("e")
        text = f"{mantissa}·10{str(int(power)).translate(_RAISED)}"
    return text.replace("-", "−")


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def chart(plane: Plane, marks: Sequence[str], alt: str) -> str:
    """Axes around ``marks``."""
    x_ticks = ticks(*plane.x) if plane.x_ticks is None else plane.x_ticks
    y_ticks = ticks(*plane.y, 4) if plane.y_ticks is None else plane.y_ticks
    bottom, right = plane.height - plane.bottom, plane.width - plane.right
    parts = []
    for value, y in zip(y_ticks, plane.down(y_ticks), strict=True):
        parts.append(f'<path class="rule" d="M{plane.left} {y:.1f}H{right}"/>')
        parts.append(text(plane.left - 7, y + 4, number(value), "end"))
    for value, x in zip(x_ticks, plane.across(x_ticks), strict=True):
        parts.append(text(x, bottom + 16, number(value), "mid"))
    parts.append(f'<path class="axis" d="M{plane.left} {bottom}H{right}"/>')
    parts.append(text((plane.left + right) / 2, plane.height - 4, plane.x_label, "mid"))
    parts.append(text(0, plane.top - 10, plane.y_label))
    return svg(plane.width, plane.height, [*parts, *marks], alt)


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """A text at (x, y) pixels; ``kind`` mid or end anchors it there."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{html.escape(words)}</text>'


def svg(width: float, height: float, parts: Sequence[str], alt: str) -> str:
    """An SVG of its own size that shrinks with the page."""
    return (
        f'<svg class="ae-chart" viewBox="0 0 {width:g} {height:g}" style="max-width:{width:g}px"'
        f' role="img" aria-label="{html.escape(alt)}">{"".join(parts)}</svg>'
    )


def pressable(drawing: str, plane: Plane, checkpoint: str) -> str:
    """A chart of two-number codes where a press asks ``checkpoint`` to draw what lies there."""
    about = {**asdict(plane), "checkpoint": checkpoint, "x": list(plane.x), "y": list(plane.y)}
    return f'<div data-press="{html.escape(json.dumps(about, default=float))}">{drawing}</div>'


def line(plane: Plane, x: ArrayLike, y: ArrayLike, kind: str = "a") -> str:
    """A polyline; ``kind`` a, b, c or d chooses its colour, ``+ dash`` dashes it."""
    pairs = zip(plane.across(x), plane.down(y), strict=True)
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in pairs if math.isfinite(py))
    return f'<polyline class="line {kind}" points="{points}"/>'


def dots(
    plane: Plane, x: ArrayLike, y: ArrayLike, names: Sequence[str] = (), kind: str = "a"
) -> str:
    """Points with hover texts."""
    texts = [f"<title>{html.escape(n)}</title>" for n in names] or [""] * len(np.atleast_1d(x))
    triples = zip(plane.across(x), plane.down(y), texts, strict=True)
    return "".join(
        f'<circle class="dot {kind}" cx="{px:.1f}" cy="{py:.1f}" r="4">{text}</circle>'
        for px, py, text in triples
        if math.isfinite(py)
    )


def cloud(plane: Plane, codes: NDArray, labels: NDArray | None = None, kind: str = "") -> str:
    """Many points, one path per class; without ``labels`` in the colour of ``kind``."""
    inside = np.isfinite(codes).all(1)
    groups = [(kind, "", inside)]
    if labels is not None:
        groups = [("", f' style="stroke:{COLOURS[c]}"', inside & (labels == c)) for c in range(10)]
    paths = []
    for name, style, chosen in groups:
        x, y = plane.across(codes[chosen, 0]), plane.down(codes[chosen, 1])
        d = "".join(f"M{px:.1f} {py:.1f}h0" for px, py in zip(x, y, strict=True))
        paths.append(f'<path class="cloud {name}"{style} d="{d}"/>')
    return "".join(paths)


def ellipses(plane: Plane, mu: NDArray, sigma: NDArray, labels: NDArray) -> str:
    """One-σ ellipses of codes (N, 2) in their class's colour, never smaller than a dot."""
    width = abs(float(plane.across(1.0) - plane.across(0.0)))
    height = abs(float(plane.down(1.0) - plane.down(0.0)))
    rows = zip(plane.across(mu[:, 0]), plane.down(mu[:, 1]), sigma, labels, strict=True)
    return "".join(
        f'<ellipse class="sigma" style="--c:{COLOURS[c % 10]}" cx="{x:.1f}" cy="{y:.1f}"'
        f' rx="{max(1.2, s[0] * width):.1f}" ry="{max(1.2, s[1] * height):.1f}"/>'
        for x, y, s, c in rows
    )


def upright(plane: Plane, x: float, words: str = "", kind: str = "") -> str:
    """A vertical line at ``x`` with words at its top."""
    px, end = float(plane.across(x)), plane.height - plane.bottom
    mark = f'<path class="upright {kind}" d="M{px:.1f} {plane.top}V{end}"/>'
    place = (px - 5, "end") if px > plane.width - 110 else (px + 5, "")
    return mark + (text(place[0], plane.top + 10, words, place[1]) if words else "")


def horizon(plane: Plane, y: float, words: str) -> str:
    """A dashed line across at ``y`` with words at its right end."""
    py = float(plane.down(y))
    return line(plane, plane.x, [y, y], "d dash") + text(
        plane.width - plane.right, py - 6, words, "end"
    )


def histogram(plane: Plane, edges: NDArray, counts: NDArray, kind: str = "a") -> str:
    """Filled steps; ``edges`` (K + 1,), ``counts`` (K,)."""
    x, y, base = plane.across(edges), plane.down(counts), float(plane.down(plane.y[0]))
    steps = "".join(f"L{x[k]:.1f} {y[k]:.1f}L{x[k + 1]:.1f} {y[k]:.1f}" for k in range(len(counts)))
    return f'<path class="area {kind}" d="M{x[0]:.1f} {base:.1f}{steps}L{x[-1]:.1f} {base:.1f}Z"/>'


def bars(values: Sequence[float], names: Sequence[str], top: float, kind: str = "a") -> str:
    """Horizontal bars as HTML: name, bar, number. ``top`` is the value of a full bar."""
    rows = []
    for value, name in zip(values, names, strict=True):
        share = 100 * min(1.0, max(0.0, value / top)) if top > 0 and math.isfinite(value) else 0
        rows.append(
            f'<div class="ae-bar"><span>{html.escape(name)}</span>'
            f'<i class="{kind}"><b style="width:{share:.1f}%"></b></i>'
            f"<em>{number(value)}</em></div>"
        )
    return f'<div class="ae-bars">{"".join(rows)}</div>'


def signed_bars(
    values: Sequence[float], names: Sequence[str], reach: float, numbers: Sequence[float]
) -> str:
    """Bars that start in the middle, ``reach`` at either end, with ``numbers`` beside them."""
    rows = []
    for value, name, shown in zip(values, names, numbers, strict=True):
        share = 50 * min(1.0, abs(value) / reach) if reach > 0 else 0
        left = 50 - share if value < 0 else 50
        rows.append(
            f'<div class="ae-bar"><span>{html.escape(name)}</span><i class="signed">'
            f'<b style="left:{left:.1f}%;width:{share:.1f}%"></b></i><em>{number(shown)}</em></div>'
        )
    return f'<div class="ae-bars">{"".join(rows)}</div>'


# --- the pieces of a panel ----------------------------------------------------------------------


def card(title: str, body: str, note: str = "", kind: str = "") -> str:
    """A titled box."""
    small = f'<p class="ae-note">{note}</p>' if note else ""
    heading = f"<h4>{title}</h4>" if title else ""
    return f'<section class="ae-card {kind}">{heading}{body}{small}</section>'


def row(*parts: str, kind: str = "") -> str:
    """Boxes side by side, below each other where the page is narrow."""
    return f'<div class="ae-row {kind}">{"".join(parts)}</div>'


def figure(body: str, caption: str) -> str:
    """A picture with a line below it."""
    return f"<figure>{body}<figcaption>{caption}</figcaption></figure>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], mark: int | None = None) -> str:
    """A table that scrolls sideways on a phone; ``mark`` highlights one column."""

    def cells(tag: str, values: Sequence[str]) -> str:
        mark_of = lambda k: ' class="here"' if k == mark else ""  # noqa: E731
        return "".join(f"<{tag}{mark_of(k)}>{v}</{tag}>" for k, v in enumerate(values))

    body = "".join(f"<tr>{cells('td', r)}</tr>" for r in rows)
    return (
        f'<div class="ae-scroll" tabindex="0"><table><thead><tr>{cells("th", head)}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def legend(*pairs: tuple[str, str]) -> str:
    """(kind, name) pairs under a chart."""
    items = "".join(
        f'<span><i class="{kind}"></i>{html.escape(name)}</span>' for kind, name in pairs
    )
    return f'<p class="ae-legend">{items}</p>'


def trouble(message: str) -> str:
    """An error in words, where the result would have been."""
    return f'<p class="ae-trouble" role="alert">{html.escape(message)}</p>'


def save_button(name: str) -> str:
    """Saves the card's main picture as a PNG called ``name``."""
    return f'<button type="button" data-save="{html.escape(name)}">Save PNG</button>'


def saves(*links: str) -> str:
    """A quiet line of download links."""
    return f'<p class="ae-save">{"".join(links)}</p>'


def download(data: bytes, name: str, words: str, kind: str = "text/csv") -> str:
    """A link that saves ``data`` as ``name``: the file is in the page, the server keeps none."""
    uri = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return f'<a download="{html.escape(name)}" href="{uri}">{html.escape(words)}</a>'
