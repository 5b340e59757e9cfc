"""Sentences whose word order differs from English, with the alignment a person would draw.

Hand-made ones first, then some of :mod:`genapp.data.pair_grammar`. The shipped models read into
English, so each reordering is seen from the other language's side. No torch.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from genapp.data import pair_grammar
from genapp.data.pairs import LANGUAGES

Links = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """A sentence pair word by word; signs are words of their own."""

    name: str = ""  # of the preset
    pattern: str = ""  # what to look for in the map
    source: tuple[str, ...]
    target: tuple[str, ...]
    links: Links  # of each English word: the source words behind it; none = not counted

    def __post_init__(self) -> None:
        last = max((j for link in self.links for j in link), default=-1)
        if len(self.links) != len(self.target) or last >= len(self.source):
            raise ValueError(f"links of {self.target} are {self.links}: give one set per word")

    @property
    def text(self) -> str:
        """The source as a person types it."""
        return written(self.source)

    @property
    def reference(self) -> str:
        """The English sentence as a person types it."""
        return written(self.target)

    @property
    def gloss(self) -> str:
        """The English words in the source's order: what word-by-word translation would say."""
        order = sorted((min(link), i) for i, link in enumerate(self.links) if link)
        return written([self.target[i] for _, i in order])


def written(words: Sequence[str]) -> str:
    """Words and signs as one sentence."""
    return re.sub(r" ([.,!?])", r"\1", " ".join(words)).replace(" ' ", "'")


def _gold(name: str, pattern: str, source: str, target: str, links: str) -> Gold:
    """``links``: positions for each English word, "0 3,8 -"; "-" for a word without any."""
    read = (() if link == "-" else tuple(map(int, link.split(","))) for link in links.split())
    return Gold(
        name=name, pattern=pattern, source=tuple(source.split()), target=tuple(target.split()),
        links=tuple(read),
    )  # fmt: skip


PRESETS = (
    _gold(
        "a red car",
        "French names the thing first, then its colour: two cells cross.",
        "J ' ai acheté une voiture rouge .", "I bought a red car .",
        "0 2,3 4 6 5 7",
    ),
    _gold(
        "zone économique européenne",
        "Three words in reverse: an anti-diagonal, 3 × 3.",
        "La zone économique européenne est grande .", "The European Economic Area is big .",
        "0 3 2 1 4 5 6",
    ),
    _gold(
        "can you help me",
        "Both infinitives stand at the end in German: “help” and “translate” reach far to the "
        "right.",
        "Kannst du mir helfen diesen Satz zu übersetzen ?",
        "Can you help me translate this sentence ?",
        "0 1 3 2 6,7 4 5 8",
    ),
    _gold(
        "missed a penalty",
        "The verb travels to the end: “missed”, second in English, reads the last word.",
        "Ich habe im Fußballspiel gegen England einen Elfmeter verschossen .",
        "I missed a penalty in the football match against England .",
        "0 1,8 6 7 2 2 3 3 4 5 9",
    ),
    _gold(
        "that he has read",
        "In a German subordinate clause both verbs close the sentence, the finite one last.",
        "Ich weiß , dass er das Buch gelesen hat .", "I know that he has read the book .",
        "0 1 3 4 8 7 5 6 9",
    ),
    _gold(
        "the street",
        "One word each: a diagonal. Into German a model would have to read the noun to choose "
        "die; from German into English the article alone is enough.",
        "Die Straße ist lang .", "The street is long .",
        "0 1 2 3 4",
    ),
    _gold(
        "der, die, das",
        "Three genders, one English word: each “the” should read an article of its own.",
        "Der Hund sieht das Haus und die Katze .", "The dog sees the house and the cat .",
        "0 1 2 3 4 5 6 7 8",
    ),
    _gold(
        "I have a dog",
        "Russian says “at me is dog”: no article, and “have” is spread over two words.",
        "У меня есть собака .", "I have a dog .",
        "1 0,2 3 3 4",
    ),
)  # fmt: skip


def grammar(language: str, count: int, seed: int = 0) -> list[Gold]:
    """Sentences of the small grammar with its own gold, different ones up to ``count``.

    Raises :class:`UserError` for more than the grammar has.
    """
    name = f"grammar: {LANGUAGES[language]}"
    return [
        Gold(
            name=name, pattern="Made by a grammar, which knows the alignment.",
            source=tuple(made.source.split()), target=tuple(made.target.split()),
            links=tuple((j,) for j in made.gold),
        )
        for made in pair_grammar.sentences(language, count, seed)
    ]  # fmt: skip


def presets() -> dict[str, Gold]:
    """Every sentence of the gallery by name: the hand-made ones, a grammar's for each language."""
    drawn = [max(grammar(n, 12), key=lambda g: len(g.target)) for n in LANGUAGES]
    return {gold.name: gold for gold in (*PRESETS, *drawn)}
