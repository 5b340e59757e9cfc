"""A bigger model for the Viewer, from the hub: its size first, then the download."""

import html
from collections.abc import Callable
from typing import Any

import gradio as gr

from genapp.errors import UserError
from genapp.spec import resolve

FAMILIES = {"distilgpt2": "gpt", "gpt2": "gpt", "gpt2-medium": "gpt", "vit-base": "vit"}


def add(model: gr.Dropdown, models: Callable[[], list[tuple[str, str]]]) -> None:
    """A folded panel that fetches a published model and puts it into the ``model`` menu."""
    with gr.Accordion("A bigger model from the hub", open=False):
        gr.Markdown(
            "GPT-2 (OpenAI, MIT licence), DistilGPT2, its distilled half (Apache-2.0), and, for "
            "pictures, ViT-B/16 (Google, Apache-2.0). The files go into the hub library's cache; "
            "nothing is fetched before you have seen the size."
        )
        with gr.Row():
            name = gr.Radio(list(FAMILIES), value=next(iter(FAMILIES)), label="Model", scale=3)
            ask = gr.Button("How big?", scale=1, min_width=100)
            fetch = gr.Button("Fetch", scale=1, min_width=100, interactive=False)
        words = gr.Markdown("")
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}

    def announced(wanted: str) -> list[Any]:
        try:
            return [str(_of(wanted, "announce")(wanted)), gr.Button(interactive=True)]
        except UserError as error:
            return [html.escape(str(error)), gr.Button(interactive=False)]

    def fetched(wanted: str) -> list[Any]:
        try:
            _of(wanted, "from_hub")(wanted)
        except UserError as error:
            return [html.escape(str(error)), gr.skip()]
        return [
            f"{wanted} is here: choose it in the menu above.",
            gr.Dropdown(models()),
        ]

    ask.click(announced, name, [words, fetch], **quiet)
    name.input(lambda: ["", gr.Button(interactive=False)], None, [words, fetch], **quiet)
    fetch.click(fetched, name, [words, model], concurrency_id="model", **quiet)


def _of(wanted: str, name: str) -> Any:
    """A function of the module that knows the family's published weights."""
    if wanted not in FAMILIES:
        raise UserError("This model is not on the list", f"choose one of {', '.join(FAMILIES)}.")
    return resolve(f"genapp.families.{FAMILIES[wanted]}.pretrained:{name}")
