"""How a tutorial prepares sentence pairs, stage by stage, with the reason for each verdict.

Lower case, no accents, signs split off, everything else dropped; then short sentences that begin
in one of twelve ways only. "Accents" must not take the breve off й nor the dots off ё: letters of
Cyrillic keep theirs.
"""

import re
import unicodedata
from typing import NamedTuple

PREFIXES = (
    "i am ", "i m ", "he is ", "he s ", "she is ", "she s ", "you are ", "you re ", "we are ",
    "we re ", "they are ", "they re ",
)  # fmt: skip


class Stage(NamedTuple):
    """What a sentence looks like after one step."""

    name: str
    text: str


def stages(text: str) -> list[Stage]:
    """From what was typed to the words a vocabulary sees."""
    lower = text.lower().strip()
    plain = "".join(_plain(c) for c in unicodedata.normalize("NFC", lower))
    spaced = re.sub(r"([.!?])", r" \1", plain)
    letters = re.sub(r"\s+", " ", re.sub(r"[^a-zа-яё.!?]+", " ", spaced)).strip()
    return [
        Stage("typed", text), Stage("lower case", lower), Stage("no accents", plain),
        Stage("signs apart", spaced), Stage("only letters and .!?", letters),
    ]  # fmt: skip


def normalise(text: str) -> str:
    """The last stage."""
    return stages(text)[-1].text


def verdict(source: str, target: str, longest: int = 9, prefixes: bool = True) -> str:
    """Empty if the pair is kept, else why not; both sides normalised."""
    for name, sentence in (("source", source), ("English", target)):
        words = len(sentence.split())
        if not words:
            return f"the {name} side is empty"
        if words > longest:
            return f"the {name} side has {words} words, more than {longest}"
    if prefixes and not target.startswith(PREFIXES):
        return "the English side begins in none of the twelve ways"
    return ""


def _plain(letter: str) -> str:
    if "\u0400" <= letter <= "\u04ff":
        return letter
    marks = unicodedata.normalize("NFD", letter)
    return "".join(c for c in marks if unicodedata.category(c) != "Mn")
