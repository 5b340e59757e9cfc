"""One text, nine ways to cut it. Every splitter learned its vocabulary from the same corpus, but
for GPT-mini's own, which comes as it was shipped.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from genapp.data import aesop_words, story_grammar
from genapp.errors import UserError
from genapp.tokens import byte_level, learned, wordforms
from genapp.tokens.check import readable
from genapp.tokens.learned import UNKNOWN

SIZES = (256, 512, 1024, 2048, 4096)
MOST_COUNT = 20
CORPORA = {  # key → title
    "stories": "250 little stories of ours",
    "fables": "Aesop's fables",
    "own": "the text itself",
}
TITLES = {  # key → title, in the order of the bench
    "word": "Words",
    "stem": "Stems",
    "lemma": "Known forms",
    "character": "Characters",
    "bpe": "BPE",
    "wordpiece": "WordPiece",
    "unigram": "Unigram",
    "byte-bpe": "Byte-level BPE",
    "gpt-mini": "GPT-mini's own",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the visitor may turn. ``least`` and ``punctuation`` concern the word splitters."""

    learned_from: str = "stories"
    vocabulary: int = 1024  # of the four that learn pieces
    lower: bool = False
    punctuation: bool = True  # signs are tokens of their own
    least: int = 1  # a word seen less often becomes unknown

    def checked(self) -> "Options":
        """Itself; raises :class:`UserError` naming what can't be."""
        if self.learned_from not in CORPORA:
            raise UserError(
                f"There is no corpus {self.learned_from!r}", f"choose {', '.join(CORPORA)}."
            )
        if self.vocabulary not in SIZES:
            raise UserError(
                f"A vocabulary of {self.vocabulary} isn't offered",
                f"choose {', '.join(map(str, SIZES))}.",
            )
        if not 1 <= self.least <= MOST_COUNT:
            raise UserError(f"A least count of {self.least}", f"give 1 to {MOST_COUNT}.")
        return self


@dataclass(frozen=True, slots=True)
class Piece:
    """A token as it is shown: its text, its id, and whether it stands for the unknown."""

    text: str
    id: int
    unknown: bool = False


class Splitter(Protocol):
    """What the bench asks of each of its rows."""

    @property
    def size(self) -> int: ...  # tokens in the vocabulary
    def split(self, text: str) -> list[Piece]: ...
    def join(self, pieces: Sequence[Piece]) -> str: ...  # the text, as far as ids can tell it


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A text under one splitter."""

    name: str
    pieces: tuple[Piece, ...]
    vocabulary: int
    back: str  # what the ids alone give back

    @property
    def unknown(self) -> int:
        return sum(p.unknown for p in self.pieces)


def bench(text: str, options: Options, names: Sequence[str] = tuple(TITLES)) -> list[Row]:
    """``text`` under each splitter of ``names``; raises :class:`UserError` for what can't be cut.

    The first call on a corpus learns four vocabularies from it, some 2 s; they are kept.
    """
    readable(text)
    options.checked()
    rows = []
    for name in names:
        splitter = _splitter(name, text, options)
        pieces = tuple(splitter.split(text))
        rows.append(
            Row(name=name, pieces=pieces, vocabulary=splitter.size, back=splitter.join(pieces))
        )
    return rows


def corpus(name: str, text: str) -> str:
    """What the vocabularies are learned from; raises :class:`UserError` if it can't be had."""
    return text if name == "own" else _corpus(name)


@lru_cache(maxsize=2)
def _corpus(name: str) -> str:
    return aesop_words.raw() if name == "fables" else "\n\n".join(story_grammar.stories(250))


def _splitter(name: str, text: str, o: Options) -> Splitter:
    if name == "gpt-mini":
        return Bytes(byte_level.shipped())
    if name not in TITLES:
        raise UserError(f"There is no splitter {name!r}", f"choose {', '.join(TITLES)}.")
    source = corpus(o.learned_from, text)
    if name in learned.KINDS:
        fast = learned.train(name, source, o.vocabulary, o.lower)
        if name == "byte-bpe":
            return Bytes(byte_level.ByteBPE(fast), o.lower)
        return Pieces(fast)
    return _closed(name, source, o.lower, o.punctuation, o.least)


@lru_cache(maxsize=16)
def _closed(name: str, source: str, lower: bool, punctuation: bool, least: int) -> "Closed":
    return Closed(name, source, lower=lower, punctuation=punctuation, least=least)


class Closed:
    """Words, stems, known forms or characters: a list made once, and unknown for all else.

    Id 0 is the unknown; 1 the most frequent, of equals the one seen first.
    """

    def __init__(self, kind: str, source: str, *, lower: bool, punctuation: bool, least: int):
        self._kind, self._lower, self._punctuation = kind, lower, punctuation
        words = self._cut(source)
        if kind == "lemma":
            seen = set(words)
            self._form: Callable[[str], str] = lambda word: wordforms.known_form(word, seen)
        else:
            self._form = wordforms.stem if kind == "stem" else str
        counts = Counter(map(self._form, words))
        kept = [form for form, count in counts.most_common() if count >= least]
        self._ids = {form: i for i, form in enumerate(kept, 1)}

    @property
    def size(self) -> int:
        return len(self._ids) + 1

    def split(self, text: str) -> list[Piece]:
        forms = [(word, self._form(word)) for word in self._cut(text)]
        return [
            Piece(form, self._ids[form]) if form in self._ids else Piece(word, 0, True)
            for word, form in forms
        ]

    def join(self, pieces: Sequence[Piece]) -> str:
        glue = "" if self._kind == "character" else " "
        return glue.join(UNKNOWN if p.unknown else p.text for p in pieces)

    def _cut(self, text: str) -> list[str]:
        text = text.lower() if self._lower else text
        return list(text) if self._kind == "character" else wordforms.words(text, self._punctuation)


class Pieces:
    """A trained tokenizer of the ``tokenizers`` library whose tokens are characters."""

    def __init__(self, fast: learned.Tokenizer) -> None:
        self._fast = fast

    @property
    def size(self) -> int:
        return self._fast.get_vocab_size()

    def split(self, text: str) -> list[Piece]:
        coded = self._fast.encode(text)
        rows = zip(coded.ids, coded.tokens, coded.offsets, strict=True)
        lost = self._fast.token_to_id(UNKNOWN)
        return [
            Piece(text[a:b], i, True) if i == lost else Piece(token, i) for i, token, (a, b) in rows
        ]

    def join(self, pieces: Sequence[Piece]) -> str:
        return self._fast.decode([p.id for p in pieces], skip_special_tokens=False)


class Bytes:
    """Byte-level BPE: nothing is unknown, every text comes back."""

    def __init__(self, bpe: byte_level.ByteBPE, lower: bool = False) -> None:
        self._bpe, self._lower = bpe, lower

    @property
    def size(self) -> int:
        return self._bpe.size

    def split(self, text: str) -> list[Piece]:
        ids = self._bpe.encode(text.lower() if self._lower else text)
        return [Piece(byte_level.label(self._bpe.raw(i)), i) for i in ids]

    def join(self, pieces: Sequence[Piece]) -> str:
        return self._bpe.decode(p.id for p in pieces)
