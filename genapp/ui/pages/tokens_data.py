"""What the Tokens lab computes: the data of each card, and the same over HTTP.

Cards never raise for what a person can mend: ``{"error": words}`` takes the result's place.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from genapp.errors import UserError
from genapp.service import Failure
from genapp.tokens import bpe, byte_level, lookup, splitters, tables
from genapp.tokens.check import readable
from genapp.ui.parts import unless_failed

WORDS = 40  # of a corpus on the page
DOTS = 3_000  # of the map, the rows of lowest number: the commonest tokens
LOOKED_UP = (12, 48)  # tokens and numbers of the look-up
HOW = {
    "word": "what blanks and signs part",
    "stem": "endings cut off by rule",
    "lemma": "folded to a shorter known word",
    "character": "every letter for itself",
    "bpe": "frequent pairs joined",
    "wordpiece": "## goes on a word",
    "unigram": "the likeliest cut",
    "byte-bpe": "pairs of bytes joined",
    "gpt-mini": "byte-level, as shipped",
}
SCRIPTS = (
    ("English", "Neural networks are very simple and fascinating"),
    ("Russian", "Нейронные сети - это очень просто и увлекательно"),
    ("Japanese", "ニューラルネットワークはとても簡単で面白い"),
    ("Emoji", "🧠🕸️👍😍"),
)


def told(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The card's data, or ``{"error": …}`` where a person asked for what can't be."""

    @functools.wraps(function)
    def answer(*args: Any) -> dict[str, Any]:
        try:
            return function(*args)
        except UserError as error:
            return {"error": str(error)}

    return answer


@told
def bench(
    text: str, learned_from: str, vocabulary: int, lower: bool, punctuation: bool, least: float
) -> dict[str, Any]:
    """The splitter bench."""
    options = splitters.Options(
        learned_from=learned_from, vocabulary=int(vocabulary), lower=lower,
        punctuation=punctuation, least=int(least),
    )  # fmt: skip
    return {
        "text": text,
        "options": {"learned from": learned_from, "vocabulary": vocabulary, "lower case": lower},
        "rows": [_row(row) for row in splitters.bench(text, options)],
        "characters": len(text),
        "bytes": len(text.encode()),
    }


def _row(row: splitters.Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "title": splitters.TITLES[row.name],
        "how": HOW[row.name],
        "pieces": [[p.text, p.id, p.unknown] for p in row.pieces],
        "unknown": row.unknown,
        "size": row.vocabulary,
        "back": row.back,
    }


@told
def utf8(text: str) -> dict[str, Any]:
    """The bytes card."""
    readable(text)
    shipped = byte_level.shipped()
    letters = byte_level.characters(text)
    tokens = list(byte_level.byte_tokens(shipped, text))
    lengths = [len(c.raw) for c in letters]
    return {
        "characters": [[c.text, ord(c.text), c.name, list(c.raw)] for c in letters],
        "tokens": [[t.id, list(t.raw), t.alone, t.streamed, list(t.waiting)] for t in tokens],
        "totals": {
            "characters": len(letters),
            "bytes": sum(lengths),
            "tokens": len(tokens),
            "lengths": [lengths.count(n) for n in (1, 2, 3, 4)],
        },
        "compare": [
            [name, s, len(s), len(s.encode()), len(shipped.encode(s))] for name, s in SCRIPTS
        ],
    }


@told
def merges(
    text: str, count: float, end_mark: bool, ties: str, open_at: int, word: str
) -> dict[str, Any]:
    """The merge player, opened after ``open_at`` merges with ``word`` to be cut."""
    steps = bpe.played(text, int(count), end_mark, ties)  # type: ignore[arg-type]
    words = bpe.words_of(text, end_mark)
    alphabet = sorted({c for w in words for c in w})
    return {
        "words": list(words.items())[:WORDS],
        "more": max(0, len(words) - WORDS),
        "alphabet": alphabet,
        "vocabulary": len(alphabet),
        "tokens": sum(len(w) * n for w, n in words.items()),
        "end": bpe.END if end_mark else "",
        "ties": ties,
        "open": open_at,
        "try": word,
        "steps": [
            [*s.pair, s.count, s.vocabulary, s.tokens, [[*p, n] for p, n in s.table]] for s in steps
        ],
    }


@told
def vectors(query: str, key: str) -> dict[str, Any]:
    """The vectors card."""
    table = tables.get(key)
    readable(query, 200, "query")
    answer = tables.ask(table, query)
    near = [i for i, _ in answer.nearest]
    named = [i for _, i in answer.terms] + near
    named += [] if answer.expected is None else [answer.expected]
    shown = sorted({*range(min(DOTS, len(table.names))), *named})
    place = {row: at for at, row in enumerate(shown)}
    flat, share = table.flat
    return {
        "query": query, "key": key, "title": table.title, "about": table.about,
        "size": len(table.names), "width": table.vectors.shape[1],
        "nearest": [[table.names[i], round(c, 4)] for i, c in answer.nearest],
        "verdict": _verdict(table, answer), "share": [float(s) for s in share],
        "map": {
            "x": [round(float(v), 4) for v in flat[shown, 0]],
            "y": [round(float(v), 4) for v in flat[shown, 1]],
            "names": [table.names[i] for i in shown],
            "terms": [place[i] for _, i in answer.terms],
            "nearest": [place[i] for i in near],
            "expected": None if answer.expected is None else place[answer.expected],
        },
    }  # fmt: skip


def _verdict(table: tables.Table, answer: tables.Answer) -> str:
    closest = table.names[answer.nearest[0][0]].strip()
    if answer.expected is None:
        return f"Closest: “{closest}”."
    hoped = table.names[answer.expected].strip()
    if not answer.rank:
        return f"“{hoped}” is part of the question."
    rest = len(table.names) - len({i for _, i in answer.terms})
    found = "the closest of all" if answer.rank == 1 else f"number {answer.rank:,} of {rest:,}"
    return f"“{hoped}” is {found}." + ("" if answer.rank == 1 else f" Closest: “{closest}”.")


@told
def look_up(text: str) -> dict[str, Any]:
    """The embedding layer on the text's first tokens, with GPT-mini's own table."""
    readable(text)
    table = tables.get("gpt-mini")
    bpe_ids = byte_level.shipped().encode(text)[:256]
    ids = np.array(bpe_ids)[None]
    copied, product = (f(table.vectors, ids) for f in (lookup.look_up, lookup.as_product))
    changed = lookup.gradient(ids, np.ones_like(copied), len(table.names)).any(1)
    tokens, numbers = LOOKED_UP
    return {
        "rows": [
            [table.names[i], i, [round(float(v), 3) for v in row[:numbers]]]
            for i, row in zip(bpe_ids[:tokens], copied[0], strict=False)
        ],
        "tokens": len(bpe_ids), "width": table.vectors.shape[1], "size": len(table.names),
        "parameters": table.vectors.size, "different": float(np.abs(copied - product).max()),
        "read": int(changed.sum()),
        "tied": " on the way in; being tied to the output, GPT-mini's table moves whole",
    }  # fmt: skip


def _over_http(data: dict[str, Any]) -> dict[str, Any]:
    if "error" in data:
        unless_failed(Failure(data["error"]))
    return data


def tokenize(
    text: str,
    splitter: str = "gpt-mini",
    learned_from: str = "stories",
    vocabulary: int = 1024,
    lower_case: bool = False,
    punctuation: bool = True,
    least: int = 1,
) -> dict[str, Any]:
    """Cut a text into tokens.

    Args:
        text: 1 to 4,000 characters.
        splitter: word, stem, lemma, character, bpe, wordpiece, unigram, byte-bpe or gpt-mini.
        learned_from: the corpus behind the vocabulary: stories, fables or own (the text itself).
        vocabulary: 256, 512, 1024, 2048 or 4096 pieces, for the four that learn pieces.
        lower_case: whether capitals are folded first (not for gpt-mini).
        punctuation: whether signs are tokens of their own (word, stem, lemma).
        least: a word seen less often is unknown (word, stem, lemma, character), 1 to 20.

    Returns:
        tokens, ids, which of them are unknown, the vocabulary's size, characters and bytes a
        token, and back: the text the ids alone give back.
    """
    try:
        options = splitters.Options(
            learned_from=learned_from, vocabulary=vocabulary, lower=lower_case,
            punctuation=punctuation, least=least,
        )  # fmt: skip
        (row,) = splitters.bench(text, options, [splitter])
    except UserError as error:
        unless_failed(Failure(str(error)))
        raise
    return {
        "tokens": [p.text for p in row.pieces],
        "ids": [p.id for p in row.pieces],
        "unknown": [p.unknown for p in row.pieces],
        "vocabulary": row.vocabulary,
        "characters_per_token": len(text) / len(row.pieces),
        "bytes_per_token": len(text.encode()) / len(row.pieces),
        "back": row.back,
    }


def bpe_merges(
    text: str, merges: int = 10, end_mark: bool = True, ties: str = "first", word: str = ""
) -> dict[str, Any]:
    """Learn byte-pair merges from a text, one by one, and cut a new word by them.

    Args:
        text: the corpus, up to 20,000 characters; words end at white space.
        merges: how many, 1 to 400.
        end_mark: whether ⟂ ends each word.
        ties: of equally frequent pairs, "first" seen or "lowest" token ids (the library's way).
        word: a word to cut by what was learned; empty for none.

    Returns:
        merges: [left, right, count, vocabulary, tokens] each, the last two after the merge;
        pieces: the word's tokens.
    """
    try:
        steps = bpe.played(text, merges, end_mark, ties)  # type: ignore[arg-type]
        marked = readable(word, 200, "word") + (bpe.END if end_mark else "") if word else ""
    except UserError as error:
        unless_failed(Failure(str(error)))
        raise
    return {
        "merges": [[*s.pair, s.count, s.vocabulary, s.tokens] for s in steps],
        "pieces": bpe.encode(marked, [s.pair for s in steps]),
    }


def utf8_bytes(text: str) -> dict[str, Any]:
    """The bytes of a text and GPT-mini's tokens of them.

    Args:
        text: 1 to 4,000 characters.

    Returns:
        characters: [text, code point, name, bytes] each; tokens: [id, bytes, decoded alone, what a
        decoder that waits for whole characters gives, bytes it holds back] each; totals.
    """
    data = _over_http(utf8(text))
    return {name: data[name] for name in ("characters", "tokens", "totals")}


def nearest_tokens(query: str, table: str = "gpt-mini", count: int = 10) -> dict[str, Any]:
    """Tokens whose vectors point the way of a word, or of a sum such as king - man + woman.

    Args:
        query: up to six words with + or -; "= queen" at the end asks for that word's rank.
        table: gpt-mini, random, glove-mini or, where the data folder has it, glove-twitter.
        count: how many neighbours, 1 to 100.

    Returns:
        nearest: [token, cosine] each, the query's own words left out; rank and cosine of the word
        after "=" (rank 1 is the closest), or null.
    """
    try:
        found = tables.get(table)
        answer = tables.ask(found, readable(query, 200, "query"), count)
    except UserError as error:
        unless_failed(Failure(str(error)))
        raise
    return {
        "nearest": [[found.names[i], c] for i, c in answer.nearest],
        "rank": answer.rank,
        "cosine": answer.cosine,
    }
