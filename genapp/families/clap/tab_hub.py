"""LAION's CLAP for the Sound tab, from the hub: its size first, then the download."""

import html
from typing import Any

import gradio as gr

from genapp import checkpoints
from genapp.errors import UserError
from genapp.spec import resolve

HOME = "genapp.families.clap.pretrained"


def add(model: gr.Dropdown) -> None:
    """Two buttons that fetch the model and put it into the ``model`` menu."""
    gr.Markdown(
        "**LAION's CLAP** (clap-htsat-unfused, Apache-2.0) heard 630,000 real recordings and knows "
        "real dogs, pianos and rain. The files go into the hub library's cache and a checkpoint "
        "beside your own; nothing is fetched before you have seen the size."
    )
    with gr.Row():
        ask = gr.Button("How big?", min_width=100, elem_id="sound-hub-ask")
        fetch = gr.Button("Fetch", min_width=100, interactive=False, elem_id="sound-hub-fetch")
    words = gr.Markdown("", elem_id="sound-hub-words")
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}

    def announced() -> list[Any]:
        try:
            return [resolve(f"{HOME}:told")(), gr.Button(interactive=True)]
        except UserError as error:
            return [html.escape(str(error)), gr.Button(interactive=False)]

    def fetched() -> list[Any]:
        try:
            name = resolve(f"{HOME}:from_hub")().name
        except UserError as error:
            return [html.escape(str(error)), gr.skip()]
        names = list(checkpoints.find("clap"))
        return [f"{name} is here and listening.", gr.Dropdown(names, value=name)]

    ask.click(announced, None, [words, fetch], **quiet)
    fetch.click(fetched, None, [words, model], concurrency_id="model", **quiet)
