"""What the latent pad's tab draws: walls, gauges, paths, the plane of codes."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genapp.families.autoencoders import plots, tabs
from genapp.families.autoencoders.atlas import Atlas
from genapp.families.autoencoders.plots import card, number, row

PAIRS = {  # (net, code length) → autoencoder, VAE
    ("dense", 2): ("twin-ae-2", "vae-dense-b0.784"),
    ("conv", 2): ("ae-conv", "vae-conv-2"),
    ("dense", 16): ("twin-ae-16", "twin-vae-16"),
    ("conv", 16): ("twin-ae-conv-16", "vae-conv-16"),
}
KINDS = ("Autoencoder", "VAE")
GAUGE_FIELDS = (
    "frechet", "real_frechet", "confident", "real_confident", "real_nearest", "far", "reason",
    "classes", "real_classes", "pairs", "real_pairs",
)  # fmt: skip
VAE_SOURCE = {  # dense VAE, b 0.784, 10 epochs
    "test_sse": "32.98", "test_kl": "4.61", "sigma": "0.106", "std_mu": "1.05, 0.97",
}  # fmt: skip
SQUARE: dict[str, Any] = {
    "width": 270, "height": 270, "left": 30, "right": 6, "top": 6, "bottom": 28,
}  # fmt: skip

# --- the pad ------------------------------------------------------------------------------------


def twins(net: str) -> list[tuple[str, str, str]]:
    """(checkpoint, title, subtitle) of the autoencoder and the VAE with two numbers."""
    words = ("no noise, no prior", "noise, and a prior of b = 0.784")
    pair = zip(PAIRS[net, 2], KINDS, words, strict=True)
    return [(name, kind, f"{net} net, {text}") for name, kind, text in pair]


def swaps() -> str:
    """For the page's script: net → what ``latentPad.use`` takes for pad 0 and pad 1."""
    about = {
        net: [{"checkpoint": n, "subtitle": subtitle} for n, _, subtitle in twins(net)]
        for net in ("dense", "conv")
    }
    return json.dumps(about, ensure_ascii=False)


# --- walls and gauges ---------------------------------------------------------------------------


def wall(pair: Sequence[str], frames: Sequence[Any]) -> str:
    """Two walls of samples side by side, and the gauges under them once they are known."""
    cards = []
    for kind, name, frame in zip(KINDS, pair, frames, strict=True):
        label = f"{name}-{frame.sampler}-seed{frame.seed}".replace(" ", "-")
        sheet = plots.mosaic(frame.images, 10, 2)
        image = plots.picture(sheet, f"{len(frame.images)} digits drawn by {name}", "wide")
        links = plots.saves(
            plots.save_button(f"{label}.png"),
            plots.download(codes_csv(frame), f"{label}.csv", "Codes as CSV"),
        )
        body = image.replace("<img", "<img data-main") + links
        cards.append(card(f"{kind}<small>{name}</small>", body))
    below = gauges(frames) if all(f.gauges is not None for f in frames) else ""
    return row(*cards, kind="two") + below


def codes_csv(frame: Any) -> bytes:
    """Codes of a wall, a row per digit, its sampler and seed in the first line."""
    head = f"# sampler {frame.sampler}, seed {frame.seed}\n"
    names = ",".join(f"z{k + 1}" for k in range(frame.z.shape[1])) + "\n"
    rows = "\n".join(",".join(f"{v:.6g}" for v in z) for z in frame.z)
    return (head + names + rows + "\n").encode()


def gauges(frames: Sequence[Any]) -> str:
    """Is it plausible, is it new, is it varied? Each beside what as many real digits score."""
    both = [f.gauges for f in frames]
    real = both[0]

    def line(words: str, field: str, show: Any = number) -> list[str]:
        values = [getattr(g, field) for g in both]
        shown = ["–" if v is None else show(v) for v in values]
        return [words, *shown, show(getattr(real, f"real_{field}"))]

    head = ["", *KINDS, f"{real.count} real"]
    plausible = [
        line("Fréchet distance, lower is better", "frechet"),
        line("read as a digit with > 90 %", "confident", lambda v: f"{v:.0%}"),
    ]
    varied = [
        line("effective classes, of 10", "classes"),
        line("mean distance of two", "pairs"),
    ]
    new = [novelty(kind, f) for kind, f in zip(KINDS, frames, strict=True)]
    return row(
        card("Is it plausible?", plots.table(head, plausible), plausible_words(both)),
        card("Is it varied?", plots.table(head, varied), varied_words(both)),
        kind="two",
    ) + row(*(new if all(g.nearest is not None for g in both) else new[:1]), kind="two")


def plausible_words(both: Sequence[Any]) -> str:
    """The warning that goes with a classifier's confidence."""
    words = (
        "Features of our own digit classifier; not comparable with other people's FID. A few "
        "samples overestimate the distance, hence the last column."
    )
    flags = [int(g.flagged.sum()) for g in both if g.flagged is not None]
    if any(flags):
        words += (
            f" <b>Caution:</b> {' and '.join(map(str, flags))} samples are read with confidence "
            "yet lie farther from every real digit than 95 % of real ones do."
        )
    return words


def varied_words(both: Sequence[Any]) -> str:
    """Which classes the walls hold."""
    missing = [[c for c in range(10) if c not in g.labels] for g in both]
    words = [
        f"{kind}: no {', '.join(map(str, gone))}" if gone else f"{kind}: all ten digits"
        for kind, gone in zip(KINDS, missing, strict=True)
    ]
    return "As the classifier reads them. " + "; ".join(words) + "."


def novelty(kind: str, frame: Any) -> str:
    """Four samples, each with its three nearest training digits; or why that cannot be shown."""
    g = frame.gauges
    if g.nearest is None:
        reason = (
            f"{g.reason or 'Copies were not looked for.'} With MNIST in the data folder, every "
            "sample is compared here with its 60,000 training digits."
        )
        return card("Is it new?", f'<p class="ae-note">{reason}</p>')
    cells = []
    for k in range(min(4, g.count)):
        near = plots.picture(plots.mosaic(g.neighbours[k], 3, 1), "its three nearest", "wide")
        made = plots.picture(frame.images[k], f"sample {k + 1}", "small")
        cells.append(
            f'<div class="ae-near">{made}{near}<em>{number(float(g.nearest[k, 0]))}</em></div>'
        )
    note = (
        "Left a sample, then the three training digits nearest to it, and the distance. Median "
        f"<b>{number(float(np.median(g.nearest[:, 0])))}</b>; real test digits lie "
        f"{number(g.real_nearest)} from the training set. Near zero would be a copy."
    )
    body = f'<div class="ae-nears">{"".join(cells)}</div>'
    return card(f"Is it new?<small>{kind}</small>", body, note)


# --- paths --------------------------------------------------------------------------------------


@tabs.in_words
def walk(kind: str, start: str, end: str) -> str:
    """Ten pictures from a digit to another in both nets, and how far each step goes."""
    net, z = kind.removesuffix(" numbers").split(", ")
    pair = PAIRS[net, int(z)]
    walks = []
    for name in pair:
        a, b = (typical(tabs.atlas(name), int(c)) for c in (start, end))
        walks.append(tabs.call("generate:path", tabs.model(name), a, b))
    top = max(float(w.steps.max()) for w in walks)
    cards = [
        card(
            f"{title}<small>longest / mean step {number(w.jump)}</small>",
            film(w.images) + steps(w.steps, top),
        )
        for title, w in zip(KINDS, walks, strict=True)
    ]
    fade = card(
        "Cross-fade<small>of the VAE's two ends</small>", film(walks[1].fade),
        "No code at all. Where a path only fades, the code adds nothing.",
    )  # fmt: skip
    mean = [number(tabs.metric(name, "path_jump")) for name in pair]
    words = (
        '<p class="ae-lead">Between the most typical held-out digits of both classes. '
        "Over 200 random pairs of test digits, longest / mean step averages "
        f"<b>{mean[0]}</b> for the autoencoder and <b>{mean[1]}</b> for the VAE; 1 is even.</p>"
    )
    return row(*cards, fade) + words


def typical(known: Atlas, digit: int) -> NDArray[np.float32]:
    """The code (d,) of the held-out ``digit`` nearest to the centre of its class."""
    codes = known.codes[known.labels == digit]
    return codes[np.linalg.norm(codes - known.centroids[digit], axis=1).argmin()]  # type: ignore[no-any-return]


def film(images: NDArray[np.uint8]) -> str:
    """A filmstrip in one picture."""
    return plots.picture(plots.mosaic(images, len(images), 2), f"{len(images)} pictures", "wide")


def steps(lengths: NDArray, top: float) -> str:
    """Bars between the pictures: how far each step goes."""
    n, longest = len(lengths), int(lengths.argmax())
    plane = plots.Plane(
        x=(-0.5, n + 0.5), y=(0, top), width=380, height=76, left=0, right=0, top=6, bottom=18
    )
    base, parts = plane.height - plane.bottom, []
    for k, length in enumerate(lengths):
        x, y = float(plane.across(k + 0.5)), float(plane.down(length))
        kind = "b" if k == longest else "a"
        parts.append(
            f'<path class="area {kind}" d="M{x - 10:.1f} {base}V{y:.1f}H{x + 10:.1f}V{base}Z">'
            f"<title>step {k + 1}: {length:.2f}</title></path>"
        )
        parts.append(plots.text(x, plane.height - 3, f"{length:.1f}", "mid"))
    return plots.svg(plane.width, plane.height, parts, "Length of each step")


# --- the plane of codes (LAT-14) ----------------------------------------------------------------


@tabs.in_words
def space(net: str) -> str:
    """Posterior means over the prior's samples, the prior made square, and the grid."""
    ae, vae = PAIRS[net, 2]
    known = tabs.atlas(vae)
    plane = tabs.part("maps:Plane").of(known)
    sheet = tabs.call("maps:mosaic", tabs.model(vae), plane, *known.grid)
    grid = plots.lens(sheet, 20, "400 digits on the prior's quantiles")
    return row(
        card("VAE: codes over the prior", overlay(vae), numbers_of(vae, net), "clip"),
        card(
            "Autoencoder: the same",
            overlay(ae),
            "Ink: codes of test digits. Orange: draws from N(0, I). Nothing told this net where "
            "its codes should lie.",
            "clip",
        ),
        card(
            "The prior made square",
            square(known),
            "Φ(z), by class. Codes that followed the prior exactly would fill the square evenly.",
        ),
        card(
            "Its 20×20 grid",
            grid + plots.saves(plots.save_button(f"{vae}-grid.png")),
            "Quantiles 0.01 … 0.99 of N(0, 1), ±2.33. Point at it to look closer.",
        ),
        kind="four",
    )


def square(known: Atlas) -> str:
    """Codes through the normal's distribution function."""
    flat = 0.5 * (1 + np.vectorize(math.erf)(known.codes[:1500] / math.sqrt(2)))
    plane = plots.Plane(x=(0, 1), y=(0, 1), **SQUARE)
    return plots.chart(plane, [plots.cloud(plane, flat, known.labels[:1500])], "Φ(z) by class")


def overlay(name: str) -> str:
    """Means of test digits in ink over as many draws from N(0, I) in orange."""
    codes = tabs.atlas(name).codes[:1200]
    prior = np.random.default_rng(0).standard_normal(codes.shape)
    low, high = np.percentile(np.concatenate([codes, prior]), (0.2, 99.8), axis=0)
    middle, reach = (low + high) / 2, float((high - low).max()) / 2
    (left, bottom), (right, top) = middle - reach, middle + reach
    plane = plots.Plane(x=(left, right), y=(bottom, top), **SQUARE)
    marks = [plots.cloud(plane, prior, kind="b"), plots.cloud(plane, codes, kind="d")]
    return plots.chart(plane, marks, "Codes in ink, draws from N(0, I) in orange")


def numbers_of(vae: str, net: str) -> str:
    """The VAE's held-out numbers, beside the source's where it has some."""
    found = tabs.metrics(vae)
    pairs = (("SSE at μ", "test_sse"), ("KL", "test_kl"), ("mean σ", "sigma"), ("std μ", "std_mu"))
    words = []
    for title, key in pairs:
        value = found.get(key, math.nan)
        text = ", ".join(number(v) for v in value) if isinstance(value, list) else number(value)
        source = f" (source {VAE_SOURCE[key]})" if net == "dense" else ""
        words.append(f"{title} <b>{text}</b>{source}")
    return "Ink: μ of test digits; orange: N(0, I). " + " · ".join(words) + "."
