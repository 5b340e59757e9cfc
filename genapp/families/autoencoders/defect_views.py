"""Why an autoencoder is not a generator: three defects of its code space, measured (LAT-09)."""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from genapp.families.autoencoders import plots, tabs
from genapp.families.autoencoders.plots import card, number, row

NETS = ("ae-dense-2", "twin-ae-2", "ae-conv", "vae-dense-b0.784")
SOURCE = {"range": "x −12.5 … 3.2, y −3.8 … 11.4", "inside": "57 %", "classes": "3.7"}  # 10 epochs
SIDE = 36  # of the maps of areas and of speed


@tabs.in_words
def defects(name: str, extent: float) -> str:
    """The grid at ±``extent`` with the classes' centres, and a meter for each defect."""
    return row(grid_card(name, float(extent)), bounds_card(name), kind="two") + row(
        areas_card(name), gaps_card(name), kind="two"
    )


def grid_card(name: str, extent: float) -> str:
    """400 codes on a square about zero, the class centres over it."""
    known = tabs.atlas(name)
    axis = np.linspace(-extent, extent, 20)
    plane = tabs.part("maps:Plane").of(known)
    sheet = tabs.call("maps:mosaic", tabs.model(name), plane, axis, axis[::-1])
    inside = float((np.abs(known.codes[:, :2]) < extent).all(1).mean())
    note = (
        f"A square of ±{extent:g} holds <b>{inside:.0%}</b> of the test codes. The book samples "
        "±1.5. Discs: the classes' centres. Point at the grid to look closer."
    )
    grid = plots.lens(sheet, 20, "400 decoded codes", centres(known.centroids, extent))
    links = plots.saves(plots.save_button(f"{name}-pm{extent:g}.png"))
    return card("What it draws", grid + links, note)


def centres(centroids: NDArray, extent: float) -> str:
    """A numbered disc at every class centre inside the grid."""
    half = extent * 20 / 19  # the outer tiles' centres lie on ±extent, their edges beyond
    view = plots.Plane(
        x=(-half, half), y=(-half, half), width=560, height=560, left=0, right=0, top=0, bottom=0
    )
    marks = []
    for c, (x, y) in enumerate(centroids):
        if max(abs(x), abs(y)) < half:
            px, py = float(view.across(x)), float(view.down(y))
            colour = f"fill:{plots.COLOURS[c]}"
            marks.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="15" style="{colour}"/>')
            marks.append(plots.text(px, py + 7, str(c), "mid disc"))
    return plots.svg(view.width, view.height, marks, "Centres of the classes")


def bounds_card(name: str) -> str:
    """Defect 1: no symmetry, no bounds."""
    known, found = tabs.atlas(name), tabs.metrics(name)
    low, high = found.get("code_range", [[math.nan] * 2, [math.nan] * 2])
    reach = float(np.percentile(np.abs(known.codes), 99.9))
    plane = plots.Plane(
        x=(-reach, reach), y=(-reach, reach), width=400, height=400, left=30, right=6, top=6,
        bottom=28,
    )  # fmt: skip
    x, y = plane.across([-1.5, 1.5]), plane.down([1.5, -1.5])
    box = f'<path class="box" d="M{x[0]:.1f} {y[0]:.1f}H{x[1]:.1f}V{y[1]:.1f}H{x[0]:.1f}Z"/>'
    cloud = plots.cloud(plane, known.codes[:1500], known.labels[:1500])
    note = (
        f"x {number(low[0])} … {number(high[0])}, y {number(low[1])} … {number(high[1])}"
        f"{_source(name, 'range')}; inside ±1.5 "
        f"<b>{tabs.metric(name, 'inside_1.5'):.0%}</b>"
        f"{_source(name, 'inside')}. Nothing says where codes end, so "
        "nobody knows where to sample."
    )
    drawing = plots.chart(plane, [cloud, box], "Codes by class; the dashed square is ±1.5")
    return card("1 · No symmetry, no bounds", drawing, note, "clip")


@functools.lru_cache(maxsize=8)
def areas_card(name: str) -> str:
    """Defect 2: unequal areas."""
    xs, ys, plane = _box(name)
    label, sure = tabs.call("maps:regions", tabs.model(name), plane, xs, ys)
    share = np.bincount(label.ravel(), minlength=10) / label.size
    used = share[share > 0]
    classes = float(np.exp(-(used * np.log(used)).sum()))
    names = [str(c) for c in range(10)]
    body = plots.bars([100 * s for s in share], names, 100 * float(share.max()))
    note = (
        "Percent of the codes' box (it holds 98 % of the digits) that is read as each digit: "
        f"<b>{number(classes)}</b> effective classes of 10"
        f"{_source(name, 'classes')}. In "
        f"{float((sure < 0.9).mean()):.0%} of the box the classifier is unsure. Sampling evenly "
        "draws some digits far too often."
    )
    return card("2 · Unequal areas", body, note)


@functools.lru_cache(maxsize=8)
def gaps_card(name: str) -> str:
    """Defect 3: gaps and cliffs."""
    xs, ys, plane = _box(name)
    speed = tabs.call("maps:speed", tabs.model(name), plane, xs, ys)
    holes = tabs.call("maps:holes", tabs.atlas(name), plane, xs, ys)
    top = float(speed.max() / max(np.median(speed), 1e-9))
    far = float((holes > 3 * np.median(holes)).mean())
    body = "".join([
        plots.figure(_heat(speed, "speed"), "speed: strong where a step changes the picture most"),
        plots.figure(_heat(holes, "holes"), "holes: strong far from every code"),
    ])  # fmt: skip
    note = (
        f"At its fastest spot a step changes the picture <b>{number(top)}×</b> as much as at the "
        f"median one; {far:.0%} of the box is a hole. The book's example: (2, −2) is a good 4, "
        "(2.1, −2.1) is not."
    )
    return card("3 · Gaps and cliffs", f'<div class="ae-pair">{body}</div>', note)


def _source(name: str, key: str) -> str:
    """The source's number, where the network is its own."""
    return f" (source {SOURCE[key]})" if name == "ae-dense-2" else ""


def _box(name: str) -> tuple[NDArray, NDArray, object]:
    """Columns, rows (top first) and plane of the box that holds 98 % of the codes."""
    known = tabs.atlas(name)
    low, high = known.box[:, :2]
    return (
        np.linspace(low[0], high[0], SIDE),
        np.linspace(high[1], low[1], SIDE),
        tabs.part("maps:Plane").of(known),
    )


def _heat(values: NDArray, alt: str) -> str:
    """A map as warm ink, its 99th percentile full."""
    top = float(np.percentile(values, 99))
    shade = np.clip(255 * values / max(top, 1e-9), 0, 255).astype(np.uint8)
    return f'<img class="ae-wide" src="{plots.png(shade, plots.WARM)}" alt="{alt}">'
