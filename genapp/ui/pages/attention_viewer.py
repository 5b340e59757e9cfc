"""The Viewer of the Attention page: a sentence, a model, and where it looks.

It serves every family that says where it looks (``FamilySpec.attention``) and all of its
checkpoints, a person's own among them. A pass's whole request travels in the widget's value, so
nothing of a visitor is kept but the pass on the shelf.
"""

import html
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from genapp.errors import UserError
from genapp.ui import parts
from genapp.ui.context import Context
from genapp.ui.pages import attention_api, attention_compare, attention_hub, attention_panel
from genapp.ui.pages import attention_pictures as pictures
from genapp.ui.pages import attention_stories as stories
from genapp.ui.pages import attention_why as why
from genapp.ui.pages.attention_asked import (
    LONGEST,
    Asked,
    asked_of,
    first,
    models,
    panel_of,
    reasons_of,
    told,
)
from genapp.ui.pages.attention_panel import Spot
from genapp.ui.widgets.attention_view import widget as view

log = logging.getLogger(__name__)

START = stories.GPT
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
HOW = r"""
**One head.** Every token makes a *query*, a *key* and a *value*. A row of the matrix is one
query's softmax over the keys it may see:
$a_{qk} = \mathrm{softmax}_k\!\left(\frac{q \cdot k}{\sqrt d}\right)$, and the head hands on
$\sum_k a_{qk} v_k$. *One row* shows those four steps with their numbers. A **causal** model masks
what comes later, so the upper triangle is zero.

**Through all layers.** *Rollout* multiplies the layers, half of each being the skip connection:
$R_l = (\tfrac12 A_l + \tfrac12 I)\,R_{l-1}$. *Flow* takes the same numbers as the widths of pipes
and asks how much could run from a token down to each input (a maximum flow). Neither knows what
the values and the MLPs do with what was read.

*Weighted by gradients*, rollout counts a weight by how much it raises one answer:
$(A \odot \nabla A)_+$, of the likeliest answer at the locked token.

**Which tokens made it say so?** *Gradient × input* multiplies a token's content by the slope of
the answer's log-probability, *occlusion* takes the content away and asks again, *integrated
gradients* adds the slope up along the way from no content to all of it, so that the shares sum to
what the content was worth.

**Interventions.** A hidden token is masked for all others; a silenced head adds nothing to the
stream. The panel shows what the model would have said next, before and after. The **logit lens**
reads the unfinished stream after each layer as if it were the last.

A weight says where a head looks, not what it does with it: silence the head to find out.

Vaswani et al. 2017 · Abnar & Zuidema 2020 (rollout, flow) · Clark et al. 2019 (what heads do) ·
Chefer et al. 2021 (gradients) · Sundararajan et al. 2017 (integrated gradients) ·
nostalgebraist 2020 (logit lens) · Vig 2019 (the head and model views).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The components the handlers speak to."""

    model: gr.Dropdown
    text: gr.Textbox
    draw: gr.Button
    stories: list[gr.Button]
    tray: pictures.Tray
    note: gr.HTML
    view: gr.HTML
    panel: gr.HTML
    method: gr.Radio
    why: gr.HTML
    spot: gr.State  # the token the panel speaks of
    compare: attention_compare.Row

    @property
    def inputs(self) -> list[Any]:
        """What changes with the model: how it is asked, and its stories."""
        return [self.text, self.draw, self.tray.row, self.method, *self.stories]


def build(ctx: Context) -> None:
    """Lays out the Viewer."""
    parts.story(
        "Every token looks back at others to find out what it means here; each head looks its own "
        "way.",
        "Move over <em>it</em>, click to hold it, then double-click <em>animal</em> to hide it.",
    )
    desk = _layout(ctx)
    pictures.comparison(desk.view)
    attention_hub.add(desk.model, models)
    card = attention_panel.card_of(desk.model)
    parts.how_it_works(HOW)
    _wire(ctx, desk)
    desk.model.change(attention_panel.card_text, desk.model, card, **QUIET)
    ctx.share(model=desk.model, text=desk.text, picture=desk.tray.chosen, why=desk.method)
    attention_api.add()


def _layout(ctx: Context) -> Desk:
    found = models()
    start = stories.STORIES[0]
    with gr.Row(equal_height=False):
        model = gr.Dropdown(
            found, value=first(found), label="Model", scale=2, min_width=150, elem_id="viewer-model"
        )
        text = gr.Textbox(
            start.text, label="Sentence", scale=6, min_width=240, lines=1, max_lines=4,
            max_length=LONGEST, elem_id="viewer-text",
        )  # fmt: skip
        draw = gr.Button("Draw", variant="primary", scale=1, min_width=90)
    with gr.Row(elem_classes="stories"):
        buttons = [gr.Button(size="sm", min_width=110) for _ in range(stories.MOST)]
    tray = pictures.tray()
    note = gr.HTML(_note(start.note), elem_id="viewer-note")
    with gr.Row(equal_height=False):
        with gr.Column(scale=7, min_width=330):
            widget = view.attention_view(
                share=f"{ctx.tab}.see", editable=True, elem_id="viewer-attention"
            )
            compare = attention_compare.row(found, LONGEST)
        with gr.Column(scale=3, min_width=260):
            panel = attention_panel.panel()
            method, reasons = why.methods(), why.panel()
    return Desk(
        model=model, text=text, draw=draw, stories=buttons, tray=tray, note=note, view=widget,
        panel=panel, method=method, why=reasons, spot=gr.State(None), compare=compare,
    )  # fmt: skip


def _wire(ctx: Context, desk: Desk) -> None:
    """A picture is drawn at once; what the model says takes its whole pass and follows."""
    picture, tray, other = [desk.view, desk.note], desk.tray, desk.compare
    source = [desk.model, desk.text, tray.chosen]
    draws = [desk.draw.click, desk.text.submit, tray.chosen.input]
    fresh = [
        gr.on(draws, drawn, source, picture, **QUIET),
        tray.upload.upload(uploaded, [desk.model, tray.upload], picture, **QUIET),
    ]
    desk.model.input(inputs_of, desk.model, desk.inputs, **QUIET)
    fresh.append(desk.model.input(chosen, source, [desk.text, *picture], **QUIET))
    for at, button in enumerate(desk.stories):
        outputs = [desk.model, desk.text, *picture, *desk.stories]
        fresh.append(button.click(_story_drawer(at), desk.model, outputs, **QUIET))
    again = [
        desk.view.intervene(intervened, desk.view, desk.view, **QUIET),
        other.go.click(compared, [desk.view, other.text, other.model], desk.view, **QUIET),
        other.stop.click(uncompared, desk.view, desk.view, **QUIET),
    ]
    heavy: dict[str, Any] = {**QUIET, "concurrency_id": "model", "trigger_mode": "always_last"}
    shown_at, answer = [desk.view, desk.spot, desk.method], [desk.panel, desk.why, desk.spot]
    for event in fresh:
        event.success(said_anew, [desk.view, desk.method], answer, **heavy)
    for event in again:
        event.success(said, shown_at, answer, **heavy)
    desk.view.select(picked, [desk.view, desk.method], answer, **heavy)
    desk.method.input(explained, shown_at, desk.why, **heavy)

    def opened(request: gr.Request) -> Iterator[list[Any]]:
        query = dict(request.query_params)
        found = models()
        model = first(found, query.get(f"{ctx.tab}.model", START))
        head = next(iter(stories.of(model)), stories.STORIES[0])
        text = query.get(f"{ctx.tab}.text", head.text)
        method = query.get(f"{ctx.tab}.why", why.OFF)
        menus = [gr.Dropdown(found, value=model), gr.Dropdown([("the same", ""), *found], value="")]
        rest: list[Any] = [*menus, *inputs_of(model, value=text)]
        picture = query.get(f"{ctx.tab}.picture", pictures.FIRST)
        spot = linked(query.get(f"{ctx.tab}.see", ""))
        for words, seen in ((text, picture), (head.text, pictures.FIRST)):
            try:
                for frame in opening(model, words, seen, method, spot):
                    yield [*frame, *rest]
                    rest = [gr.skip()] * len(rest)
                return
            except UserError as error:  # a link that asks for what can't be had
                gr.Warning(html.escape(str(error)))

    ctx.on_open(opened, [*picture, *answer, desk.model, other.model, *desk.inputs])


def inputs_of(model: str | None, **text: Any) -> list[Any]:
    """Updates of ``Desk.inputs``: a sentence, two, or a picture, as the model wants; ``text`` may
    hold the sentence's ``value``."""
    reads, both = not pictures.wanted(model), stories.pairs(model)
    mine = stories.of(model) if reads else []
    names = [*(s.name for s in mine), *[""] * (stories.MOST - len(mine))]
    return [
        gr.Textbox(
            visible=reads,
            lines=2 if both else 1,
            label="Sentence, its translation below if you like" if both else "Sentence",
            placeholder="A sentence; on a second line its translation, or leave that to the model."
            if both
            else None,
            **text,
        ),
        gr.Button(visible=reads),
        gr.Row(visible=not reads),
        gr.Radio(visible=not both),
        *(gr.Button(name, visible=bool(name)) for name in names),
    ]


def linked(see: str) -> Spot | None:
    """The token that a link holds, from the widget's part of the address."""
    query, at = re.search(r"(?:^|_)q(\d{1,4})(?:_|$)", see), re.search(r"(?:^|_)a(\d)(?:_|$)", see)
    return Spot(int(at[1]) if at else 0, int(query[1])) if query else None


def opening(
    model: str | None, text: str, picture: str, method: str, spot: Spot | None
) -> Iterator[list[Any]]:
    """View and note, then panel, reasons and spot, of a page's first picture; without any model,
    words instead."""
    if model is None:
        yield [gr.skip(), _note("No model yet — train one on the Train page."), "", "", None]
        return
    if pictures.wanted(model):
        value, note = shown(Asked(model=model, text=picture), pictures.LOOK, pictures.NOTE)
    else:
        story = stories.told(model, text)
        look, words = (story.look, story.note) if story else (view.look(), "")
        value, note = shown(Asked(model=model, text=text), look, words)
    yield [value, note, *[gr.skip()] * 3]
    about = said(value, spot, method) if spot else said_anew(value, method)
    yield [gr.skip(), gr.skip(), *about]


def shown(asked: Asked, see: Mapping[str, Any] | None, note: str) -> list[Any]:
    """View and note of a fresh pass; nothing of the model has run yet."""
    maps = asked.maps()
    notices = [n for n in (note, *(html.escape(m.notice) for m in maps)) if n]
    return [asked.value(maps, see), _note(" ".join(notices))]


def drawn(model: str, text: str, picture: str | None) -> list[Any]:
    """Draw: another sentence, picture or model; layer, head and view stay where they can."""
    with told():
        if pictures.wanted(model):
            asked = Asked(model=model, text=picture or pictures.FIRST)
            return shown(asked, pictures.LOOK, pictures.NOTE)
        return shown(Asked(model=model or "", text=text), {"lock": None}, "")


def chosen(model: str, text: str, picture: str | None) -> list[Any]:
    """Another model: with a text of its own, if the one there is another model's story."""
    story = None if pictures.wanted(model) else stories.instead(model, text)
    if story is None:
        return [gr.skip(), *drawn(model, text, picture)]
    with told():
        look, note = (story.look, story.note) if story.model == model else ({"lock": None}, "")
        return [story.text, *shown(Asked(model=model, text=story.text), look, note)]


def uploaded(model: str, path: str) -> list[Any]:
    """A visitor's own picture; only a small copy of it travels on."""
    with told():
        return shown(Asked(model=model, text=pictures.uri(path)), pictures.LOOK, pictures.NOTE)


def _story_drawer(at: int) -> Any:
    """Tells the ``at``-th story of the model's family, by the model whose head it speaks of."""

    def draw(model: str) -> list[Any]:
        with told():
            story = stories.of(model)[at]
            teller = story.model if story.model in [n for _, n in models()] else model
            drawn_ = shown(Asked(model=teller, text=story.text), story.look, story.note)
            return [teller, story.text, *drawn_, *inputs_of(teller)[-stories.MOST :]]

    return draw


def intervened(value: Any, event: gr.EventData) -> dict[str, str]:
    """The pass with tokens hidden or swapped and heads silenced."""
    with told():
        asked = asked_of(value, json.loads(str(event.changes)))
        return asked.value(asked.maps())


def compared(value: Any, text: str, model: str) -> dict[str, str]:
    """The pass as it is, and another one beside it."""
    with told():
        asked = asked_of(value, json.loads(value["changes"]))
        pictured = pictures.wanted(asked.model)
        other = {
            "model": model or asked.model,
            "text": asked.text if pictured else text.strip() or asked.text,
        }
        if pictured != pictures.wanted(other["model"]):
            raise UserError("One looks at pictures, the other reads", "choose two of a kind.")
        return replace(asked, other=other).value(asked.maps())


def uncompared(value: Any) -> dict[str, str]:
    """The pass alone again."""
    with told():
        asked = replace(asked_of(value, json.loads(value["changes"])), other=None)
        return asked.value(asked.maps())


def said_anew(value: Any, method: str) -> list[Any]:
    """Panel, reasons and spot of a fresh pass: at the token its story holds, or the last one."""
    with told():
        see = json.loads(value["see"] or "{}")
        lock = see.get("lock")
        spot = Spot(int(see.get("map", 0)), int(lock["q"])) if lock else None
        return [panel_of(value, spot), reasons_of(value, spot, method), spot]


def said(value: Any, spot: Any, method: str) -> list[Any]:
    """Panel, reasons and spot of a pass made again; it speaks of the same token."""
    with told():
        spot = Spot(*spot) if spot else None
        return [panel_of(value, spot), reasons_of(value, spot, method), spot]


def picked(value: Any, method: str, event: gr.EventData) -> list[Any]:
    """Panel, reasons and spot for the token that was locked."""
    with told():
        return said(value, (int(event.map), int(event.index)), method)


def explained(value: Any, spot: Any, method: str) -> str:
    """The reasons alone, by another method."""
    with told():
        return reasons_of(value, Spot(*spot) if spot else None, method)


def _note(words: str) -> str:
    return f'<p class="try">{words}</p>' if words else ""
