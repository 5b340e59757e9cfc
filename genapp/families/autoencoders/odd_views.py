"""Spot the odd one (LAT-08): the picture on the sheet judged by how badly it comes back."""

import math

import numpy as np
from numpy.typing import NDArray

from genapp.families.autoencoders import plots, tabs
from genapp.families.autoencoders.plots import card, error_map, figure, number, picture, row
from genapp.families.autoencoders.use_views import WIDTHS, Image, lamp, tiled

SOURCE_AUC = {2: "0.918", 32: "0.985"}  # digits against Fashion-MNIST
UNSEEN = "ae-no-ones"  # trained without the digit 1


def odd(drawn: Image, name: str, cut: float) -> str:
    """The drawing judged, two histograms with the threshold, the ROC, and what fails."""
    seen = tabs.see(name, drawn[None])
    error, back, known = float(seen.error[0]), seen.back[0], tabs.atlas(name)
    limit = float(np.interp(cut, np.arange(101), known.error_percentiles))
    caught = share_above(known.error_intruders, known.error_edges, limit)
    tiles = [
        figure(picture(drawn, "the drawing"), "<b>drawn</b>"),
        figure(picture(back, "what comes back"), "<b>comes back</b>"),
        figure(error_map(drawn, back, "where it is wrong"), f"<b>error</b> {number(error)}"),
    ]
    words = (
        f"Past the {cut:g}th percentile (error {number(limit)}): <b>{100 - cut:.1f} %</b> of real "
        "digits raise a false alarm"
        + (f", <b>{caught:.0%}</b> of clothes are caught." if math.isfinite(caught) else ".")
    )
    return "".join([
        lamp(name, error, min(cut, 99.0)),
        card("The picture", tiled(tiles), words),
        row(errors_card(name, limit, error), roc_card(name, cut)),
        row(left_out_card(), wide_waist_card()),
    ])  # fmt: skip


def share_above(counts: NDArray, edges: NDArray, limit: float) -> float:
    """Share of a histogram above ``limit``, the bin that holds it taken in proportion."""
    total = float(counts.sum())
    if not total:
        return math.nan
    below = np.concatenate([[0.0], np.cumsum(counts)])
    return 1 - float(np.interp(limit, edges, below)) / total


def errors_card(name: str, limit: float, error: float) -> str:
    """Histograms of digits and intruders, the threshold and this picture's own error."""
    known = tabs.atlas(name)
    edges = known.error_edges[::2]
    counts = {"a": known.error_digits.sum(0), "b": known.error_intruders}
    halves = {k: x.reshape(-1, 2).sum(1) / x.sum() for k, x in counts.items() if x.any()}
    top = max(float(x.max()) for x in halves.values())
    end = float(edges[-1])
    plane = plots.Plane(
        x=(0, end), y=(0, 1.1 * top), width=360, height=230, left=12,
        x_label="squared error", y_ticks=(),
    )  # fmt: skip
    marks = [plots.histogram(plane, edges, x, kind) for kind, x in halves.items()]
    marks += [plots.upright(plane, limit), plots.upright(plane, min(error, end), kind="t")]
    drawing = plots.chart(plane, marks, "Errors of digits and of intruders")
    key = plots.legend(
        ("a", "test digits"), ("b", "Fashion-MNIST"), ("d dash", "threshold"), ("t", "this picture")
    )
    return card("Errors of digits and of clothes", drawing + key)


def roc_card(name: str, cut: float) -> str:
    """Caught intruders against false alarms."""
    curve = tabs.atlas(name).roc
    if not curve.any():
        return card("ROC", '<p class="ae-note">Clothes were not measured with this network.</p>')
    plane = plots.Plane(
        x=(0, 1), y=(0, 1), width=300, height=230, x_label="false alarms", y_label="caught",
        x_ticks=(0, 0.5, 1), y_ticks=(0, 0.5, 1),
    )  # fmt: skip
    false = 1 - cut / 100
    here = float(np.interp(false, curve[:, 0], curve[:, 1]))
    marks = [
        plots.line(plane, [0, 1], [0, 1], "d dash"),
        plots.line(plane, curve[:, 0], curve[:, 1], "a"),
        plots.dots(plane, [false], [here], [f"{here:.0%} caught"], "a here"),
    ]
    source = SOURCE_AUC.get(next((h for h, n in WIDTHS.items() if n == name), 0), "")
    note = (
        f"AUC <b>{tabs.metric(name, 'auc_intruders'):.3f}</b>{f' (source {source})' * bool(source)}"
        f", {name} against 10,000 pieces of clothing."
    )
    return card("ROC", plots.chart(plane, marks, "ROC curve"), note)


def left_out_card() -> str:
    """A digit that was never shown may be easier than those that were."""
    title, found = "A digit it has never seen", tabs.metrics(UNSEEN).get("left_out")
    if not found:
        return card(title, f'<p class="ae-note">{UNSEEN} is not on this machine yet.</p>')
    shelf = tabs.shelf()
    ones = shelf.digits[10:16]
    auc = float(found["auc"])
    if auc < 0.5:
        words = "It is <b>easier</b> than what it learnt: a thin stroke has little to get wrong."
    elif auc < 0.7:
        words = "It hardly stands out."
    else:
        words = "It stands out."
    note = (
        f"Trained without 1s. In MNIST's test set a 1 scores <b>{number(found['error'])}</b>, "
        f"digits it learnt score {number(found['error_others'])}; AUC <b>{auc:.3f}</b>. {words} "
        "An error measures how hard a picture is as well as how new."
    )
    rows = {f"1s ({shelf.source})": ones, "how they come back": tabs.see(UNSEEN, ones).back}
    return card(title, _strips(rows), note)


def wide_waist_card() -> str:
    """The wider the waist, the better intruders come back as well."""
    shelf = tabs.shelf().intruders[:6]
    auc = {h: tabs.metric(n, "auc_intruders") for h, n in WIDTHS.items()}
    known = {h: a for h, a in auc.items() if math.isfinite(a)}
    rows = {"intruders": shelf}
    rows |= {
        f"back from {h} numbers": tabs.see(WIDTHS[h], shelf).back for h in (2, 64) if h in known
    }
    bars = plots.bars(list(auc.values()), [f"AUC, h {h}" for h in auc], 1.0)
    return card("Too wide a waist", _strips(rows) + bars, wide_words(known))


def wide_words(auc: dict[int, float]) -> str:
    """What the measured widths show, and where it leads."""
    if len(auc) < 2:
        return "Detection was not measured with these networks."
    low, high = min(auc), max(auc)
    (digits, clothes), (digits_high, clothes_high) = (mean_errors(WIDTHS[h]) for h in (low, high))
    best = max(auc, key=lambda h: auc[h])
    trend = "falls again" if best < high else "still rises, since digits gain more"
    return (
        f"From {low} to {high} numbers the error of clothes falls from {number(clothes)} to "
        f"<b>{number(clothes_high)}</b>, that of digits from {number(digits)} to "
        f"<b>{number(digits_high)}</b>; the AUC {trend}. The end of that road is an overcomplete "
        "net, as wide as the picture: it copies everything, both errors are 0, and nothing is odd."
    )


def mean_errors(name: str) -> tuple[float, float]:
    """Mean squared error of test digits and of clothes, from the atlas's histograms."""
    known = tabs.atlas(name)
    middles = (known.error_edges[1:] + known.error_edges[:-1]) / 2
    digits, clothes = known.error_digits.sum(0), known.error_intruders
    return tuple(float((middles * n).sum() / max(1, n.sum())) for n in (digits, clothes))  # type: ignore[return-value]


def _strips(rows: dict[str, NDArray[np.uint8]]) -> str:
    return "".join(
        figure(picture(plots.mosaic(images, 6, 2), words, "strip"), words)
        for words, images in rows.items()
    )
