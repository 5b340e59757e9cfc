"""Home: a card per family with a picture its own model made, and where to start."""

import html
from collections.abc import Mapping

import gradio as gr

from genapp.spec import FamilySpec
from genapp.ui.pages.timeline import timeline
from genapp.ui.places import places


def build(families: list[FamilySpec], routes: Mapping[str, str]) -> None:
    """``routes``: page title → route. A card leads to the first tab of its family.

    A family without a tab of its own (it is shown on another's) has no card.
    """
    gr.HTML(
        "<h1>Put your hands on generative models</h1>"
        "<p>Drag a point and a decoder draws. Bend a distribution and a language model changes its"
        " mind. Everything runs here, on small models trained by this very app; train your own"
        " from the <a href='train'>Train page</a>.</p>",
        elem_classes="hero",
        apply_default_css=False,
        js_on_load=None,
    )
    cards = "".join(_card(family, routes[family.page]) for family in families if family.tabs)
    gr.HTML(f'<div class="cards">{cards}</div>', apply_default_css=False, js_on_load=None)
    gr.HTML(timeline(places(families)), apply_default_css=False, js_on_load=None)


def _card(family: FamilySpec, route: str) -> str:
    tab = family.tabs[0]
    return (
        f'<a href="{route}?tab={tab.name}" data-family="{family.name}">'
        f'<img src="live/thumb/{family.name}" loading="lazy"'
        f' alt="Made by {html.escape(family.title)}">'
        f"<h2>{html.escape(family.title)}</h2><p>{html.escape(family.blurb)}</p>"
        f"<small>{html.escape(family.page)} →</small></a>"
    )
