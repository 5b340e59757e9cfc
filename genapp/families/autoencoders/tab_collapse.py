"""Prior strength: Seven VAEs on one axis of b, and the point where a dimension dies."""

import functools
import math
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from genapp import checkpoints
from genapp.errors import UserError
from genapp.families.autoencoders import plots, tabs
from genapp.families.autoencoders.atlas import Atlas
from genapp.families.autoencoders.plots import card, number, row
from genapp.families.autoencoders.tabs import PIXELS, VAES
from genapp.ui import parts
from genapp.ui.context import Context

START = 0.784
LOW, HIGH = -2.75, 2.0  # log₁₀ b at the ends of the axis; b = 0 stands at the left end
SPEC = {  # one run of the source's recipe, 10 epochs: b → SSE at μ, KL, mean σ, active
    0.0: (32.40, 16.80, 0.0008, 2), 0.00784: (32.45, 9.90, 0.009, 2),
    0.0784: (32.68, 7.20, 0.031, 2), 0.784: (32.98, 4.61, 0.106, 2),
    2.0: (33.79, 3.35, 0.194, 2), 7.84: (49.28, 0.264, 0.880, 1), 20.0: (52.94, 0.000, 0.999, 0),
}  # fmt: skip
HERE = Path(__file__).parent

EXPLAINED = r"""
**The loss** is

$$L = \sum_{\text{pixels}} (x - \hat x)^2 + b\,\mathrm{KL}\big(N(\mu, \sigma^2)\,\|\,N(0, 1)\big).$$

Every book weighs the KL with another knob; they are one number. $F = N/b$ multiplies the *mean*
error (Foster), $\beta = b/N$ multiplies the KL beside a mean error, $\sigma^2 = b/2$ is the
variance of a Gaussian decoder. $N = 784$ pixels here.

**Why a dimension dies.** Let the decoder be linear and $\lambda_j$ the variance of the data along
its $j$-th principal axis. Using that axis saves error and costs KL. The best posterior has
$\sigma_j^2 = b / 2\lambda_j$ and carries $\mathrm{KL}_j = \tfrac12 \ln(2\lambda_j / b)$ nats. At
$b = 2\lambda_j$ that is zero: the axis costs as much as it saves, so the best thing an encoder can
say is *nothing*, $\mu = 0, \sigma = 1$ for every picture. Dimension $j$ lives exactly while
$\lambda_j > b/2$. These are the thresholds drawn under the slider; the real, non-linear nets above
obey them.

**Collapse is not a bug of training.** Past the threshold the dead code *is* the optimum. The
decoder then ignores it and draws the mean of all digits.

**A trap.** `MSELoss` (a mean over pixels) with $\beta = 1$ is $b = 784$ on these pictures: far
beyond the right end of the axis, total collapse. Never compare b across picture sizes: keep F.

*Sources:* Tipping & Bishop 1999 (probabilistic PCA); Lucas et al. 2019, "Don't blame the ELBO!";
Burda et al. 2015 (active units: $\operatorname{Var}\mu_j > 0.01$).
"""


def build(context: Context) -> None:
    """Lays out the tab: the axis and all it moves are one widget, the rest stands still."""
    parts.story(
        "A VAE's prior pulls every code towards the middle with a strength b. Too weak, and the "
        "space between the codes is empty; too strong, and a dimension stops saying anything.",
        "pull b to the right and watch one axis die at 7.84, then the other at 20.",
    )
    gr.HTML(
        html_template=(HERE / "collapse.html").read_text("utf-8"),
        css_template=plots.CSS + (HERE / "collapse.css").read_text("utf-8"),
        js_on_load=plots.JS + (HERE / "collapse.js").read_text("utf-8"),
        server_functions=[axis, view],
        apply_default_css=False,
        elem_id="collapse",
        start=list(VAES).index(START),
    )
    with gr.Accordion("All seven side by side: the source's run and ours", open=False):
        tabs.panel(sweep())
    with gr.Accordion("What helps against collapse", open=False):
        tabs.panel(remedies())
    parts.how_it_works(EXPLAINED, "Explain collapse")
    tabs.cards(VAES.values())


# --- what the browser asks for ------------------------------------------------------------------


def axis(_: Any = None) -> dict[str, Any]:
    """Stops of the slider, and the thresholds beside it: ``{stops, marks}`` or ``{error}``."""
    try:
        eigenvalues = tabs.atlas(VAES[START]).eigenvalues
        deaths = tabs.call("theory:thresholds", eigenvalues)[:3]
    except UserError as error:
        return {"error": str(error)}
    stops = [
        {"at": position(b), "text": number(b), "b": b, "knobs": knobs(b), "name": name}
        for b, name in VAES.items()
    ]
    marks = [
        {"at": position(b), "text": f"{'₁₂₃'[j]}", "b": number(float(b)), "used": j < 2}
        for j, b in enumerate(deaths)
    ]
    return {"stops": stops, "marks": marks}


def view(index: Any) -> dict[str, str]:
    """Everything below the slider for stop ``index``: ``{html}`` or ``{error}``."""
    names = list(VAES)
    try:
        b = names[int(index)] if 0 <= int(index) < len(names) else None
    except (TypeError, ValueError):
        b = None
    if b is None:
        return {"error": f"There is no stop {index!r} — ask for 0 to {len(names) - 1}."}
    folder = checkpoints.find(tabs.FAMILY).get(VAES[b])
    stamp = (folder / checkpoints.META).stat().st_mtime if folder else 0.0
    try:
        return {"html": drawn(b, stamp)}
    except UserError as error:
        return {"error": str(error)}


@functools.lru_cache(maxsize=16)
def drawn(b: float, stamp: float) -> str:
    """The seven views are drawn once; ``stamp`` redraws a checkpoint that was replaced."""
    del stamp
    name = VAES[b]
    known = tabs.atlas(name)
    digits = tabs.ten()
    seen = tabs.see(name, digits)
    return "".join([
        f'<p class="ae-lead">{verdict(b, known)}</p>',
        row(
            card(
                "What comes back",
                strip(digits, seen.back),
                f"Squared error at μ, a digit: <b>{number(tabs.metric(name, 'test_sse'))}</b>. "
                f"The mean picture alone would score {number(mean_image())}. The ten drawn here: "
                f"{tabs.shelf().source}{_stranger()}.",
            ),
            card("What it draws", mosaic(name, known), grid_words(b)),
            card("Where the codes lie", scatter(known), "Every dot is μ of a test digit, every "
                 "ellipse one σ around it. The dashed circle holds 86 % of N(0, I).", "clip"),
        ),
        row(kl_card(b, name, known), rate_distortion(b)),
    ])  # fmt: skip


# --- the pieces ---------------------------------------------------------------------------------


def position(b: float) -> float:
    """Percent from the left end of the axis."""
    return 100 * (math.log10(b) - LOW) / (HIGH - LOW) if b else 0.0


def knobs(b: float) -> dict[str, str]:
    """The same weight in the books' units."""
    found = tabs.call("objective:knobs", b, PIXELS)
    return {
        "factor": number(found["factor"]),
        "beta": number(found["beta"]),
        "sigma": number(math.sqrt(found["variance"])),
    }


def _stranger() -> str:
    """A warning where the shelf does not hold the kind of digit the nets learnt from."""
    return "" if "MNIST" in tabs.shelf().source else ", not quite what the net learnt from"


def mean_image() -> float:
    """Squared error of answering with the mean picture."""
    return tabs.metric(VAES[START], "mean_image_mse") * PIXELS


def strip(digits: NDArray[np.uint8], back: NDArray[np.uint8]) -> str:
    """Ten digits over their reconstructions, as one picture each."""
    rows = (("drawn", digits), ("comes back", back))
    return "".join(
        plots.figure(plots.picture(plots.mosaic(images, 5, 2), words, "wide"), words)
        for words, images in rows
    )


def mosaic(name: str, known: Atlas) -> str:
    """20×20 decoded digits over the prior's quantiles (or the codes' box at b = 0)."""
    plane = tabs.part("maps:Plane").of(known)
    sheet = tabs.call("maps:mosaic", tabs.model(name), plane, known.grid[0], known.grid[1])
    save = plots.saves(plots.save_button(f"{name}-grid.png"))
    return plots.lens(sheet, 20, "400 digits decoded from a grid of codes") + save


def grid_words(b: float) -> str:
    """What the grid spans."""
    if not b:
        return (
            "400 codes across the box that holds 98 % of the digits: without a prior there are no "
            "quantiles to stand at."
        )
    return (
        "400 codes at the quantiles 0.01 … 0.99 of N(0, 1) on either axis, ±2.33. Point at it to "
        "look closer."
    )


def scatter(known: Atlas) -> str:
    """Codes by class with posterior ellipses."""
    codes, labels = known.codes[:1500], known.labels[:1500]
    reach = max(2.4, float(np.percentile(np.abs(known.codes), 99.7)))
    plane = plots.Plane(
        x=(-reach, reach), y=(-reach, reach), width=340, height=340,
        left=30, right=6, top=6, bottom=28,
    )  # fmt: skip
    radius = abs(float(plane.across(2.0) - plane.across(0.0)))
    x, y = float(plane.across(0.0)), float(plane.down(0.0))
    marks = [
        plots.cloud(plane, codes, labels),
        plots.ellipses(plane, codes[:40], known.sigmas[:40], labels[:40]),
        f'<circle class="box" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>',
    ]
    return plots.chart(plane, marks, "Codes of test digits, coloured by class")


def kl_card(b: float, name: str, known: Atlas) -> str:
    """How many nats each dimension carries, here and along the whole axis of b."""
    kl = sorted((round(float(k), 3) for k in known.kl), reverse=True)
    here = plots.bars(kl, ["stronger number", "weaker number"], 9.0)
    active = int(tabs.metric(name, "active")) if tabs.metrics(name) else 0
    note = (
        f"Nats per digit. <b>{active} of 2</b> active; mean σ "
        f"<b>{number(tabs.metric(name, 'sigma'))}</b> (1 would be the prior itself). The linear "
        "theory is about a weaker net: it knows <em>when</em> a dimension dies, not how much a "
        "living one says."
    )
    return card("What each number says", here + kl_along(b, known), note)


def kl_along(b: float, known: Atlas) -> str:
    """KL of both dimensions against b, the linear theory dashed, its thresholds upright."""
    weights = [w for w, n in VAES.items() if w and "kl_per_dim" in tabs.metrics(n)]
    pairs = [sorted(tabs.metrics(VAES[w])["kl_per_dim"], reverse=True) for w in weights]
    plane = plots.Plane(
        x=(0.006, 40), y=(0, 6), width=440, height=190, log=True,
        x_label="b", y_label="KL, nats", x_ticks=(0.01, 0.1, 1, 10),
    )  # fmt: skip
    curve = np.geomspace(*plane.x, 80)
    theory = np.array([tabs.call("theory:kl", known.eigenvalues, w, 2) for w in curve])
    deaths = tabs.call("theory:thresholds", known.eigenvalues)[:2]
    marks = [plots.upright(plane, float(d)) for d in deaths]
    marks += [plots.line(plane, curve, theory[:, j], "d dash") for j in range(2)]
    for j, kind in enumerate("ac"):
        marks.append(plots.line(plane, weights, [p[j] for p in pairs], kind))
        for w, pair in zip(weights, pairs, strict=True):
            here = f"{kind} here" if w == b else kind
            marks.append(plots.dots(plane, [w], [pair[j]], [f"b {w:g}: {pair[j]:.3g} nats"], here))
    drawing = plots.chart(plane, marks, "KL of each dimension against b")
    names = plots.legend(
        ("a", "stronger"), ("c", "weaker"), ("d dash", "linear theory, ½ ln(2λ/b)")
    )
    return drawing + names


def rate_distortion(b: float) -> str:
    """Error against nats for all seven nets, the linear optimum beside them."""
    points = [
        (weight, tabs.metric(name, "test_kl"), tabs.metric(name, "test_sse"))
        for weight, name in VAES.items()
        if "test_kl" in tabs.metrics(name)
    ]
    plane = plots.Plane(
        x=(0, 19), y=(28, 56), width=440, height=280,
        x_label="KL, nats per digit (rate)", y_label="squared error (distortion)",
    )  # fmt: skip
    marks = [
        plots.horizon(plane, mean_image(), "the mean picture"),
        plots.line(plane, *linear_bargain(), "b dash"),
        plots.line(plane, [p[1] for p in points], [p[2] for p in points], "a"),
    ]
    for weight, x, y in points:
        kind = "a here" if weight == b else "a"
        name = f"b {number(weight)}: KL {x:.2f}, SSE {y:.2f}"
        marks.append(plots.dots(plane, [x], [y], [name], kind))
    drawing = plots.chart(plane, marks, "Squared error against KL for seven values of b")
    names = plots.legend(("a", "these seven nets"), ("b", "best linear decoder of 2 numbers"))
    note = "Every b buys another point of the same bargain: fewer nats, more error."
    return card("Rate and distortion", drawing + names, note)


def linear_bargain() -> tuple[list[float], list[float]]:
    """KL and squared error of the best linear VAE of two numbers, along b."""
    eigenvalues = tabs.atlas(VAES[START]).eigenvalues.astype(np.float64)
    rest = mean_image() - float(np.sum(eigenvalues))  # variance beyond the kept eigenvalues
    curve = np.geomspace(1e-3, 15, 60)
    kl = [float(np.sum(tabs.call("theory:kl", eigenvalues, w, 2))) for w in curve]
    return kl, [tabs.call("theory:squared_error", eigenvalues, w, 2) + rest for w in curve]


def verdict(b: float, known: Atlas) -> str:
    """The state of this net in a sentence, and what the theory says about it."""
    alive = known.kl > 0.01 if b else np.ones(2, bool)
    first, second = (
        number(float(d)) for d in tabs.call("theory:thresholds", known.eigenvalues)[:2]
    )
    if not b:
        return (
            "<b>No prior.</b> σ shrinks to nothing and the codes spread where they like: an "
            "autoencoder that merely looks like a VAE."
        )
    if alive.all():
        return f"<b>Both numbers live.</b> b is below {second}, where the weaker one would die."
    if alive.any():
        return (
            f"<b>One number is dead.</b> b has passed 2λ₂ = {second} but not 2λ₁ = {first}: the "
            "grid changes along one direction only."
        )
    return (
        f"<b>Both numbers are dead.</b> b has passed 2λ₁ = {first}: whatever the code, the decoder "
        "draws the same blur, the mean of all digits."
    )


def sweep() -> str:
    """The source's table and ours, b by b."""
    values: dict[str, list[float]] = {
        "F = 784 / b": [PIXELS / b if b else math.inf for b in VAES],
        "β = b / 784": [b / PIXELS for b in VAES],
    }
    fields = {"SSE at μ": "test_sse", "KL, nats": "test_kl", "mean σ": "sigma", "active": "active"}
    for column, (words, key) in enumerate(fields.items()):
        values[f"{words}, ours"] = [tabs.metric(n, key) for n in VAES.values()]
        values[f"{words}, source"] = [SPEC[b][column] for b in VAES]
    rows = [[_strong(name), *map(number, row)] for name, row in values.items()]
    note = (
        "Source: one run of the same nets for 10 epochs; ours trained for 20 and kept the best "
        "weights. Test digits in both. KL at b = 0 is reported, not trained for."
    )
    lines = [["b", *(f"{b:g}" for b in VAES)]]
    lines += [[f'"{name}"', *(f"{v:.6g}" for v in row)] for name, row in values.items()]
    csv = "\n".join(",".join(line) for line in lines).encode()
    link = plots.saves(plots.download(csv, "b-sweep.csv", "Save as CSV"))
    return card("", plots.table(["b", *map(number, VAES)], rows) + link, note)


def _strong(name: str) -> str:
    return f"<b>{name}</b>" if name.endswith("ours") else name


def remedies() -> str:
    """Three cures, each with its price."""
    size: dict[str, Any] = {"width": 280, "height": 130, "left": 30}
    warm = plots.Plane(
        x=(0, 10), y=(0, 1.15), x_label="epoch", y_label="b / final b",
        x_ticks=(0, 4, 10), y_ticks=(0, 1), **size,
    )  # fmt: skip
    floor = plots.Plane(
        x=(0, 4), y=(0, 4), x_label="KL of a dimension, nats", y_label="what it costs",
        x_ticks=(0, 1, 4), y_ticks=(1, 4), **size,
    )  # fmt: skip
    strong = (0.784, 2.0, 7.84, 20.0)
    nats = [tabs.metric(VAES[b], "test_kl") for b in strong]
    return row(
        card(
            "Warm-up",
            plots.chart(warm, [plots.line(warm, [0, 4, 10], [0, 1, 1])], "b rises from 0"),
            "Let b grow from 0 over the first epochs, so that the decoder learns to use the code "
            "before the prior pulls. It saves dimensions that die <em>early</em>, none past 2λ.",
        ),
        card(
            "Free bits",
            plots.chart(floor, [plots.line(floor, [0, 1, 4], [1, 1, 4])], "KL counts from a floor"),
            "The first few nats are free: max(KL, floor). The World-Models VAE uses a floor of 16 "
            "nats for 32 numbers. The codes then no longer match N(0, I) exactly.",
        ),
        card(
            "A smaller b",
            plots.bars(nats, [f"b {b:g}, KL" for b in strong], 5.0),
            "The honest cure: below 2λ the dimension pays for itself. The price is a prior that "
            "fits the codes less well, so that samples from N(0, I) get worse.",
        ),
    )
