"""Aesop's fables as one stream of words, the way Foster (ch. 6) prepares them for a word LSTM."""

import re
from collections import Counter
from collections.abc import Iterable

from genapp.data import source
from genapp.data.text_sources import AESOP

BARS = "| " * 20  # a story begins; as long as the window the network reads


def raw() -> str:
    """The fables as printed, 197,444 characters: without introduction and lists.

    Raises :class:`UserError` where the book can't be had.
    """
    book = source.locate(AESOP).read_text(encoding="utf-8")
    start = book.rindex("THE FOX AND THE GRAPES")  # before that, the list of contents
    return book[start : book.index("ILLUSTRATIONS", start)]


def stream(fables: str) -> str:
    """Lower case, 20 bars before each story, every sign a word of its own: 213,716 characters."""
    text = BARS + fables.lower().replace("\n" * 5, BARS).replace("\n", " ")
    text = re.sub(" {2,}", ". ", text).replace("..", ".")
    text = re.sub(r"""([!"#$%&()*+,\-./:;<=>?@\[\]^_`{|}~])""", r" \1 ", text)
    return re.sub(r"\s{2,}", " ", text)


def ids(words: Iterable[str]) -> dict[str, int]:
    """1 for the most frequent word, and so on; of equals the first seen. 0 stays free."""
    return {word: i for i, (word, _) in enumerate(Counter(words).most_common(), 1)}
