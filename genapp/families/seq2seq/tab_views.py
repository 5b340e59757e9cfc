"""What the Translator shows below the map: BLEU by length, the score card, a sentence's stages."""

import html
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from genapp import checkpoints, service
from genapp.data import pairs
from genapp.errors import UserError
from genapp.families.seq2seq import tab_write
from genapp.families.seq2seq.tab_chart import lines
from genapp.families.seq2seq.tab_write import MODELS
from genapp.spec import resolve
from genapp.translation import lecture

TOYS = {
    "no attention": ("seq2seq", "-plain"),
    "attention": ("seq2seq", "-attn"),
    "Transformer": ("transformer", ""),
}
ENOUGH = 30  # held-out pairs behind a point of the chart
SOURCES = {  # (what, where it was measured, their figure); none of it on our data
    "no attention": "17.82 BLEU, WMT-14 En→Fr, RNNencdec-50 (Bahdanau et al. 2015)",
    "attention": "26.75 BLEU, WMT-14 En→Fr, RNNsearch-50 (Bahdanau et al. 2015)",
    "Transformer": "27.3 BLEU, WMT-14 En→De, base (Vaswani et al. 2017)",
}
CSS = """
.mt-chart { max-width: 620px; width: 100%; height: auto; display: block; color: var(--body-text-color); }
.mt-chart text { fill: currentColor; font-size: 12px; }
.mt-chart .grid { stroke: var(--border-color-primary); }
.mt-three { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 10px; }
.mt-three div { border: 1px solid var(--border-color-primary); border-radius: 12px; padding: 10px 14px; background: var(--block-background-fill); }
.mt-three h4 { margin: 0 0 4px; font-size: 13px; font-weight: 600; color: var(--body-text-color-subdued); }
.mt-three p { margin: 0; font-size: 16px; color: var(--body-text-color); min-height: 24px; }
.mt-three small, .mt-score, .mt-note { color: var(--body-text-color-subdued); font-size: 13px; }
.mt-score b { color: var(--body-text-color); font-size: 17px; margin-left: 6px; }
.mt-table { border: 0 !important; border-collapse: collapse; font-size: 14px; color: var(--body-text-color); width: 100%; }
.mt-table th, .mt-table td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--border-color-primary); font-variant-numeric: tabular-nums; vertical-align: top; }
.mt-table td, .mt-table th, .mt-table tr { border-width: 0 0 1px !important; }
.mt-table th { font-weight: 600; color: var(--body-text-color-subdued); font-size: 13px; }
.mt-wide { overflow-x: auto; }
.mt-wide td:last-child { min-width: 190px; color: var(--body-text-color-subdued); font-size: 13px; }
.mt-words p { margin: 4px 0 8px; color: var(--body-text-color); }
.mt-wide .mt-aligned td, .mt-aligned th:first-child { min-width: 112px; }
.mt-aligned small { white-space: nowrap; }
.mt-aligned small { display: block; color: var(--body-text-color-subdued); }
.mt-wide .mt-aligned td:last-child { min-width: 0; color: inherit; font-size: inherit; }
@media (max-width: 640px) { .mt-chart text { font-size: 16px; } }
"""  # noqa: E501


def metrics() -> dict[str, Mapping[str, Any]]:
    """Held-out numbers of the shipped checkpoints that are there."""
    found = {}
    for name, (family, checkpoint) in MODELS.items():
        folder = checkpoints.find(family).get(checkpoint)
        if folder is not None:
            found[name] = checkpoints.read_meta(folder).metrics
    return found


def length_chart() -> str:
    """BLEU against the length of the reference, a line for each model, as SVG."""
    curves = {
        name: [(row["words"], row["bleu"]) for row in found["by_length"].values()]
        for name, found in metrics().items()
        if found.get("by_length")
    }
    if not curves:
        return '<p class="mt-note">No trained model yet — train one on the Train page.</p>'
    return lines(curves, "words of the reference", "BLEU", every=2)


def exposure(name: str) -> Any:
    """:func:`genapp.translation.exposure.accumulation` on the pairs a model's checkpoint brought,
    remembered with the model; None where it brought none."""
    loaded = service.models.get(*tab_write.model_of(name))
    if "exposure" not in loaded.memo:
        rows = json.loads(loaded.files.get("held_out.json", b"[]"))
        told = [(r["source"], r["reference"]) for r in rows]
        measure = resolve("genapp.translation.exposure:accumulation")
        loaded.memo["exposure"] = measure(loaded, told) if told else None
    return loaded.memo["exposure"]


def exposure_chart() -> str:
    """Right pieces at each place: reading its own words (lines), the true ones (dashed)."""
    free, forced, pairs_read = {}, {}, 0
    for name in metrics():
        told = exposure(name)
        if told is None:
            continue
        places = [i for i, n in enumerate(told.counted) if n >= ENOUGH]
        free[name], forced[name] = (
            [(i + 1.0, 100 * side[i]) for i in places] for side in (told.free, told.forced)
        )
        pairs_read = max(pairs_read, *told.counted)
    if not any(free.values()):
        return '<p class="mt-note">No held-out pairs came with the models.</p>'
    return (
        lines(free, "place in the reference, pieces", "% right", every=2, dashed=forced)
        + f'<p class="mt-note">Lines: after its own words. Dashed: after the true ones (teacher '
        f"forcing). {pairs_read} held-out pairs; a good translation in other words counts as "
        "wrong in both.</p>"
    )


def known(model: str) -> str:
    """What a model reaches from each language, beside the choice of it."""
    found = metrics().get(model, {})
    if "bleu" not in found:
        return ""
    also = {name: row["bleu"] for name, row in found.get("also", {}).items()}
    each = ", ".join(
        f"{bleu:.1f} from {n}" for n, bleu in {"Russian": found["bleu"], **also}.items()
    )
    return f'<p class="mt-note">Held-out BLEU of this model: {each}.</p>'


def trained_toys() -> list[tuple[str, str]]:
    """The toy tasks that some model has learned, for a menu."""
    names = [("reverse", "reverse"), ("copy", "copy"), ("sort", "sort"), ("dates", "date")]
    made = {name for family, _ in TOYS.values() for name in checkpoints.find(family)}
    endings = [ending for _, ending in TOYS.values()]
    known = [(title, toy) for title, toy in names if any(f"toy-{toy}{e}" in made for e in endings)]
    return known or names[:1]


def toy_chart(toy: str) -> str:
    """Right tokens of a toy task against its length; trained on up to 20."""
    curves = {}
    for name, (family, ending) in TOYS.items():
        folder = checkpoints.find(family).get(f"toy-{toy}{ending}")
        if folder is not None:
            found = checkpoints.read_meta(folder).metrics["accuracy_by_length"]
            curves[name] = [(float(n), 100 * share) for n, share in found.items()]
    if not curves:
        return '<p class="mt-note">Nobody trained this one yet — start it on the Train page.</p>'
    if toy == "date":  # always of one length: no curve to draw
        rows = "".join(
            f"<tr><th>{name}</th><td>{right[-1][1]:.1f} %</td></tr>"
            for name, right in curves.items()
        )
        return (
            f'<table class="mt-table"><tr><th>dates</th><th>right tokens</th></tr>{rows}</table>'
            '<p class="mt-note">A date has one length, few parts: one vector nearly holds it.</p>'
        )
    return lines(curves, "letters; up to 20 in training", "% right", every=8, least=100)


def score_card() -> str:
    """Ours beside the papers' own figures, which are of other data and far larger models."""
    rows = []
    for name, found in metrics().items():
        if "bleu" not in found:
            continue
        cells = [
            f"{found['bleu']:.1f}", f"{found['chrf']:.1f}", f"{100 * found['exact_match']:.1f} %",
            f"{found['bleu_longest_third']:.1f}", f"{found['test_pairs']:,}",
            *(_also(found, n) for n in ("German", "French")),
            html.escape(SOURCES[name]),
        ]  # fmt: skip
        rows.append(f"<tr><th>{name}</th>{''.join(f'<td>{c}</td>' for c in cells)}</tr>")
    if not rows:
        return ""
    heads = (
        "model", "BLEU", "chrF", "exact", "longest third", "pairs", "from German", "from French",
        "source",
    )  # fmt: skip
    head = "".join(f"<th>{h}</th>" for h in heads)
    return (
        f'<div class="mt-wide"><table class="mt-table"><tr>{head}</tr>{"".join(rows)}</table></div>'
    )


def _also(found: Mapping[str, Any], language: str) -> str:
    row = found.get("also", {}).get(language)
    return f"{row['bleu']:.1f}" if row else "—"


def stages(text: str, reference: str, longest: float, prefixes: bool) -> str:
    """A sentence on its way to the vocabulary, the verdict, and what the filter leaves."""
    rows = "".join(
        f"<tr><th>{s.name}</th><td>{html.escape(s.text) or '—'}</td></tr>"
        for s in lecture.stages(text or "")
    )
    said, meant = lecture.normalise(text or ""), lecture.normalise(reference or "")
    reason = lecture.verdict(said, meant, int(longest), prefixes)
    try:
        found, name = corpus()
    except UserError as error:
        return html.escape(str(error))
    kept = [p for p in found if not lecture.verdict(*p, longest=int(longest), prefixes=prefixes)]
    words = [len({w for p in kept for w in p[side].split()}) for side in (0, 1)]
    known = {w for p in kept for w in p[0].split()}
    missing = [w for w in dict.fromkeys(said.split()) if w not in known]
    return (
        f'<table class="mt-table">{rows}'
        f"<tr><th>filter</th><td>{'left out: ' + reason if reason else 'kept'}</td></tr>"
        f"<tr><th>words not in the vocabulary</th><td>{html.escape(', '.join(missing)) or '—'}</td>"
        f"</tr><tr><th>pairs that pass</th><td>{len(kept):,} of {len(found):,} ({name})</td></tr>"
        f"<tr><th>vocabulary</th><td>{words[0]:,} source and {words[1]:,} English words</td></tr>"
        "</table>"
    )


@cache
def corpus() -> tuple[list[tuple[str, str]], str]:
    """Normalised Russian training pairs and what they are."""
    found, real = pairs.load_or_stand_in("rus")
    normal = [(lecture.normalise(p.source), lecture.normalise(p.target)) for p in found.train]
    return normal, found.card["name"] if real else "sentences of a small grammar"
