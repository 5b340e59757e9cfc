"""What the tab *Autoencoders* draws of the picture on its sheet, squeezed or cleaned."""

import math

import numpy as np
from numpy.typing import NDArray

from genapp.families.autoencoders import plots, tabs
from genapp.families.autoencoders.plots import card, error_map, figure, number, picture, row

Image = NDArray[np.uint8]  # (28, 28)
WIDTHS = {2: "ae-dense-2", 8: "ae-dense-8", 32: "ae-dense-32", 64: "ae-dense-64"}
SQUEEZERS = {**{name: f"{h} numbers" for h, name in WIDTHS.items()}, "ae-conv": "2, conv"}
JUDGE = "ae-dense-32"  # whose lamp is lit while squeezing
SOURCE_MSE = {2: "0.0381–0.0405", 8: "0.022", 32: "0.0136", 64: "–"}
SOURCE_PSNR = {"0": "18.6", "0.2": "18.4", "0.4": "17.8", "0.6": "16.8", "0.8": "15.8"}  # 4 epochs
METHODS = ("network", "mean filter", "median filter", "total variation")
LINES = {  # of the PSNR chart
    "network": "a", "total variation": "b", "median filter": "c", "mean filter": "e",
    "noisy": "d dash",
}  # fmt: skip

# --- squeeze ------------------------------------------------------------------------------------


def squeeze(drawn: Image) -> str:
    """The drawing through five waists, its code, and how the error falls with the waist."""
    seen = {name: tabs.see(name, drawn[None]) for name in tabs.here(SQUEEZERS)}
    tiles = [figure(picture(drawn, "the drawing"), "<b>drawn</b>")]
    for name, found in seen.items():
        words, back = SQUEEZERS[name], found.back[0]
        images = picture(back, f"after {words}") + error_map(drawn, back, f"error after {words}")
        tiles.append(figure(images, f"<b>{words}</b><br>error {number(float(found.error[0]))}"))
    everything = np.stack([drawn, *(found.back[0] for found in seen.values())])
    codes = "".join(code_bars(h, n, seen[n].mu[0]) for h, n in WIDTHS.items() if n in seen)
    judge = JUDGE if JUDGE in seen else next(iter(seen))
    note = "All the decoder gets to see. A full bar: three standard deviations of all digits."
    return "".join([
        lamp(judge, float(seen[judge].error[0])),
        card(
            "Through the waist and back",
            tiled(tiles) + plots.saves(contact_sheet(everything, "squeezed.png")),
            "Above what comes back, below where it is wrong.",
        ),
        row(card("The code", codes, note), error_versus_h()),
    ])  # fmt: skip


def tiled(figures: list[str]) -> str:
    """Figures side by side, wrapping."""
    return f'<div class="ae-tiles">{"".join(figures)}</div>'


def contact_sheet(images: NDArray[np.uint8], name: str) -> str:
    """A link that saves all pictures in one row."""
    sheet = plots.as_file(plots.mosaic(images, len(images), 2), 4)
    return plots.download(sheet, name, "Save PNG", "image/png")


def percentile(name: str, error: float) -> float:
    """Share of held-out digits, in percent, that come back with a smaller error."""
    return float(np.interp(error, tabs.atlas(name).error_percentiles, np.arange(101)))


def lamp(name: str, error: float, cut: float = 95.0) -> str:
    """Green, amber past the percentile ``cut``, red past the 99th."""
    share = percentile(name, error)
    kind, words = "good", "comes back like a digit"
    if share >= 99:
        kind, words = "bad", "does not look like a digit to this network"
    elif share >= cut:
        kind, words = "odd", "is unusual for a digit"
    text = "all" if share >= 100 else f"{share:.0f} % of"
    return (
        f'<div class="ae-lamp {kind}" role="status"><span>This {words}: its error of '
        f"<b>{number(error)}</b> exceeds that of {text} held-out digits ({name}).</span></div>"
    )


def code_bars(h: int, name: str, mu: NDArray) -> str:
    """Two bars with names, or a row of slim ones."""
    known = tabs.atlas(name)
    middle, reach = known.mean, 3 * np.sqrt(np.diag(known.cov))
    if h == 2:
        return plots.signed_bars(list(mu - middle), ["z₁", "z₂"], float(reach.max()), list(mu))
    plane = plots.Plane(
        x=(-0.5, h - 0.5), y=(-1, 1), width=340, height=52, left=0, right=0, top=2, bottom=2
    )
    share = np.clip((mu - middle) / np.maximum(reach, 1e-6), -1, 1)
    x, y, zero = plane.across(np.arange(h)), plane.down(share), float(plane.down(0.0))
    slim = 0.32 * plane.width / h
    marks = [f'<path class="rule" d="M0 {zero}H{plane.width}"/>'] + [
        f'<path class="area a" d="M{a - slim:.1f} {zero}V{b:.1f}H{a + slim:.1f}V{zero}Z">'
        f"<title>z{k + 1} = {value:.2f}</title></path>"
        for k, (a, b, value) in enumerate(zip(x, y, mu, strict=True))
    ]
    drawing = plots.svg(plane.width, plane.height, marks, f"Code of {h} numbers")
    return f'<p class="ae-note">{h} numbers</p>{drawing}'


def error_versus_h() -> str:
    """Test error of the four dense nets and the convolutional one, with PCA's curve."""
    pca = tabs.atlas(tabs.here(SQUEEZERS)[0]).pca_mse
    widths, ours = list(WIDTHS), [tabs.metric(name, "test_mse") for name in WIDTHS.values()]
    conv = tabs.metric("ae-conv", "test_mse")
    plane = plots.Plane(
        x=(1, 80), y=(0, 0.072), width=380, height=250, log=True,
        x_label="numbers in the code, h", y_label="mean squared error of a pixel",
        x_ticks=(1, 2, 4, 8, 16, 32, 64),
    )  # fmt: skip
    names = [f"{n}: {m:.4f}" for n, m in zip(WIDTHS.values(), ours, strict=True)]
    marks = [
        plots.horizon(plane, pca[0], "mean picture"),
        plots.line(plane, np.arange(1, 65), pca[1:65], "b"),
        plots.line(plane, widths, ours, "a"),
        plots.dots(plane, widths, ours, names),
        plots.dots(plane, [2], [conv], [f"ae-conv: {conv:.4f}"], "c"),
    ]
    rows = [
        ["<b>ours</b>", *(_mse(m) for m in ours)],
        ["source", *SOURCE_MSE.values()],
        ["PCA", *(_mse(pca[w]) for w in widths)],
    ]
    key = plots.legend(("a", "dense autoencoder"), ("c", "convolutional"), ("b", "PCA"))
    drawing = plots.chart(plane, marks, "Test error against the width of the waist")
    table = plots.table(["h", *map(str, widths)], rows)
    note = f"Convolutional, 2 numbers: <b>{_mse(conv)}</b> (target 0.038)."
    return card("Error against the width of the waist", drawing + key + table, note)


def _mse(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "–"


# --- the convolutional one (LAT-03) -------------------------------------------------------------


@tabs.in_words
def conv() -> str:
    """Ten digits with their codes, and a map of unseen digits that draws where it is clicked."""
    digits = tabs.ten()
    seen, known = tabs.see("ae-conv", digits), tabs.atlas("ae-conv")
    tiles = [
        figure(picture(x, f"a {c}") + picture(back, "comes back"), f"{z[0]:.1f}, {z[1]:.1f}")
        for c, (x, back, z) in enumerate(zip(digits, seen.back, seen.mu, strict=True))
    ]
    low, high = np.percentile(known.codes, (0.3, 99.7), axis=0)
    plane = plots.Plane(
        x=(low[0], high[0]), y=(low[1], high[1]), width=420, height=420, left=34, right=6, top=6,
        bottom=28,
    )  # fmt: skip
    start = seen.mu[3]
    marks = [
        plots.cloud(plane, known.codes[:2000], known.labels[:2000]),
        f'<circle class="spot" cx="{float(plane.across(start[0])):.1f}"'
        f' cy="{float(plane.down(start[1])):.1f}" r="7"/>',
    ]
    chart = plots.chart(plane, marks, "Codes of unseen digits; press anywhere to decode there")
    note = (
        "Unseen test digits by class. Press anywhere: the decoder draws what lies there. "
        f"Test error {_mse(tabs.metric('ae-conv', 'test_mse'))} a pixel (target 0.038)."
    )
    spot = figure(picture(seen.back[3], "what lies there"), "drawn at <output>your point</output>")
    there = f'<div class="ae-press">{plots.pressable(chart, plane, "ae-conv")}{spot}</div>'
    return card("Ten digits and their two numbers", tiled(tiles), "Above drawn, below back.") + row(
        card("The map of codes", there, note, "clip"), kind="one"
    )


# --- clean --------------------------------------------------------------------------------------


def clean(drawn: Image, kind: str, level: float, seed: int) -> str:
    """The drawing spoilt, and cleaned by the network and three classic filters."""
    found = tabs.call("uses:denoise", tabs.model("ae-denoise"), drawn, kind, level, seed)
    names = ("clean", "noisy", *METHODS)
    images = [found.clean, found.noisy, *(found.outputs[m] for m in METHODS)]
    tiles = [
        figure(picture(x, name), f"<b>{name}</b>{_db(found.psnr.get(name))}")
        for name, x in zip(names, images, strict=True)
    ]
    link = contact_sheet(np.stack(images), f"cleaned-{kind}-{level:g}-seed{seed}.png")
    best = max(METHODS, key=lambda m: found.psnr[m])
    words = (
        f"PSNR <b>{found.psnr['noisy']:.1f} → {found.psnr['network']:.1f} dB</b> by the network; "
        f"best here: {best}, {found.psnr[best]:.1f} dB."
    )
    bars = plots.bars([found.psnr[n] for n in names[1:]], names[1:], 30.0)
    return "".join([
        f'<p class="ae-lead" id="psnr">{words}</p>',
        card("", tiled(tiles) + plots.saves(link)),
        row(
            card("PSNR of this picture, dB", bars + psnr_table(), _what_it_saw(kind)),
            psnr_curve(level if kind == "gaussian" else None),
        ),
    ])  # fmt: skip


def _db(value: float | None) -> str:
    return "" if value is None else f"<br>{'∞' if value >= 99 else f'{value:.1f}'} dB"


def _what_it_saw(kind: str) -> str:
    if kind == "gaussian":
        return "The network learnt from this kind of noise, σ up to 0.8."
    return "The network has never seen this kind of damage: it learnt from Gaussian noise only."


def psnr_curve(level: float | None) -> str:
    """Mean PSNR over test digits at five noise levels, from the checkpoint's own measurement."""
    found = tabs.metrics("ae-denoise").get("denoising", {})
    if not found:
        return card("PSNR against noise", '<p class="ae-note">Not measured.</p>')
    sigmas = np.array([float(s) for s in found])
    plane = plots.Plane(
        x=(-0.02, 0.82), y=(4, 24), width=380, height=250,
        x_label="σ of Gaussian noise", y_label="PSNR, dB", x_ticks=(0, 0.2, 0.4, 0.6, 0.8),
    )  # fmt: skip
    marks = []
    for name, kind in LINES.items():
        values = np.array([found[s][name] for s in found])
        shown = values <= plane.y[1]  # without noise some are perfect
        marks.append(plots.line(plane, sigmas[shown], values[shown], kind))
    if level is not None and level <= plane.x[1]:
        marks.append(plots.upright(plane, level, "", "a"))
    zero = number(found.get("0", {}).get("network", math.nan))
    note = (
        f"Means over test digits. At σ 0 the waist still costs: {zero} dB where leaving the "
        "picture alone would be perfect."
    )
    key = plots.legend(*((kind, name) for name, kind in LINES.items()))
    drawing = plots.chart(plane, marks, "PSNR against the noise level")
    return card("PSNR against noise", drawing + key, note)


def psnr_table() -> str:
    """The same means as numbers, the source's beside ours."""
    found = tabs.metrics("ae-denoise").get("denoising", {})
    rows = [
        ["<b>network</b>", *(f"{v['network']:.1f}" for v in found.values())],
        ["source, 4 epochs", *(SOURCE_PSNR.get(s, "–") for s in found)],
        ["total variation", *(f"{v['total variation']:.1f}" for v in found.values())],
        ["noisy", *(f"{v['noisy']:.1f}" if v["noisy"] < 99 else "∞" for v in found.values())],
    ]
    return plots.table(["mean at σ", *found], rows) if found else ""
