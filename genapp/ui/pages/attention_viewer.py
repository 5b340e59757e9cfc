"""The Viewer of the Attention page: a sentence, a model, and where it looks.

It serves every family that says where it looks (``FamilySpec.attention``) and all of its
checkpoints, a person's own among them. A pass's whole request travels in the widget's value, so
nothing of a visitor is kept but the pass on the shelf.
"""

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from genapp import checkpoints, registry, service
from genapp.attention import Maps
from genapp.data import images
from genapp.errors import UserError
from genapp.service import Failure
from genapp.ui import live_attention, parts
from genapp.ui.context import Context
from genapp.ui.pages import attention_api, attention_hub, attention_panel
from genapp.ui.widgets.attention_view import widget as view

START = "gpt/gpt-mini"
LONGEST = 4_000  # characters of a sentence
PICTURES = (("temple", "china"), ("flower", "flower"))  # photographs inside scikit-learn
UPLOAD = 384  # pixels an uploaded picture keeps
AT_PICTURES = view.look(layer=3, head="mean", view="overlay", lock=(0, -1))
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
        look=view.look(layer=3, head=3, view="lines", lock=(9, -1)),
        note="A head with one job: whatever was given, and whoever got it, looks back at the verb "
        "<em>gave</em>. Look at another head: a different job.",
    ),
    Story(
        name="obey what?",
        text="A robot must obey the orders given it by human beings except where such orders "
        "would conflict",
        look=view.look(layer=3, head=6, lock=(12, -1)),
        note="The white triangle is the mask: no token sees what comes later. <em>it</em> looks "
        "back at <em>orders</em>. Double-click a word to mask it for all others too.",
    ),
    Story(
        name="copying",
        text="The wolf saw the lamb and the wolf saw the lamb and the wolf saw the",
        look=view.look(layer=3, head=6, lock=(15, -1)),
        note="Stripes beside the diagonal: a token looks at what followed its earlier copies. Such "
        "<em>induction</em> heads let a model repeat a pattern from the text itself.",
    ),
)

LOOK_AT_PATCHES = (
    "Each square of the picture is a token. Click one to see where it looks; <em>[CLS]</em> is the "
    "token from which the class is read. Double-click a square to hide it."
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
        text = self.text if sees(self.model) == "picture" else self.text[:LONGEST]
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
        for name in checkpoints.find(spec.name) if spec.attention else ():
            title = spec.presets[name].title if name in spec.presets else f"{spec.title} · {name}"
            found.append((title, f"{spec.name}/{name}"))
    return found


def sees(model: str | None) -> str:
    """What ``family/checkpoint`` reads: "text" or "picture"."""
    known = registry.all_families()
    family = (model or "").partition("/")[0]
    return known[family].sees if family in known else "text"


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
    picture: gr.Radio
    upload: gr.UploadButton
    sentences: gr.Row
    pictures: gr.Row
    note: gr.HTML
    view: gr.HTML
    panel: gr.HTML

    @property
    def drawn(self) -> list[Any]:
        return [self.view, self.panel, self.note]

    @property
    def inputs(self) -> list[Any]:
        """What a model that reads is asked with, then what one that sees is."""
        return [self.text, self.draw, self.sentences, self.pictures]


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
    desk.model.change(attention_panel.card_text, desk.model, card, **_quiet())
    ctx.share(model=desk.model, text=desk.text, picture=desk.picture)
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
    with gr.Row(visible=False) as pictures:
        picture = gr.Radio(
            PICTURES, value=PICTURES[0][1], label="Picture", elem_id="viewer-picture"
        )
        upload = gr.UploadButton("Upload a picture", file_types=["image"], min_width=140)
    note = gr.HTML(_note(STORIES[0].note), elem_id="viewer-note")
    with gr.Row(equal_height=False):
        with gr.Column(scale=7, min_width=330):
            widget = view.attention_view(
                share=f"{ctx.tab}.see", editable=True, elem_id="viewer-attention"
            )
        with gr.Column(scale=3, min_width=260):
            panel = attention_panel.panel()
    return Desk(
        model=model, text=text, draw=draw, stories=stories, picture=picture, upload=upload,
        sentences=sentences, pictures=pictures, note=note, view=widget, panel=panel,
    )  # fmt: skip


def _quiet() -> dict[str, Any]:
    return {"show_progress": "hidden", "api_visibility": "private", "concurrency_id": "model"}


def _wire(ctx: Context, desk: Desk) -> None:
    source = [desk.model, desk.text, desk.picture]
    again = [desk.draw.click, desk.text.submit, desk.picture.input]
    gr.on(again, drawn, source, desk.drawn, **_quiet())
    desk.model.input(drawn, source, desk.drawn, **_quiet()).then(
        inputs_of, desk.model, desk.inputs, **_quiet()
    )
    desk.upload.upload(uploaded, [desk.model, desk.upload], desk.drawn, **_quiet())
    for story, button in zip(STORIES, desk.stories, strict=True):
        button.click(
            _story_drawer(story), desk.model, [desk.text, *desk.drawn], **_quiet()
        )  # fmt: skip
    desk.view.intervene(intervened, desk.view, [desk.view, desk.panel], **_quiet())
    desk.view.select(picked, desk.view, desk.panel, trigger_mode="always_last", **_quiet())

    def opened(request: gr.Request) -> list[Any]:
        query = dict(request.query_params)
        found = models()
        model = first(found, query.get(f"{ctx.tab}.model", START))
        rest = [gr.Dropdown(found, value=model), *inputs_of(model)]
        text = query.get(f"{ctx.tab}.text", STORIES[0].text)
        picture = query.get(f"{ctx.tab}.picture", PICTURES[0][1])
        try:
            return [*opening(model, text, picture), *rest]
        except UserError as error:
            gr.Warning(html.escape(str(error)))
            return [*opening(model, STORIES[0].text, PICTURES[0][1]), *rest]

    ctx.on_open(opened, [*desk.drawn, desk.model, *desk.inputs])


def inputs_of(model: str | None) -> list[Any]:
    """Updates of ``Desk.inputs``: a sentence or a picture, as the model wants."""
    reads = sees(model) == "text"
    return [
        gr.Textbox(visible=reads), gr.Button(visible=reads), gr.Row(visible=reads),
        gr.Row(visible=not reads),
    ]  # fmt: skip


def opening(model: str | None, text: str, picture: str) -> list[Any]:
    """The first picture of a page; without any model, words instead."""
    if model is None:
        return [gr.skip(), "", _note("No model yet — train one on the Train page.")]
    if sees(model) == "picture":
        return shown(Asked(model=model, text=picture), AT_PICTURES, LOOK_AT_PATCHES)
    story = next((s for s in STORIES if s.text == text), None)
    asked = Asked(model=model, text=text)
    return shown(asked, story.look if story else view.look(), story.note if story else "")


def shown(asked: Asked, see: Mapping[str, Any] | None, note: str) -> list[Any]:
    """View, panel and note of a fresh pass."""
    maps = asked.maps()
    notices = [n for n in (note, *(html.escape(m.notice) for m in maps)) if n]
    return [
        asked.value(maps, see),
        attention_panel.words(maps, maps, None),
        _note(" ".join(notices)),
    ]


def drawn(model: str, text: str, picture: str | None) -> list[Any]:
    """Draw: another sentence, picture or model; layer, head and view stay where they can."""
    if sees(model) == "picture":
        asked = Asked(model=model, text=picture or PICTURES[0][1])
        return _told(lambda: shown(asked, AT_PICTURES, LOOK_AT_PATCHES))
    return _told(lambda: shown(Asked(model=model or "", text=text), {"lock": None}, ""))


def uploaded(model: str, path: str) -> list[Any]:
    """A visitor's own picture; only a small copy of it travels on."""

    def run() -> list[Any]:
        picture = images.data_uri(images.open_image(Path(path)), UPLOAD)
        return shown(Asked(model=model, text=picture), AT_PICTURES, LOOK_AT_PATCHES)

    return _told(run)


def _story_drawer(story: Story) -> Any:
    def draw(model: str) -> list[Any]:
        asked = Asked(model=model or "", text=story.text)
        return _told(lambda: [story.text, *shown(asked, story.look, story.note)])

    return draw


def intervened(value: Any, event: gr.EventData) -> list[Any]:
    """The pass with tokens hidden or swapped and heads silenced, beside the untouched one."""

    def run() -> list[Any]:
        asked = asked_of(value, json.loads(str(event.changes)))
        maps, before = asked.maps(), asked.maps(changed=False)
        return [asked.value(maps), attention_panel.words(maps, before, None)]

    return _told(run)


def picked(value: Any, event: gr.EventData) -> Any:
    """The panel for the token that was locked."""

    def run() -> str:
        asked = asked_of(value, json.loads(value["changes"]))
        maps = _on_shelf(value) or asked.maps()
        before = asked.maps(changed=False) if any(asked.changes.values()) else maps
        return attention_panel.words(maps, before, int(event.index))

    return _told(run)


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


def _told(run: Any) -> Any:
    """``run()``, its failures as messages on the page."""
    try:
        return run()
    except UserError as error:
        return parts.unless_failed(Failure(str(error)))
    except (KeyError, TypeError, ValueError, AttributeError):
        words = "The picture on the page can't be read — press Draw for a new one."
        return parts.unless_failed(Failure(words))


def _note(words: str) -> str:
    return f'<p class="try">{words}</p>' if words else ""
