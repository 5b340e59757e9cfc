"""Corpora for a small GPT, one *style* per source, so that a style word can steer it.

| style | what | a document |
|---|---|---|
| fable | Aesop, translated by V. S. Vernon Jones (1912) | title, story, moral |
| tale | Grimm and Andersen | title, paragraphs |
| play | Shakespeare's plays | a scene: heading, ``SPEAKER:``, lines |
| scripture | World English Bible | a chapter without verse numbers |
| review | film reviews of IMDb | one review |
| news | BBC news, 2004-2005 | headline, article |
| story | little stories of our own grammar (on request) | one story |
| tinystory | TinyStories, validation part (on request) | one story |

Where each comes from and under which licence: ``text_sources.SOURCES``.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from genapp.data import source
from genapp.data.text_sources import END, SOURCES, TINY_SHAKESPEARE
from genapp.errors import UserError

__all__ = ["END", "SOURCES", "STYLES", "load", "own_file", "split", "tiny_shakespeare"]

log = logging.getLogger(__name__)

STYLES = ("story", "fable", "tale", "play", "scripture", "review", "news")
MAX_OWN_BYTES = 20_000_000
OWN_DOCUMENT = 4_000  # characters; a file without marks is cut near there, between paragraphs


def load(
    styles: Iterable[str] = STYLES, *, missing: Literal["raise", "skip"] = "raise"
) -> dict[str, list[str]]:
    """Cleaned documents per style, in the order of the source; the same on every machine.

    Reading all of ``STYLES`` takes some 5 s and 30 MB. With ``missing="skip"`` a style that cannot
    be had is logged and left out; nothing at all is still an error.

    Raises:
        ValueError: an unknown style.
        UserError: a style cannot be had; the message says how to get it.
    """
    wanted = list(dict.fromkeys(styles))
    unknown = [style for style in wanted if style not in SOURCES]
    if unknown or not wanted:
        raise ValueError(f"unknown style {unknown}: choose from {', '.join(SOURCES)}")
    corpus: dict[str, list[str]] = {}
    last: UserError | None = None
    for style in wanted:
        try:
            corpus[style] = [doc for doc in SOURCES[style].read() if doc]
        except UserError as error:
            if missing == "raise":
                raise
            log.warning("style %r is left out: %s", style, error)
            last = error
    if not corpus and last is not None:
        raise last
    return corpus


def split(docs: list[str], seed: int = 0, held_out: float = 0.05) -> tuple[list[str], list[str]]:
    """(training documents, held-out documents): whole documents, at least one of each.

    Which are held out depends on the seed and the number of documents only.

    Raises:
        ValueError: fewer than two documents, or ``held_out`` not between 0 and 1.
    """
    if len(docs) < 2:
        raise ValueError(f"a split needs at least 2 documents, got {len(docs)}")
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must be between 0 and 1, got {held_out}")
    count = min(max(round(len(docs) * held_out), 1), len(docs) - 1)
    chosen = set(random.Random(seed).sample(range(len(docs)), count))
    train = [doc for i, doc in enumerate(docs) if i not in chosen]
    return train, [docs[i] for i in sorted(chosen)]


def tiny_shakespeare() -> str:
    """Karpathy's 1,115,394-character file, as it is. It overlaps with the style ``play``."""
    return source.locate(TINY_SHAKESPEARE).read_text(encoding="utf-8")


def own_file(path: Path) -> list[str]:
    """Documents of a person's text file (UTF-8; bytes that are not become U+FFFD).

    Documents end at a line ``<|endoftext|>``; without one, the file is cut between paragraphs
    into pieces of about 4,000 characters. The text itself is left alone: it may be any language.

    Raises:
        UserError: no such file, larger than 20 MB, not text, or empty.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path.name} does not exist", "check its path")
    size = path.stat().st_size
    if size > MAX_OWN_BYTES:
        raise UserError(
            f"{path.name} has {source.human(size)}, more than {source.human(MAX_OWN_BYTES)}",
            "use a part of it",
        )
    raw = path.read_bytes()
    text = raw.decode("utf-8-sig", errors="replace")
    if b"\x00" in raw or text.count("\ufffd") > 0.1 * len(text):
        raise UserError(f"{path.name} is not a plain text file", "save it as .txt in UTF-8")
    text = re.sub(r"\r\n?", "\n", text)
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", text)
    parts = text.split(END) if END in text else _pieces(text)
    docs = [part.strip() for part in parts if part.strip()]
    if not docs:
        raise UserError(f"{path.name} is empty", "choose a file with some text in it")
    return docs


def _pieces(text: str) -> list[str]:
    """Cut at a blank line after ``OWN_DOCUMENT`` characters, at any line after twice that."""
    pieces, current = [], ""
    for line in re.findall(rf".{{1,{2 * OWN_DOCUMENT}}}\n?|\n", text):
        current += line
        if len(current) > (2 if line.strip() else 1) * OWN_DOCUMENT:
            pieces.append(current)
            current = ""
    return [*pieces, current]
