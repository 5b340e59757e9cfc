"""Bigger models from the hub: their size first, then the download."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from genapp.errors import UserError
from genapp.spec import resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A family's published models; ``home`` has ``announce(name)`` and ``from_hub(name)``."""

    home: str
    names: tuple[str, ...]
    about: str


SHELVES = {
    "gpt": Shelf(
        home="genapp.families.gpt.pretrained",
        names=("distilgpt2", "gpt2", "gpt2-medium"),
        about="GPT-2 (OpenAI, MIT licence) and DistilGPT2, its distilled half (Apache-2.0).",
    ),
    "bert": Shelf(
        home="genapp.families.bert.pretrained",
        names=("bert-base-uncased", "rubert-tiny2"),
        about="BERT-base (Google, Apache-2.0) and RuBERT-tiny2, small, Russian and English (MIT).",
    ),
    "vit": Shelf(
        home="genapp.families.vit.pretrained",
        names=("vit-base",),
        about="For pictures, ViT-B/16 (Google, Apache-2.0).",
    ),
}


def add(
    model: gr.Dropdown,
    models: Callable[[], list[tuple[str, str]]],
    families: Sequence[str] = ("gpt", "bert", "vit"),
    value: Callable[[str, str], str] = "{}/{}".format,
) -> None:
    """A folded panel that fetches a published model and puts it into the ``model`` menu.

    ``value(family, name)`` is how the menu calls it.
    """
    family_of = {name: family for family in families for name in SHELVES[family].names}
    about = " ".join(SHELVES[family].about for family in families)
    with gr.Accordion("A bigger model from the hub", open=False):
        gr.Markdown(
            f"{about} The files go into the hub library's cache; nothing is fetched before you "
            "have seen the size."
        )
        with gr.Row():
            name = gr.Radio(list(family_of), value=next(iter(family_of)), label="Model", scale=3)
            ask = gr.Button("How big?", scale=1, min_width=100)
            fetch = gr.Button("Fetch", scale=1, min_width=100, interactive=False)
        words = gr.Markdown("")
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}

    def of(wanted: str, what: str) -> Any:
        return resolve(f"{SHELVES[family_of[wanted]].home}:{what}")(wanted)

    def announced(wanted: str) -> list[Any]:
        try:
            return [str(of(wanted, "announce")), gr.Button(interactive=True)]
        except UserError as error:
            return [html.escape(str(error)), gr.Button(interactive=False)]

    def fetched(wanted: str) -> list[Any]:
        try:
            of(wanted, "from_hub")
        except UserError as error:
            return [html.escape(str(error)), gr.skip()]
        menu = gr.Dropdown(models(), value=value(family_of[wanted], wanted))
        return [f"{wanted} is here: it is chosen in the menu above.", menu]

    ask.click(announced, name, [words, fetch], **quiet)
    name.input(lambda: ["", gr.Button(interactive=False)], None, [words, fetch], **quiet)
    fetch.click(fetched, name, [words, model], concurrency_id="model", **quiet)
