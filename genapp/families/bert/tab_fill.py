"""*Fill the gap*: hide words and see what the model would put there; judge whether B follows A."""

import json
from typing import Any

import gradio as gr

from genapp.errors import UserError
from genapp.families.bert import gaps, tab_fill_views, tab_game
from genapp.families.bert.spec import TEXT
from genapp.families.bert.tab_work import HIDDEN, LIVE, call, on_open, panel, told
from genapp.ui.context import Context

EXAMPLES = (  # sentence A, sentence B, the word that is hidden at first
    (
        "The fox saw the crow sitting on a branch.",
        "She had a piece of cheese in her mouth.",
        "crow",
    ),
    ("My dog is cute.", "He likes playing.", "dog"),
    ("A quick brown fox jumps over the lazy dog.", "", "fox"),
    ("Once upon a time there was a king who had a beautiful daughter.", "", "king"),
    ("In the beginning God created the heaven and the earth.", "", "created"),
    ("This is one of the worst [MASK] I have ever seen.", "I want my money back.", ""),
)


def build(ctx: Context, model: gr.Dropdown) -> None:
    """Lays the sub-tab out."""
    first = EXAMPLES[0]
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            a = gr.Textbox(first[0], label="Sentence A", max_length=TEXT, elem_id="bert-a")
            b = gr.Textbox(
                first[1], label="Sentence B", max_length=TEXT, elem_id="bert-b",
                info="may be empty; [MASK] in either is a gap",
            )  # fmt: skip
            go = gr.Button("Read", variant="primary")
            follows = panel("bert-next")
        with gr.Column(scale=6, min_width=320):
            strip = gaps.gap_strip("The text, its gaps and what fits", elem_id="bert-gaps")
    examples = gr.Dataset(
        components=["textbox"], samples=[[f"{x} {y}".strip()] for x, y, _ in EXAMPLES],
        label="Try one of these", elem_id="bert-examples",
    )  # fmt: skip
    gr.Markdown("#### What goes in: token + segment + position")
    inputs = panel("bert-inputs")
    outputs = [strip, follows, inputs]
    gr.on([go.click, a.submit, b.submit, model.change], read, [model, a, b], outputs, **LIVE)
    examples.select(example, model, [a, b, *outputs], **HIDDEN)
    strip.select(chosen, strip, [a, b, *outputs], queue=False, **LIVE)
    _corruptor(ctx, model, a, b)
    tab_game.build(ctx, model)
    gr.Markdown("#### What it learned, and how fast")
    numbers = panel("bert-numbers")
    model.change(tab_fill_views.numbers, model, numbers, **HIDDEN)
    ctx.on_open(tab_fill_views.numbers, numbers, model)
    ctx.share(a=a, b=b)
    on_open(ctx, opening, outputs, _failed, model=model, a=a, b=b)


def _corruptor(ctx: Context, model: gr.Dropdown, a: gr.Textbox, b: gr.Textbox) -> None:
    gr.Markdown("#### What it practised on: words hidden at random")
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            rate = gr.Slider(0, 60, value=15, step=1, label="Chosen, %", elem_id="bert-rate")
            masked = gr.Slider(0, 100, value=80, step=5, label="of these [MASK], %")
            random = gr.Slider(0, 100, value=10, step=5, label="of these a random word, %",
                               info="the rest stays as it is")  # fmt: skip
            with gr.Row():
                paper = gr.Button("80 / 10 / 10", size="sm", min_width=90)
                plain = gr.Button("100 / 0 / 0", size="sm", min_width=90)
                seed = gr.Number(
                    1, label="Seed", precision=0, minimum=0, maximum=2**31 - 1, min_width=110,
                    elem_id="bert-seed",
                )  # fmt: skip
        with gr.Column(scale=6, min_width=320):
            view = panel("bert-corrupted")
    inputs = [model, a, b, rate, masked, random, seed]
    moved = [rate.change, masked.change, random.change, seed.change, a.change, b.change]
    gr.on(moved, told(tab_fill_views.corrupted), inputs, view, **LIVE)
    paper.click(lambda: (80, 10), None, [masked, random], **HIDDEN)
    plain.click(lambda: (100, 0), None, [masked, random], **HIDDEN)
    ctx.share(rate=rate, masked=masked, random=random, seed=seed)
    on_open(
        ctx, tab_fill_views.corrupted, view, tab_fill_views.note, model=model, a=a, b=b,
        rate=rate, masked=masked, random=random, seed=seed,
    )  # fmt: skip


def answer(model: str, a: str, b: str, places: list[int] | None) -> list[Any]:
    """Strip, P(next) and input strips for the text with the tokens at ``places`` hidden.

    Without ``places`` an example's own word is hidden, or the last word of sentence A. What is
    written [MASK] is a gap in any case.
    """
    reading = call("reading:read", model, a, b)
    pieces = call("reading:pieces_of", model)
    names = [pieces.name(i) for i in reading.ids]
    words = [i for i, t in enumerate(reading.ids) if pieces.kind(t) == "word"]
    typed = {i for i in words if reading.ids[i] == pieces.mask}
    if places is None:
        wish = next((w for x, y, w in EXAMPLES if (x, y) == (a, b)), "")
        end = reading.split or len(names)
        last = [i for i in words if i < end and any(c.isalpha() for c in names[i])]
        places = [names.index(wish)] if wish in names else ([] if typed else last[-1:])
    hidden = sorted({i for i in places if i in words} | typed)
    frame = call("generate:fill", model, reading, hidden)
    value: Any = gaps.value(frame, a, b, model)
    return [value, tab_fill_views.next_of(frame.p_next), tab_fill_views.strips(model, reading)]


@told
def read(model: str, a: str, b: str) -> list[Any]:
    """A text afresh."""
    return answer(model, a, b, None)


def opening(model: str, a: str, b: str) -> list[Any]:
    """The first picture."""
    return answer(model, a, b, None)


def _failed(words: str) -> list[Any]:
    return [gr.skip(), tab_fill_views.note(words), ""]


@told
def example(model: str, event: gr.SelectData) -> list[Any]:
    """One of the examples."""
    a, b, _ = EXAMPLES[int(event.index)]
    return [a, b, *answer(model, a, b, None)]


@told
def chosen(value: Any, event: gr.EventData) -> list[Any]:
    """A token hidden or shown again, or a candidate put into the text."""
    try:
        shown = gaps.parts_of(value)
        index, word = int(event.index), str(getattr(event, "word", "") or "")
    except (KeyError, TypeError, ValueError, AttributeError, json.JSONDecodeError) as error:
        raise UserError("The text on the page can't be read", "press Read.") from error
    model, a, b, places = shown["model"], shown["a"], shown["b"], shown["places"]
    if word:
        a, b = put(model, a, b, index, word)
        return [a, b, *answer(model, a, b, [i for i in places if i != index])]
    places = [i for i in places if i != index] if index in places else [*places, index]
    return [gr.skip(), gr.skip(), *answer(model, a, b, places)]


def put(model: str, a: str, b: str, index: int, word: str) -> tuple[str, str]:
    """Both sentences with ``word`` in place of token ``index``."""
    pieces = call("reading:pieces_of", model)
    reading = call("reading:read", model, a, b)
    second = bool(reading.split) and index >= reading.split
    text, at = (b, index - reading.split) if second else (a, index - 1)
    spans = pieces.spans(text)
    if not 0 <= at < len(spans):
        raise UserError("There is no such word", "press Read.")
    start, end = spans[at]
    text = text[:start] + word.removeprefix("##") + text[end:]
    return (a, text) if second else (text, b)
