"""Beside the Viewer: what the model would say next, before and after, and at every depth."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import gradio as gr
import numpy as np

from genapp.attention import Maps, Readout
from genapp.ui import parts

SHOWN = 7  # continuations
DEEP = 3  # words a layer of the lens

CSS = Path(__file__).with_suffix(".css")


def panel() -> gr.HTML:
    """The empty panel; :func:`words` fills it."""
    return gr.HTML(
        "", css_template=CSS.read_text("utf-8"), apply_default_css=False, js_on_load=None,
        elem_id="viewer-panel",
    )  # fmt: skip


class Spot(NamedTuple):
    """A query of one of a pass's maps."""

    map: int
    query: int


def words(
    after: Sequence[Maps],
    before: Sequence[Maps],
    spot: Spot | None,
    names: tuple[str, str] = ("before", "now"),
    same: bool = True,
) -> str:
    """The panel for one token of the pass; for a map at which the model says nothing, or without
    a ``spot``, the one its readout begins at. ``before`` is another pass over the ``same`` text,
    or else one whose tokens stand for these by their place alone.
    """
    found = speaking(after, spot)
    if found is None:
        return ""
    maps, at = found
    base = next(b for m, b in zip(after, before, strict=True) if m is maps)
    if maps.readout is None or base.readout is None:
        return ""
    origin = maps.origins[at] if maps.origins else at
    was = base.origins.index(origin) if same and origin in base.origins else at
    was = min(was, len(base.queries.tokens) - 1)
    new = maps.readout.logp(at)
    old = base.readout.logp(was) if base is not maps else new
    word = html.escape(maps.queries.tokens[at].strip() or "␣")
    table = _next(maps.readout, np.exp(old[-1]), np.exp(new[-1]), word, names)
    return f'<div class="ap">{table}</div><div class="ap">{_lens(maps.readout, new, word)}</div>'


def speaking(passed: Sequence[Maps], spot: Spot | None) -> tuple[Maps, int] | None:
    """The map whose queries the model speaks at, the spot's if it can be, and the query there."""
    if spot is not None and spot.map < len(passed) and passed[spot.map].readout is not None:
        chosen = passed[spot.map]
        return chosen, min(max(spot.query, 0), len(chosen.queries.tokens) - 1)
    maps = next((m for m in passed if m.readout is not None), None)
    if maps is None or maps.readout is None:
        return None
    return maps, maps.readout.at % len(maps.queries.tokens)


def _next(
    readout: Readout, old: np.ndarray, new: np.ndarray, word: str, names: tuple[str, str]
) -> str:
    """The likeliest next tokens of both passes, with what the change did to each."""
    same = old is new or np.array_equal(old, new)
    union = np.union1d(_top(old, SHOWN), _top(new, SHOWN)).tolist()
    best = sorted(union, key=lambda i: -max(old[i], new[i]))[:SHOWN]
    head = "<tr><th>token</th><th>p</th></tr>"
    if not same:
        head = "<tr><th>token</th>" + "".join(f"<th>{n}</th>" for n in (*names, "Δ")) + "</tr>"
    rows = "".join(_row(readout.name(int(i)), float(old[i]), float(new[i]), same) for i in best)
    divergence = float(np.sum(old * (np.log(old + 1e-12) - np.log(new + 1e-12))))
    note = (
        "Hide a word or silence a head: the change shows here."
        if same
        else f"The prediction moves by {divergence:.3f} nats (KL, {names[0]} ‖ {names[1]})."
    )
    return (
        f"<h3>{readout.ask} “{word}”</h3>"
        f'<table class="ap-next"><thead>{head}</thead><tbody>{rows}</tbody></table><p>{note}</p>'
    )


def _row(name: str, old: float, new: float, same: bool) -> str:
    cells = f'<td class="n">{_percent(new)}</td>'
    if not same:
        change = 100 * (new - old)
        kind = "up" if change > 0.05 else "down" if change < -0.05 else ""
        sign = f"{change:+.1f}".replace("-", "−")
        cells = f'<td class="n">{_percent(old)}</td>{cells}<td class="n {kind}">{sign}</td>'
    return f'<tr><th scope="row" style="--p: {new:.4f}">{_token(name)}</th>{cells}</tr>'


def _lens(readout: Readout, logp: np.ndarray, word: str) -> str:
    rows = []
    for depth, row in enumerate(logp):
        best = _top(row, DEEP)
        said = " · ".join(
            f"{_token(readout.name(int(i)))} <small>{_percent(float(np.exp(row[i])))}</small>"
            for i in best
        )
        name = "input" if depth == 0 else f"layer {depth}"
        rows.append(f'<tr><th scope="row">{name}</th><td>{said}</td></tr>')
    return (
        f"<h3>Logit lens at “{word}”</h3><p>The same question, asked before the model is done.</p>"
        f'<table class="ap-lens"><tbody>{"".join(rows)}</tbody></table>'
    )


def _top(values: np.ndarray, count: int) -> np.ndarray:
    count = min(count, len(values))
    best = np.argpartition(values, -count)[-count:]
    return best[np.argsort(-values[best])]  # type: ignore[no-any-return]


def _token(name: str) -> str:
    return html.escape(name.replace("\n", "⏎").strip(" ") or "␣")


def _percent(p: float) -> str:
    return f"{100 * p:.1f} %" if p >= 0.0005 else "&lt; 0.1 %"


def card_of(model: gr.Dropdown) -> gr.Markdown:
    """The model's card, folded."""
    with gr.Accordion("The model", open=False):
        return gr.Markdown(card_text(str(model.value or "")))


def card_text(model: str) -> str:
    """Card of ``family/checkpoint``."""
    family, _, name = (model or "").partition("/")
    return parts.card_of(family, name)
