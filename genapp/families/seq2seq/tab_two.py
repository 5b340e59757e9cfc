"""The folded panel: two attentions, one over the source and one over what was written so far."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from genapp import service
from genapp.errors import UserError
from genapp.families.seq2seq import tab_write
from genapp.spec import resolve

KINDS: Mapping[str, str] = {  # what the radio says → the model
    "source only (GRU)": "attention",
    "source + own output (Transformer)": "Transformer",
}
HEAVY: dict[str, Any] = {
    "show_progress": "hidden", "api_visibility": "private", "concurrency_id": "model",
    "trigger_mode": "always_last",
}  # fmt: skip
SEED = 3  # of the shuffled order
CSS = """
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr)); gap: 8px 28px; color: var(--body-text-color); }
.two h4 { margin: 0 0 6px; font-size: 13px; font-weight: 600; color: var(--body-text-color-subdued); }
.two p { margin: 6px 0; }
.two .bars { display: grid; grid-template-columns: minmax(56px, max-content) 1fr 48px; gap: 3px 9px; align-items: center; font-size: 13px; }
.two .bars i { height: 9px; border-radius: 4px; background: #e76300; min-width: 1px; }
.two .bars.own i { background: #3f90da; }
.two .bars span { text-align: right; font-variant-numeric: tabular-nums; color: var(--body-text-color-subdued); }
.two .bars .later { opacity: .45; }
.two-said { color: var(--body-text-color-subdued); font-size: 13px; }
.two-said b { color: var(--body-text-color); }
"""  # noqa: E501
ABOUT = """
A decoder may look at two things: the **source**, and **what it has written itself** (what comes
later counts as nothing). The GRU looks at the source only and carries its own words in its state;
the Transformer's decoder looks at both.

What is looked at is a *set*. **Shuffle** the remembered source: the weights move along with their
keys and the next word stays as likely as before. So it needn't be a sentence at all: the cells of a
convolutional net's feature grid serve as well, which is how a photo is captioned
(Xu et al. 2015).
"""


def build(text: gr.Textbox, reference: gr.Textbox) -> None:
    """The fold and its events; reads the sentence and reference at the tab's top."""
    with gr.Accordion("Two attentions, and attention over what is no sequence", open=False) as fold:
        gr.Markdown(ABOUT)
        with gr.Row():
            kind = gr.Radio(
                list(KINDS), value=list(KINDS)[1], label="The decoder looks at",
                elem_id="two-kind", min_width=300,
            )  # fmt: skip
            at = gr.Slider(1, 20, value=3, step=1, label="Piece to write", min_width=200)
            mixed = gr.Checkbox(False, label="Shuffle what is remembered", min_width=200)
        view = gr.HTML(css_template=CSS, elem_id="two-view")
    asked = [kind, at, mixed, text, reference]
    fold.expand(show, asked, view, **HEAVY)
    for control in (kind, at, mixed):
        control.input(show, asked, view, **HEAVY)


def show(kind: str, at: float, mixed: bool, text: str, reference: str) -> str:
    """Both attentions of one step as bars, the mean over layers and heads."""
    family, checkpoint = tab_write.model_of(KINDS.get(kind, "Transformer"))
    try:
        if not (text or "").strip():
            raise UserError("There is nothing to look at", "type a sentence.")
        if not (reference or "").strip():
            reference = str(service.run(family, checkpoint=checkpoint, text=text).text)
        maps = service.attention(family, checkpoint, f"{text}\n{reference}")
        cross, row = maps[-1], min(int(at), len(maps[-1].queries.tokens)) - 1
        told = resolve("genapp.translation.memory:shuffled")(
            service.models.get(family, checkpoint), text, reference, row, SEED
        )
    except UserError as error:
        return f'<p class="two-said">{html.escape(str(error))}</p>'
    source = list(zip(cross.keys.tokens, _row(cross, row), strict=True))
    if mixed:
        source = [(cross.keys.tokens[j], w) for j, w in zip(told.order, told.weights, strict=True)]
    own = ""
    if len(maps) == 3:
        read = list(zip(maps[1].keys.tokens, _row(maps[1], row), strict=True))
        own = _bars("What it has written", read, "own", row + 1)
    likely = ", ".join(
        f"{html.escape(p.replace('▁', ''))} {100 * share:.1f} %" for p, share in told.tops[:3]
    )
    piece = html.escape(cross.queries.tokens[row].strip())
    title = "Source, shuffled" if mixed else "Source"
    change = f" Shuffling changes no probability by more than {told.difference:.7f}."
    return (
        f'<div class="two">{_bars(title, source)}{own}</div>'
        f'<p class="two-said">Writing piece {row + 1}, <b>{piece}</b>. Most likely here: {likely}.'
        f"{change if mixed else ''}</p>"
    )


def _row(maps: Any, row: int) -> list[float]:
    """One query's weights, the mean over layers and heads."""
    layers = [maps.layer(layer)[:, row].mean(0) for layer in range(maps.layers)]
    return [float(w) for w in sum(layers) / len(layers)]


def _bars(title: str, row: Sequence[tuple[str, float]], kind: str = "", known: int = 999) -> str:
    """Bars of (token, weight); those from ``known`` on have not been written yet."""
    cells = "".join(
        f'<b style="font-weight:400"{later}>{html.escape(token.strip()) or "␣"}</b>'
        f'<i style="width:{100 * share:.1f}%"></i><span{later}>{100 * share:.0f} %</span>'
        for token, share, later in (
            (t, w, ' class="later"' if i >= known else "") for i, (t, w) in enumerate(row)
        )
    )
    return f'<div><h4>{title}</h4><div class="bars {kind}">{cells}</div></div>'
