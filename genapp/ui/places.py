"""Where on this app a thing is shown, if it is: for links that must not lead nowhere."""

import html
from collections.abc import Iterable, Mapping

from genapp.spec import FamilySpec
from genapp.ui.pages import PAGES


def places(families: Iterable[FamilySpec]) -> Mapping[str, str]:
    """ "Page/tab" → its address, and "Page" alone → the page's, of all that have a tab."""
    found = {}
    families = list(families)
    for page in PAGES:
        for tab in page.tabs(families):
            found[page.title] = page.route
            found[f"{page.title}/{tab.name}"] = f"{page.route}?tab={tab.name}"
    return found


def link(text: str, place: str, known: Mapping[str, str]) -> str:
    """``text`` as HTML, a link where its ``place`` is among the ``known``."""
    words = html.escape(text)
    return f'<a href="{known[place]}">{words}</a>' if place in known else f"<span>{words}</span>"
