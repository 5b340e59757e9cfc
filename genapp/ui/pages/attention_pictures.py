"""The Viewer's pictures: which models look at one, where one comes from, what to see first."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from genapp import registry
from genapp.data import images
from genapp.ui.widgets.attention_view import widget as view

SAMPLES = (("temple", "china"), ("flower", "flower"))  # photographs inside scikit-learn
FIRST = SAMPLES[0][1]
UPLOAD = 384  # pixels an uploaded picture keeps
LOOK = view.look(layer=3, head="mean", view="overlay", lock=(0, -1))
NOTE = (
    "Each square of the picture is a token. Click one to see where it looks; <em>[CLS]</em> is the "
    "token from which the class is read. Double-click a square to hide it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tray:
    """Where a visitor takes a picture from."""

    row: gr.Row
    chosen: gr.Radio
    upload: gr.UploadButton


def tray() -> Tray:
    """Lays out the tray; unseen until a model wants a picture."""
    with gr.Row(visible=False) as row:
        chosen = gr.Radio(SAMPLES, value=FIRST, label="Picture", elem_id="viewer-picture")
        upload = gr.UploadButton("Upload a picture", file_types=["image"], min_width=140)
    return Tray(row=row, chosen=chosen, upload=upload)


def wanted(model: str | None) -> bool:
    """Whether ``family/checkpoint`` looks at pictures rather than reading text."""
    known = registry.all_families()
    family = (model or "").partition("/")[0]
    return family in known and known[family].sees == "picture"


def uri(path: str) -> str:
    """A small copy of the picture at ``path``; :class:`UserError` if it is none."""
    return images.data_uri(images.open_image(Path(path)), UPLOAD)
