"""The Viewer's stories: a text, the head worth seeing in it, and what to look for.

Every story is told of one model, whose head it names; a test holds it to that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genapp.ui.widgets.attention_view import widget as view

GPT = "gpt/gpt-mini"
TRANSFORMER = "transformer/mt-transformer"
CROSS = 2  # of a Transformer's three maps
TRANSLATORS = ("seq2seq", "transformer")  # they read a sentence and perhaps its translation


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A text with a head worth seeing, and what to look for."""

    name: str
    text: str
    look: Mapping[str, Any]
    note: str
    model: str = GPT  # family/checkpoint whose head it is


STORIES = (
    Story(
        name="it → animal",
        text="The animal did not cross the street because it was too tired",
        look=view.look(layer=3, head=3, lock=(10, -1)),
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
        look=view.look(layer=2, head=0, lock=(12, -1)),
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
    Story(
        name="word order",
        model=TRANSFORMER,
        text="в этом доме живёт мой брат.\nmy brother lives in this house.",
        look=view.look(map=CROSS, layer=2, head=1, lock=(3, -1)),
        note="Russian says <em>in this house lives my brother</em>. Go down the rows: "
        "<em>my</em> reads near the end, <em>lives</em> the middle, and <em>in</em> jumps back to "
        "the start. Attention need not run along the diagonal.",
    ),
    Story(
        name="the street",
        model=TRANSFORMER,
        text="собака спит на улице.",
        look=view.look(map=CROSS, layer=1, head=0, lock=(4, -1)),
        note="Russian has no articles. To write <em>the</em> this head looks at the noun that will "
        "follow: the first time at <em>собака</em> (dog), the second at <em>улице</em> (street), "
        "of which the model sees two pieces.",
    ),
    Story(
        name="backwards",
        model="transformer/toy-reverse",
        text="a b c d e f",
        look=view.look(map=CROSS, layer=1, head="mean", lock=(2, -1)),
        note="A toy that writes letters in reverse: what each one was read from lies on the "
        "<em>other</em> diagonal. In the first layer the heads are still searching.",
    ),
    Story(
        name="one head",
        model="seq2seq/mt-gru-attn",
        text="я вижу красную машину.",
        look=view.look(lock=(3, -1)),
        note="The first attention there was: one head, one layer, beside a recurrent net. "
        "<em>car</em> was read from <em>машину</em>; the glow is broad, since the encoder's states "
        "already know their neighbours.",
    ),
    Story(
        name="backwards",
        model="seq2seq/toy-reverse-attn",
        text="a b c d e f",
        look=view.look(lock=(2, -1)),
        note="The <em>other</em> diagonal, one step late: to write a letter this net looks at the "
        "one it wrote just before, and knows from there what stands to its left.",
    ),
    Story(
        name="copying",
        model="seq2seq/toy-copy-attn",
        text="a b c d e f",
        look=view.look(lock=(2, -1)),
        note="A toy that copies letters: it reads along the diagonal. Compare it with the one that "
        "writes them backwards.",
    ),
)
MOST = 4  # stories of one model or family


def of(model: str | None) -> list[Story]:
    """The stories of ``family/checkpoint``, else those of its family."""
    own = [s for s in STORIES if s.model == model]
    family = (model or "").partition("/")[0] + "/"
    return own or [s for s in STORIES if s.model.startswith(family)][:MOST]


def told(model: str | None, text: str) -> Story | None:
    """The story that ``model`` opens with ``text``."""
    return next((s for s in of(model) if s.text == text and s.model == model), None)


def instead(model: str | None, text: str) -> Story | None:
    """What ``model`` should read in place of a ``text`` that is another model's story.

    A visitor's own words stay, whatever the model makes of them.
    """
    mine = of(model)
    is_story = any(s.text == text for s in STORIES)
    fits = any(s.text == text for s in mine)
    return mine[0] if mine and (not text.strip() or (is_story and not fits)) else None


def pairs(model: str | None) -> bool:
    """Whether ``model`` reads a second line: the translation of the first."""
    return (model or "").partition("/")[0] in TRANSLATORS
