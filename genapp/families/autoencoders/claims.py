"""What the lecture claims of autoencoders and VAEs, beside what our checkpoints measured.

Every number of ours is read from the checkpoints' own metrics; the source's stand here as printed.
"""

import math

from genapp.families.autoencoders import plots, tabs
from genapp.families.autoencoders.pad_views import KINDS, PAIRS
from genapp.families.autoencoders.plots import card, number, row
from genapp.families.autoencoders.spec import SAMPLERS

LECTURE = ("ae-dense-2", "vae-dense-b0.784")  # its own two nets: they differ in depth as well
SOURCE = {"path_jump": ("1.49", "1.16"), "distance_1_7_ratio": ("1.9–2.3", "1.2")}  # of those two
CONFIDENT = ("samplers", "prior", "confident")
TAGS = {
    "yes": "reproduces",
    "part": "with its own nets, not with twins",
    "no": "does not, as told",
}


def claims() -> str:
    """Three claims, and the table of samplers behind the first."""
    return row(half(), smooth(), near()) + card(
        "Fréchet distance of 2,000 samples<small>lower is better</small>",
        samplers(),
        best_words(),
    )


def half() -> str:
    """'Half of an autoencoder's samples are not digits, all of a VAE's are.'"""
    share = {k: [tabs.metric(n, *CONFIDENT) for n in pair] for k, pair in PAIRS.items()}
    rows = [[f"{net}, {z} numbers", *map(_percent, pair)] for (net, z), pair in share.items()]
    holds = all(v > 0.9 and a < 0.65 for a, v in share.values())
    box = tabs.metric(PAIRS["dense", 2][0], "samplers", "box", "confident")
    note = (
        "Samples from N(0, I) that our classifier reads with > 90 %. "
        f"{'' if holds else 'No VAE comes near <em>all</em>. '}Drawn from the box of its own codes "
        f"instead, {_percent(box)} of the small dense autoencoder's samples read as digits."
    )
    says = "“Half of an autoencoder's samples are not digits, all of a VAE's are.”"
    return card(says, _tag(holds, holds) + plots.table(["", *KINDS], rows), note)


def smooth() -> str:
    """'Walks through a VAE's codes are smooth.'"""
    return _compared(
        "path_jump",
        "“A VAE's transitions are smooth, an autoencoder's are not.”",
        "Longest over mean step of 200 random paths; 1 is perfectly even.",
    )


def near() -> str:
    """'1 and 7 look alike: a VAE puts them near each other.'"""
    return _compared(
        "distance_1_7_ratio",
        "“1 and 7 look alike. An autoencoder puts them far apart, a VAE near.”",
        "Distance of the 1s' and 7s' centres over the median of all pairs.",
    )


def _compared(key: str, says: str, what: str) -> str:
    """The lecture's own two nets beside the source, then real twins; and the verdict on both."""
    pairs = {"its own two nets": LECTURE, "dense twins": PAIRS["dense", 2]}
    pairs["convolutional"] = PAIRS["conv", 2]
    found = {words: [tabs.metric(n, key) for n in pair] for words, pair in pairs.items()}
    rows = [["<em>source</em>", *SOURCE[key]]]
    rows += [[words, *map(number, pair)] for words, pair in found.items()]
    told, twins = (a > 1.05 * v for a, v in (found["its own two nets"], found["dense twins"]))
    note = f"{what} The lecture's own two nets differ in depth, not only in the prior."
    return card(says, _tag(told, twins) + plots.table(["", *KINDS], rows), note)


def _tag(told: bool, twins: bool) -> str:
    """Does the claim reproduce with the lecture's nets, and with twins?"""
    kind = "no" if not told else "yes" if twins else "part"
    return f'<p class="ae-verdict"><span class="ae-tag {kind}">{TAGS[kind]}</span></p>'


def samplers() -> str:
    """Rows: nets; columns: samplers; the best of every row in bold."""
    rows = []
    for (net, z), pair in PAIRS.items():
        for kind, name in zip(KINDS, pair, strict=True):
            values = [tabs.metric(name, "samplers", s, "frechet") for s in SAMPLERS]
            best = min((v for v in values if math.isfinite(v)), default=math.nan)
            cells = [f"<b>{number(v)}</b>" if v == best else number(v) for v in values]
            rows.append([f"{kind}, {net}, {z} numbers", *cells])
    return plots.table(["", "N(0, I)", "uniform box", "fitted normal", "mixture of ten"], rows)


def best_words() -> str:
    """The finding that the lecture leaves out, in this table's own numbers."""
    ae, vae = PAIRS["dense", 16]
    fitted = tabs.metric(ae, "samplers", "fitted normal", "frechet")
    prior = tabs.metric(vae, "samplers", "prior", "frechet")
    if not (math.isfinite(fitted) and math.isfinite(prior)):
        return "The networks with 16 numbers are not on this machine yet."
    better = "beats" if fitted < prior else "does not beat"
    return (
        "An autoencoder of 16 numbers with one normal fitted to its codes "
        f"({number(fitted)}) {better} the VAE's own prior ({number(prior)}). What a VAE buys is "
        "that nobody has to look at the codes first. (Distances in our classifier's features.)"
    )


def _percent(share: float) -> str:
    return f"{share:.0%}" if math.isfinite(share) else "–"
