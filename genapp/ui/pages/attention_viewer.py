"""The Viewer of the Attention page: a sentence, a model, and where it looks.

It serves every family that says where it looks (``FamilySpec.attention``) and all of its
checkpoints, a person's own among them. A pass's whole request travels in the widget's value, so
nothing of a visitor is kept but the pass on the shelf.
"""

import html
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from genapp import checkpoints, registry, service
from genapp.attention import Maps
from genapp.errors import UserError
from genapp.service import Failure
from genapp.ui import live_attention, parts
from genapp.ui.context import Context
from genapp.ui.pages import attention_api, attention_hub, attention_panel
from genapp.ui.pages import attention_pictures as pictures
from genapp.ui.widgets.attention_view import widget as view

log = logging.getLogger(__name__)

START = "gpt/gpt-mini"
LONGEST = 4_000  # characters of a sentence
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

**Interventions.** A hidden token is masked for all others; a silenced head adds nothing to the
stream. The panel shows what the model would have said next, before and after. The **logit lens**
reads the unfinished stream after each layer as if it were the last.

A weight says where a head looks, not what it does with it: silence the head to find out.

Vaswani et al. 2017 · Abnar & Zuidema 2020 (rollout, flow) · Clark et al. 2019 (what heads do) ·
nostalgebraist 2020 (logit lens) · Vig 2019 (the head and model views).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A sentence with a head worth seeing, and what to look for. Heads are GPT-mini's own."""

    name: str
    text: str
    look: Mapping[str, Any]
    note: str


STORIES = (
    Story(
        name="it → animal",
        text="The animal didn't cross the street because it was too tired",
        look=view.look(layer=3, head=4, lock=(10, -1)),
        note="Who was too tired? In this head <em>it</em> looks at <em>animal</em> more than at "
        "any other token. Then open rollout: through all layers the answer is far less clear-cut.",
    ),
    Story(
        name="who gave what",
        text="I gave my dog Charlie some food",
        look=view.look(layer=3, head=6, view="lines", lock=(9, -1)),
        note="A head with one job: whatever was given, and whoever got it, looks back at the verb "
        "<em>gave</em>. Look at another head: a different job.",
    ),
    Story(
        name="obey what?",
        text="A robot must obey the orders given it by human beings except where such orders "
        "would conflict",
        look=view.look(layer=3, head=3, lock=(12, -1)),
        note="The white triangle is the mask: no token sees what comes later. <em>it</em> looks "
        "back at <em>orders</em>. Double-click a word to mask it for all others too.",
    ),
    Story(
        name="copying",
        text="The wolf saw the lamb and the wolf saw the lamb and the wolf saw the",
        look=view.look(layer=3, head=7, lock=(15, -1)),
        note="Stripes beside the diagonal: a token looks at what followed its earlier copies. Such "
        "<em>induction</em> heads let a model repeat a pattern from the text itself.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a pass was made for; travels in the widget's value as JSON."""

    model: str  # family/checkpoint
    text: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    def maps(self, changed: bool = True) -> list[Maps]:
        """The pass, or with ``changed`` off the one nobody touched."""
        family, _, checkpoint = self.model.partition("/")
        changes = self.changes if changed else {}
        text = self.text if pictures.wanted(self.model) else self.text[:LONGEST]
        return service.attention(family, checkpoint, text, changes)

    def value(self, maps: list[Maps], see: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The widget's value of this pass."""
        return view.value(
            maps,
            see=see,
            changes=json.dumps(self.changes),
            asked=json.dumps({"model": self.model, "text": self.text}),
        )


def models() -> list[tuple[str, str]]:
    """(title, family/checkpoint) of everything that shows where it looks."""
    found = []
    for spec in registry.all_families().values():
        for name, folder in checkpoints.find(spec.name).items() if spec.attention else ():
            if spec.attends and checkpoints.read_meta(folder).preset not in spec.attends:
                continue
            title = spec.presets[name].title if name in spec.presets else f"{spec.title} · {name}"
            found.append((title, f"{spec.name}/{name}"))
    return found


def first(found: list[tuple[str, str]], wanted: str = START) -> str | None:
    """``wanted`` if there is such a model, else the first."""
    names = [name for _, name in found]
    return wanted if wanted in names else next(iter(names), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The components the handlers speak to."""

    model: gr.Dropdown
    text: gr.Textbox
    draw: gr.Button
    stories: list[gr.Button]
    sentences: gr.Row
    tray: pictures.Tray
    note: gr.HTML
    view: gr.HTML
    panel: gr.HTML

    @property
    def drawn(self) -> list[Any]:
        return [self.view, self.panel, self.note]

    @property
    def inputs(self) -> list[Any]:
        """What a model that reads is asked with, then what one that sees is."""
        return [self.text, self.draw, self.sentences, self.tray.row]


def build(ctx: Context) -> None:
    """Lays out the Viewer."""
    parts.story(
        "Every token looks back at others to find out what it means here; each head looks its own "
        "way.",
        "Move over <em>it</em>, click to hold it, then double-click <em>animal</em> to hide it.",
    )
    desk = _layout(ctx)
    attention_hub.add(desk.model, models)
    card = attention_panel.card_of(desk.model)
    parts.how_it_works(HOW)
    _wire(ctx, desk)
    desk.model.change(attention_panel.card_text, desk.model, card, **QUIET)
    ctx.share(model=desk.model, text=desk.text, picture=desk.tray.chosen)
    attention_api.add()


def _layout(ctx: Context) -> Desk:
    found = models()
    with gr.Row(equal_height=False):
        model = gr.Dropdown(
            found, value=first(found), label="Model", scale=2, min_width=150, elem_id="viewer-model"
        )
        text = gr.Textbox(
            STORIES[0].text, label="Sentence", scale=6, min_width=240, lines=1, max_lines=4,
            max_length=LONGEST, elem_id="viewer-text",
        )  # fmt: skip
        draw = gr.Button("Draw", variant="primary", scale=1, min_width=90)
    with gr.Row(elem_classes="stories") as sentences:
        stories = [gr.Button(s.name, size="sm", min_width=110) for s in STORIES]
    tray = pictures.tray()
    note = gr.HTML(_note(STORIES[0].note), elem_id="viewer-note")
    with gr.Row(equal_height=False):
        with gr.Column(scale=7, min_width=330):
            widget = view.attention_view(
                share=f"{ctx.tab}.see", editable=True, elem_id="viewer-attention"
            )
        with gr.Column(scale=3, min_width=260):
            panel = attention_panel.panel()
    return Desk(
        model=model, text=text, draw=draw, stories=stories, sentences=sentences, tray=tray,
        note=note, view=widget, panel=panel,
    )  # fmt: skip


def _wire(ctx: Context, desk: Desk) -> None:
    """A picture is drawn at once; what the model says takes its whole pass and follows."""
    picture, tray = [desk.view, desk.note], desk.tray
    source = [desk.model, desk.text, tray.chosen]
    draws = [desk.draw.click, desk.text.submit, desk.model.input, tray.chosen.input]
    events = [
        gr.on(draws, drawn, source, picture, **QUIET),
        tray.upload.upload(uploaded, [desk.model, tray.upload], picture, **QUIET),
    ]
    desk.model.input(inputs_of, desk.model, desk.inputs, **QUIET)
    for story, button in zip(STORIES, desk.stories, strict=True):
        outputs = [desk.text, *picture]
        events.append(button.click(_story_drawer(story), desk.model, outputs, **QUIET))
    events.append(desk.view.intervene(intervened, desk.view, desk.view, **QUIET))
    heavy: dict[str, Any] = {**QUIET, "concurrency_id": "model", "trigger_mode": "always_last"}
    for event in events:
        event.success(said, desk.view, desk.panel, **heavy)
    desk.view.select(picked, desk.view, desk.panel, **heavy)

    def opened(request: gr.Request) -> Iterator[list[Any]]:
        query = dict(request.query_params)
        found = models()
        model = first(found, query.get(f"{ctx.tab}.model", START))
        rest: list[Any] = [gr.Dropdown(found, value=model), *inputs_of(model)]
        text = query.get(f"{ctx.tab}.text", STORIES[0].text)
        picture = query.get(f"{ctx.tab}.picture", pictures.FIRST)
        for asked in ((text, picture), (STORIES[0].text, pictures.FIRST)):
            try:
                for frame in opening(model, *asked):
                    yield [*frame, *rest]
                    rest = [gr.skip()] * len(rest)
                return
            except UserError as error:  # a link that asks for what can't be had
                gr.Warning(html.escape(str(error)))

    ctx.on_open(opened, [*desk.drawn, desk.model, *desk.inputs])


def inputs_of(model: str | None) -> list[Any]:
    """Updates of ``Desk.inputs``: a sentence or a picture, as the model wants."""
    reads = not pictures.wanted(model)
    return [
        gr.Textbox(visible=reads), gr.Button(visible=reads), gr.Row(visible=reads),
        gr.Row(visible=not reads),
    ]  # fmt: skip


def opening(model: str | None, text: str, picture: str) -> Iterator[list[Any]]:
    """View, panel and note of a page's first picture; without any model, words instead."""
    if model is None:
        yield [gr.skip(), "", _note("No model yet — train one on the Train page.")]
        return
    story = next((s for s in STORIES if s.text == text), None)
    if pictures.wanted(model):
        value, note = shown(Asked(model=model, text=picture), pictures.LOOK, pictures.NOTE)
    else:
        look, words = (story.look, story.note) if story else (view.look(), "")
        value, note = shown(Asked(model=model, text=text), look, words)
    yield [value, gr.skip(), note]
    yield [gr.skip(), panel_of(value), gr.skip()]


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


def uploaded(model: str, path: str) -> list[Any]:
    """A visitor's own picture; only a small copy of it travels on."""
    with told():
        return shown(Asked(model=model, text=pictures.uri(path)), pictures.LOOK, pictures.NOTE)


def _story_drawer(story: Story) -> Any:
    def draw(model: str) -> list[Any]:
        with told():
            asked = Asked(model=model or "", text=story.text)
            return [story.text, *shown(asked, story.look, story.note)]

    return draw


def intervened(value: Any, event: gr.EventData) -> dict[str, str]:
    """The pass with tokens hidden or swapped and heads silenced."""
    with told():
        asked = asked_of(value, json.loads(str(event.changes)))
        return asked.value(asked.maps())


def said(value: Any) -> str:
    """The panel for the last token."""
    with told():
        return panel_of(value)


def picked(value: Any, event: gr.EventData) -> str:
    """The panel for the token that was locked."""
    with told():
        return panel_of(value, int(event.index))


def panel_of(value: Any, query: int | None = None) -> str:
    """What the model says at a token of the pass in ``value``, beside the untouched pass."""
    asked = asked_of(value, json.loads(value["changes"]))
    maps = _on_shelf(value) or asked.maps()
    before = asked.maps(changed=False) if any(asked.changes.values()) else maps
    return attention_panel.words(maps, before, query)


def _on_shelf(value: Any) -> list[Maps] | None:
    try:
        return list(live_attention.shelf.get(str(value["key"])).maps)
    except UserError:
        return None


def asked_of(value: Any, changes: Any) -> Asked:
    """The request behind a widget's value; ``ValueError`` and friends for anything else."""
    asked = json.loads(value["asked"])
    if not isinstance(changes, dict):
        raise TypeError("changes is no object")
    return Asked(model=str(asked["model"]), text=str(asked["text"]), changes=changes)


@contextmanager
def told() -> Iterator[None]:
    """Turns a :class:`UserError`, and whatever the browser sent wrong, into a message."""
    try:
        yield
    except UserError as error:
        parts.unless_failed(Failure(str(error)))
    except (KeyError, TypeError, ValueError, AttributeError):
        log.info("a picture came back unreadable", exc_info=True)
        words = "The picture on the page can't be read — press Draw for a new one."
        parts.unless_failed(Failure(words))


def _note(words: str) -> str:
    return f'<p class="try">{words}</p>' if words else ""
