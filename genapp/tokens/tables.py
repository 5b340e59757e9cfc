"""Tables of word vectors, and what can be asked of one: neighbours, analogies, a map.

| table | what |
|---|---|
| gpt-mini | the input embeddings of our GPT, as training left them |
| random | a table of the same tokens before any training: N(0, 0.02²) |
| glove-mini | GloVe learned on this machine from a small corpus, at a visitor's wish |
| glove-twitter | GloVe of Stanford, 25-d, if it lies in the data folder; never shipped |
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from genapp import checkpoints
from genapp.data import source
from genapp.data.source import DataFile
from genapp.errors import UserError
from genapp.tokens import byte_level, glove, splitters

TWITTER = DataFile(
    name="GloVe Twitter, 25-d, common English words",
    path="glove_twitter25/glove_twitter_25d.npz",
    sha256="0530417b606c7517904606c86b5248f884f0c1921c84293daaf4b16a9ee36212",
    size=1_160_424,
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """``names[i]`` is what ``vectors[i]`` stands for; a blank before a name starts a word."""

    title: str
    names: tuple[str, ...]
    vectors: np.ndarray  # float32 (V, D)
    about: str = ""
    ids: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        seen: dict[str, int] = {}
        for i, name in enumerate(self.names):
            seen.setdefault(name, i)
        object.__setattr__(self, "ids", seen)

    @cached_property
    def unit(self) -> np.ndarray:
        """(V, D): every row at length 1."""
        lengths = np.linalg.norm(self.vectors, axis=1, keepdims=True)
        return self.vectors / np.maximum(lengths, 1e-12)

    @cached_property
    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """The map: (V, 2) on the two widest axes of the centred rows, and their shares of the
        variance (2,). Principal component analysis by a D × D eigenproblem."""
        X = self.unit - self.unit.mean(0)
        values, axes = np.linalg.eigh(X.T @ X)  # ascending
        return X @ axes[:, :-3:-1], values[:-3:-1] / values.sum()

    def find(self, word: str) -> int:
        """The row of a word, as the start of a word if there is such a token.

        Raises :class:`UserError` for what isn't one row.
        """
        for name in (f" {word}", word, word.lower()):
            if name in self.ids:
                return self.ids[name]
        raise UserError(
            f"{word!r} is not one token of {self.title}",
            "try a commoner word, in lower case, or another table.",
        )


def tables() -> dict[str, str]:
    """Key → title of the tables this machine can show."""
    found = {}
    if byte_level.SHIPPED[1] in checkpoints.find(byte_level.SHIPPED[0]):
        found["gpt-mini"] = "GPT-mini's embeddings"
        found["random"] = "the same, untrained"
    found["glove-mini"] = "GloVe-mini, learned here"
    if source.find(TWITTER.path):
        found["glove-twitter"] = "GloVe Twitter (not ours)"
    return found


def get(key: str) -> Table:
    """The table behind ``key``, kept; raises :class:`UserError` for one this machine hasn't got.

    ``glove-mini`` is learned at the first call, which takes some seconds.
    """
    if key not in tables():
        raise UserError(f"There is no table {key!r}", f"choose {', '.join(tables())}.")
    return _MAKE[key]()


def _gpt() -> Table:
    folder = checkpoints.get(*byte_level.SHIPPED)
    return _embeddings(folder, (folder / checkpoints.META).stat().st_mtime)


@lru_cache(maxsize=2)
def _embeddings(folder: Path, stamp: float) -> Table:
    from safetensors import safe_open

    bpe = byte_level.shipped()
    with safe_open(folder / checkpoints.WEIGHTS, "numpy") as file:
        vectors = file.get_tensor("tokens.weight").astype(np.float32)
    special = bpe.fast.get_added_tokens_decoder()
    names = [
        special[i].content if i in special else byte_level.label(bpe.raw(i))
        for i in range(len(vectors))
    ]
    return Table(
        title="GPT-mini",
        names=tuple(names),
        vectors=vectors,
        about="Tied: the same table reads the input and scores the output.",
    )


def _random() -> Table:
    like = _gpt()
    draw = np.random.default_rng(0).normal(0, 0.02, like.vectors.shape).astype(np.float32)
    about = "Nothing learned yet: neighbours by chance, cosines near 0."
    return Table(title="an untrained table", names=like.names, vectors=draw, about=about)


@lru_cache(maxsize=1)
def _glove_mini() -> Table:
    fit = glove.fit(glove.counted(splitters.corpus("stories", "").lower()))
    return Table(
        title="GloVe-mini",
        names=fit.words,
        vectors=fit.vectors,
        about=f"Learned on {splitters.CORPORA['stories']}: loss {fit.losses[0]:.4f} → "
        f"{fit.losses[-1]:.4f}; its products follow log counts with correlation "
        f"{fit.correlation:.2f}. So small a corpus makes weak analogies.",
    )


@lru_cache(maxsize=1)
def _twitter() -> Table:
    with np.load(source.locate(TWITTER), allow_pickle=False) as file:
        names, vectors = file["words"], file["vectors"]
    return Table(
        title="GloVe Twitter",
        names=tuple(map(str, names)),
        vectors=vectors,
        about="Stanford's, of 2 billion tweets (PDDL 1.0); 11,925 common words of it, from the "
        "data folder. Not trained here and not shipped.",
    )


_MAKE: dict[str, Callable[[], Table]] = {
    "gpt-mini": _gpt,
    "random": lru_cache(maxsize=1)(_random),
    "glove-mini": _glove_mini,
    "glove-twitter": _twitter,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a query found."""

    terms: tuple[tuple[int, int], ...]  # (sign, row)
    nearest: tuple[tuple[int, float], ...]  # (row, cosine), the closest first, terms left out
    expected: int | None = None  # the row the visitor hoped for
    rank: int | None = None  # its place among all rows but the terms, 1 = closest
    cosine: float | None = None


def parsed(query: str) -> tuple[list[tuple[int, str]], str]:
    """``king - man + woman = queen`` as signed words and the word hoped for ("" without ``=``).

    Raises :class:`UserError` for what isn't such a sum.
    """
    left, _, hoped = query.replace("−", "-").replace("–", "-").partition("=")
    terms, sign = [], 1
    for part in left.replace("-", " - ").replace("+", " + ").split():
        if part in "+-":
            sign = 1 if part == "+" else -1
        else:
            terms.append((sign, part))
            sign = 1
    if not 1 <= len(terms) <= 6 or len(hoped.split()) > 1:
        raise UserError(
            f"The query {query[:60]!r} can't be read",
            "write a word, or up to six as in: king - man + woman = queen.",
        )
    return terms, hoped.strip()


def ask(table: Table, query: str, count: int = 12) -> Answer:
    """Adds and subtracts unit vectors, then ranks all rows by the cosine with the sum.

    Raises :class:`UserError` for a query that can't be read or a word that isn't a row.
    """
    if not 1 <= count <= 100:
        raise UserError(f"{count} neighbours can't be listed", "ask for 1 to 100.")
    words, hoped = parsed(query)
    terms = [(sign, table.find(word)) for sign, word in words]
    target = sum(sign * table.unit[row] for sign, row in terms)
    cosines = table.unit @ (target / max(float(np.linalg.norm(target)), 1e-12))
    asked = {row for _, row in terms}
    order = [int(i) for i in np.argsort(-cosines, kind="stable") if int(i) not in asked]
    expected = table.find(hoped) if hoped else None
    return Answer(
        terms=tuple(terms),
        nearest=tuple((i, float(cosines[i])) for i in order[:count]),
        expected=expected,
        rank=None if expected is None or expected in asked else order.index(expected) + 1,
        cosine=None if expected is None else float(cosines[expected]),
    )
