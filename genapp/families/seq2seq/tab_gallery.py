"""The folded gallery: word orders that differ, the expected pattern over what the model read."""

import dataclasses
import html
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from genapp import service
from genapp.data.pairs import LANGUAGES
from genapp.errors import UserError
from genapp.families.seq2seq import tab_views, tab_write
from genapp.spec import resolve
from genapp.translation import gallery
from genapp.ui import parts
from genapp.ui.context import Context
from genapp.ui.widgets.alignment import widget

READERS = ("attention", "Transformer")
COUNT = 200  # grammar sentences of a language
HEAVY: dict[str, Any] = {
    "show_progress": "hidden", "api_visibility": "private", "concurrency_id": "model",
}  # fmt: skip
ABOUT = """
Dashed cells are the alignment a person would draw; the colour is what the model read while it was
made to write the English sentence. **Agreement** is the share of English words whose heaviest
source word, its pieces summed, is a dashed one. All models here read *into* English, so each
reordering is seen from the other side: *die Straße → the street*, not *the street → die Straße*.
"""


def build(ctx: Context) -> None:
    """The fold, its events and its endpoint."""
    names = list(gallery.presets())
    with gr.Accordion("Alignment gallery: where word orders differ", open=False) as fold:
        gr.Markdown(ABOUT)
        with gr.Row():
            chosen = gr.Radio(
                names, value=names[0], label="Sentence", elem_id="gallery-sentence", scale=7,
                min_width=320,
            )  # fmt: skip
            reader = gr.Radio(
                READERS, value="Transformer", label="Read by", elem_id="gallery-model", scale=3,
                min_width=220,
            )  # fmt: skip
        with gr.Row(equal_height=False):
            with gr.Column(scale=6, min_width=320):
                picture = widget.alignment(
                    "Expected and real alignment", "Nothing drawn yet.", elem_id="gallery-map"
                )
            with gr.Column(scale=4, min_width=280):
                words = gr.HTML(css_template=tab_views.CSS, elem_id="gallery-words")
        table = gr.HTML(css_template=tab_views.CSS, elem_id="gallery-table")
    asked, shown = [chosen, reader], [picture, words]
    fold.expand(draw, asked, shown, **HEAVY).success(table_of, None, table, **HEAVY)
    for control in asked:
        control.change(draw, asked, shown, trigger_mode="always_last", **HEAVY)
    ctx.share(gallery=chosen, reader=reader)
    gr.api(alignment_accuracy, api_name="alignment_accuracy", concurrency_id="model")


def draw(name: str, reader: str) -> tuple[Any, str]:
    """The map with its ghost, and in words what to look for and how far they agree."""
    import numpy as np

    gold = gallery.presets().get(name) or gallery.PRESETS[0]
    *_, frame = tab_write.frames(reader, gold.text, reference=gold.reference, align=True)
    weights = resolve("genapp.translation.alignment:by_word")(
        frame.weights, frame.source, frame.pieces
    )
    hits = resolve("genapp.translation.alignment:hits")
    mean, heads = hits(weights.mean((1, 2)), gold.links), hits(weights, gold.links).sum(0)  # (L, H)
    layer, head = np.unravel_index(heads.argmax(), heads.shape)
    agreed = f"<b>{mean.sum()} of {len(mean)}</b> words agree"
    if heads.size > 1:
        agreed += (
            f" in the mean of all heads, <b>{heads.max()}</b> in the best single one, "
            f"{_place(int(layer), int(head))}"
        )
    value = widget.value(
        frame.source, frame.pieces, frame.weights, frame.tops, run=secrets.token_hex(4),
        status="done", settings={"model": reader, "preset": gold.name},
        ghost=resolve("genapp.translation.alignment:cells")(gold, frame.source, frame.pieces),
    )  # fmt: skip
    return value, _words(gold, agreed)


def _words(gold: gallery.Gold, agreed: str) -> str:
    rows = [
        ("sentence", gold.text), ("word by word", gold.gloss), ("reordered", gold.reference),
    ]  # fmt: skip
    lines = "".join(f"<tr><th>{n}</th><td>{html.escape(v)}</td></tr>" for n, v in rows)
    return (
        f'<div class="mt-words"><p>{html.escape(gold.pattern)}</p>'
        f'<table class="mt-table">{lines}</table><p>{agreed}.</p></div>'
    )


def table_of() -> Iterator[str]:
    """Accuracy of each model over the grammar of each language, a row at a time."""
    rows: list[str] = []
    cases = [(reader, code) for reader in READERS for code in LANGUAGES]
    for done, (reader, code) in enumerate(cases):
        yield _table(rows, f"Measuring {reader} on {LANGUAGES[code]}, {done} of {len(cases)} done…")
        try:
            rows.append(_row(reader, code, measured(reader, code)))
        except UserError as error:  # a model of one's own may read other words
            rows.append(f'<tr><th>{reader}</th><td colspan="9">{html.escape(str(error))}</td></tr>')
    note = (
        f"{COUNT} grammar sentences of each language, made and aligned by its rules. “Even pace” "
        "reads the source at a constant speed without looking. The best head was chosen on every "
        "other sentence and is measured on the rest. Attention isn't made to align: much of what "
        "disagrees lies on the end mark or one word beside. Goals set beforehand: 60 % on the "
        "crossing of noun and adjective, more than 50 % of some head on the noun while an article "
        "is written."
    )
    yield _table(rows, note)


def measured(reader: str, code: str) -> Any:
    """:func:`genapp.translation.alignment.measure`, remembered with the model."""
    loaded = service.models.get(*tab_write.model_of(reader))
    key = f"alignment {code}"
    if key not in loaded.memo:
        loaded.memo[key] = resolve("genapp.translation.alignment:measure")(loaded, code, COUNT)
    return loaded.memo[key]


def _row(reader: str, code: str, told: Any) -> str:
    layer, head, noun = told.noun
    one = len(told.heads) * len(told.heads[0]) == 1
    best = "—" if one else f"{_percent(told.best)} <small>{_place(told.layer, told.head)}</small>"
    at = "" if one else f" <small>{_place(layer, head)}</small>"
    cells = [
        LANGUAGES[code], _percent(told.mean), _percent(told.without_end), best,
        _percent(told.diagonal), _percent(told.end),
        "—" if told.swap is None else _percent(told.swap),
        f"{_percent(noun)}{at}",
    ]  # fmt: skip
    return f"<tr><th>{reader}</th>{''.join(f'<td>{c}</td>' for c in cells)}</tr>"


def _table(rows: Sequence[str], note: str) -> str:
    heads = (
        "model", "from", "agreement", "end mark left out", "best head", "even pace",
        "on the end mark", "noun × adjective", "“the” on its noun",
    )  # fmt: skip
    head = "".join(f"<th>{h}</th>" for h in heads)
    return (
        '<div class="mt-wide"><table class="mt-table mt-aligned">'
        f'<tr>{head}</tr>{"".join(rows)}</table></div><p class="mt-note">{note}</p>'
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _place(layer: int, head: int) -> str:
    return f"layer {layer + 1} head {head + 1}"


def alignment_accuracy(
    model: str = "Transformer", language: str = "deu", count: int = COUNT, seed: int = 0
) -> dict[str, Any]:
    """Agreement of a translator's attention with gold alignments, over sentences of a grammar.

    Args:
        model: "attention" (recurrent) or "Transformer".
        language: what is read: rus, deu or fra.
        count: sentences, 2 to 1,000.
        seed: which sentences.

    Returns:
        Shares from 0 to 1: mean (of all heads), without_end (end mark left out), end (words that
        look most at the end mark), heads (each layer's), best with layer and head (counted from 0,
        chosen on every other sentence, measured on the rest), diagonal (reading at an even pace),
        swap (the best head's anti-diagonal mass where a French noun and its adjective cross),
        noun (layer, head and weight of the most on the noun while "the" is written); sentences,
        words, seconds.
    """
    if model not in READERS:
        words = f"Model {model[:40]!r} shows no alignment — choose {' or '.join(READERS)}."
        parts.unless_failed(service.Failure(words))
    if not (isinstance(count, int) and isinstance(seed, int)):
        parts.unless_failed(service.Failure("count and seed must be whole — give integers."))
    loaded = service.models.get(*tab_write.model_of(model))
    told = resolve("genapp.translation.alignment:measure")(loaded, language, count, seed)
    return dataclasses.asdict(told)
