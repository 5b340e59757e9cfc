"""What the Viewer's handlers share: a pass as it was asked for, and what is said about it.

A pass's whole request travels in the widget's value, so nothing of a visitor is kept but the pass
on the shelf.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from genapp import checkpoints, registry, service
from genapp.attention import Maps
from genapp.errors import UserError
from genapp.service import Failure
from genapp.ui import live_attention, parts
from genapp.ui.pages import attention_compare, attention_panel
from genapp.ui.pages import attention_pictures as pictures
from genapp.ui.pages import attention_stories as stories
from genapp.ui.pages import attention_why as why
from genapp.ui.pages.attention_panel import Spot
from genapp.ui.widgets.attention_view import widget as view

log = logging.getLogger(__name__)

LONGEST = 4_000  # characters of a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a pass was made for; travels in the widget's value as JSON."""

    model: str  # family/checkpoint
    text: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    other: Mapping[str, str] | None = None  # "model" and "text" of a pass to hold against it

    def maps(self, changed: bool = True) -> list[Maps]:
        """The pass, or with ``changed`` off the one nobody touched."""
        family, _, checkpoint = self.model.partition("/")
        changes = self.changes if changed else {}
        text = self.text if pictures.wanted(self.model) else self.text[:LONGEST]
        return service.attention(family, checkpoint, text, changes)

    def beside(self) -> list[Maps]:
        """The pass to hold against it, if any; :class:`UserError` if they can't be compared."""
        if self.other is None:
            return []
        return Asked(model=self.other["model"], text=self.other["text"]).maps()

    def value(self, maps: list[Maps], see: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The widget's value of this pass."""
        asked = {"model": self.model, "text": self.text}
        other = self.beside()
        if self.other:
            attention_compare.check(maps, other, self.other["model"] == self.model)
        return view.value(
            maps,
            see=see,
            changes=json.dumps(self.changes),
            asked=json.dumps({**asked, "other": self.other}),
            other=other,
            other_name=attention_compare.name(asked, self.other) if self.other else "",
        )


def models() -> list[tuple[str, str]]:
    """(title, family/checkpoint) of everything that shows where it looks."""
    found = []
    for spec in registry.all_families().values():
        for name, folder in checkpoints.find(spec.name).items() if spec.attention else ():
            try:
                preset = checkpoints.read_meta(folder).preset
            except UserError as error:  # a visitor's own folder may hold anything
                log.info("left %s out: %s", folder, error)
                continue
            if spec.attends and preset not in spec.attends:
                continue
            title = spec.presets[name].title if name in spec.presets else f"{spec.title} · {name}"
            found.append((title, f"{spec.name}/{name}"))
    return found


def first(found: list[tuple[str, str]], wanted: str = stories.GPT) -> str | None:
    """``wanted`` if there is such a model, else the first."""
    names = [name for _, name in found]
    return wanted if wanted in names else next(iter(names), None)


def panel_of(value: Any, spot: Spot | None = None) -> str:
    """What the model says at a token of the pass in ``value``, beside the untouched pass or the
    one it is compared with."""
    asked = asked_of(value, json.loads(value["changes"]))
    maps = on_shelf(value) or asked.maps()
    if asked.other and asked.other["model"] == asked.model:
        return attention_panel.words(
            maps, asked.beside(), spot, ("other", "this"), asked.other["text"] == asked.text
        )
    before = asked.maps(changed=False) if any(asked.changes.values()) else maps
    return attention_panel.words(maps, before, spot)


def reasons_of(value: Any, spot: Spot | None, method: str) -> str:
    """Which tokens the answer there hangs on; nothing while that is off."""
    if not method:
        return ""
    asked = asked_of(value, json.loads(value["changes"]))
    return why.words(on_shelf(value) or asked.maps(), spot, method)


def on_shelf(value: Any) -> list[Maps] | None:
    """The pass itself, unless it has fallen off."""
    try:
        return list(live_attention.shelf.get(str(value["key"])).maps)
    except UserError:
        return None


def asked_of(value: Any, changes: Any) -> Asked:
    """The request behind a widget's value; ``ValueError`` and friends for anything else."""
    asked = json.loads(value["asked"])
    if not isinstance(changes, dict):
        raise TypeError("changes is no object")
    other = asked.get("other")
    if other is not None:
        other = {"model": str(other["model"]), "text": str(other["text"])}
    return Asked(model=str(asked["model"]), text=str(asked["text"]), changes=changes, other=other)


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
