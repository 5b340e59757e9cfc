"""Patches: a photograph as a row of tokens, and what its surroundings do to one of them."""

import html
from dataclasses import replace
from typing import Any

import gradio as gr

from genapp import checkpoints, service
from genapp.data import photos
from genapp.errors import UserError
from genapp.families.vit import tab_text
from genapp.families.vit.spec import PICTURE, ClassifyRequest
from genapp.service import Failure, Loaded
from genapp.spec import resolve
from genapp.ui import parts
from genapp.ui.context import Context
from genapp.ui.pages import attention_pictures as tray
from genapp.ui.widgets.patch_view import widget as view

FAMILY = "vit"
PATCHES = "genapp.families.vit.patches"
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
OTHER = {"flower": "china"}  # the second context; flower for every other picture
IMAGE = 256  # pixels of the picture that is cut
NONE = "No Vision Transformer yet: train one on the Train page, and this shows where it looks."


def build(ctx: Context) -> None:
    """Lays out the tab."""
    parts.story(
        "A Vision Transformer reads a photograph as a sentence: each patch is a word, and each "
        "asks all others.",
        "Click a patch, then move <em>Patch</em> to 64: the picture becomes one row of 16.",
    )
    with gr.Row():
        chosen = gr.Radio(
            photos.menu(), value=photos.FIRST, label="Picture", elem_id="patches-picture", scale=3
        )
        upload = gr.UploadButton("Upload a picture", file_types=["image"], min_width=140)
    widget = view.patch_view(two_contexts, share=f"{ctx.tab}.see", elem_id="patches-view")
    gr.Markdown(tab_text.FACTS, elem_id="patches-facts")
    parts.how_it_works(tab_text.HOW)
    with gr.Accordion("The model's card", open=False):
        gr.Markdown(parts.card_of(FAMILY, first()))
    ctx.share(picture=chosen)
    chosen.input(drawn, chosen, widget, **QUIET)
    upload.upload(uploaded, upload, widget, **QUIET)
    gr.api(patch_in_two_contexts, api_name="patch_in_two_contexts", concurrency_id="model")

    def opened(request: gr.Request) -> Any:
        wanted = dict(request.query_params).get(f"{ctx.tab}.picture", photos.FIRST)
        return value_of(wanted if wanted in photos.PHOTOS else photos.FIRST)

    ctx.on_open(opened, widget)


def first() -> str:
    """The checkpoint the tab shows: the family's own first choice, or what there is."""
    wanted = ClassifyRequest().checkpoint
    found = list(checkpoints.find(FAMILY))
    return wanted if wanted in found or not found else found[0]


def model() -> Loaded | None:
    """That checkpoint, or None if there is none at all."""
    return service.models.get(FAMILY, first()) if checkpoints.find(FAMILY) else None


def value_of(source: str) -> dict[str, str]:
    """The widget's value for a photograph's name or a data URI."""
    opened = resolve("genapp.families.vit.pictures:opened")
    uri = resolve("genapp.data.images:data_uri")
    other = OTHER.get(source, "flower")
    shown = uri(opened(source), IMAGE), uri(opened(other), IMAGE)
    loaded = model()
    cut = view.Cut(source=source, image=shown[0], other=shown[1], words=NONE)
    if loaded is not None:
        config: Any = loaded.model.config
        weights = resolve(f"{PATCHES}:looks")(loaded, source)
        cut = replace(
            cut, weights=weights, side=config.side, extra=config.extra, words=seen(config)
        )
    return view.value(cut)


def seen(config: Any) -> str:
    """How the network's patches lie on the picture, in words."""
    return (
        f"The network reads the picture at {config.image} × {config.image} px in {config.side} × "
        f"{config.side} patches, which are squares of {IMAGE // config.side} px here: that cut is "
        "its own. A coarser cut adds up its tokens, a finer one shares them out. Light: mean of "
        f"the {config.heads} heads."
    )


def drawn(source: str) -> dict[str, str]:
    """Another photograph."""
    try:
        return value_of(source)
    except UserError as error:
        return parts.unless_failed(Failure(str(error)))  # type: ignore[no-any-return]


def uploaded(path: str) -> dict[str, str]:
    """A visitor's own; only a small copy of it travels on."""
    try:
        return value_of(tray.uri(path))
    except UserError as error:
        return parts.unless_failed(Failure(str(error)))  # type: ignore[no-any-return]


def two_contexts(request: dict[str, Any]) -> dict[str, Any]:
    """Called by the browser: :func:`patch_in_two_contexts`, or the reason it can't be."""
    try:
        source = str(request["picture"])
        other = OTHER.get(source, "flower")
        return {"rows": compared(source, int(request["patch"]), other)}
    except UserError as error:
        return {"error": html.escape(str(error))}
    except (KeyError, TypeError, ValueError):
        return {"error": "The request can't be read — give a picture and a patch."}


def patch_in_two_contexts(
    picture: str = "china", patch: int = 27, other: str = "flower"
) -> list[dict[str, Any]]:
    """Compare what one patch becomes in its own photograph and pasted into another.

    Args:
        picture: a photograph's name (china, flower, cheetah, lion, tower) or a data:image/… URI.
        patch: its number in reading order, from 0.
        other: the photograph it is pasted into, at the same place.

    Returns:
        After the convolution, the first attention layer and all layers: ``name``, the vector's
        first numbers ``here`` and ``there``, and ``apart``, the largest difference of all of them.
    """
    try:
        return compared(picture, patch, other)
    except UserError as error:
        return parts.unless_failed(Failure(str(error)))  # type: ignore[no-any-return]


def compared(picture: str, patch: int, other: str) -> list[dict[str, Any]]:
    """The rows of the comparison. Raises :class:`UserError`."""
    if max(len(picture), len(other)) > PICTURE:
        raise UserError("The picture is too large", "use one below 20 MB.")
    loaded = model()
    if loaded is None:
        raise UserError("There is no Vision Transformer yet", "train one on the Train page.")
    rows = resolve(f"{PATCHES}:in_two_contexts")(loaded, picture, other, patch)
    return [
        {"name": r.name, "here": list(r.here), "there": list(r.there), "apart": r.apart}
        for r in rows
    ]
