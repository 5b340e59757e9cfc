"""Sentence pairs: Tatoeba's, from Russian, German or French into English, and Multi30k's captions
from English into German.

The split is by sentence: no training pair shares its English or its foreign sentence with a
held-out one, compared without case and signs. The test part is the file's own validation lines.
"""

from __future__ import annotations

import gzip
import logging
import random
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from genapp.data import pair_grammar, source
from genapp.data.source import DataFile
from genapp.errors import UserError

log = logging.getLogger(__name__)

CAPTIONS = "multi30k"  # the other way round: English captions into German
LANGUAGES = {"rus": "Russian", "deu": "German", "fra": "French"}
HELD_OUT = 1_100  # test pairs of a zip that has no split of its own
VALIDATION = 0.03  # share of the training sentences
MAX_OWN_BYTES = 20_000_000

TATOEBA = {
    "name": "Tatoeba sentence pairs",
    "licence": "CC BY 2.0 FR",
    "source": "https://tatoeba.org",
}
MULTI30K = {
    "name": "Multi30k captions",
    "licence": "research use (Flickr30k captions)",
    "source": "https://github.com/multi30k/dataset",
}
GRAMMAR = {
    "name": "a small grammar of ours",
    "licence": "Apache-2.0",
    "source": "genapp/data/pair_grammar.py",
}


class Pair(NamedTuple):
    """A foreign sentence and its English translation."""

    source: str
    target: str


class Parts(NamedTuple):
    """Training, validation and test pairs without a sentence in common, and what to cite."""

    train: list[Pair]
    validation: list[Pair]
    test: list[Pair]
    card: dict[str, str]


def _file(language: str, part: str, size: int, sha256: str) -> DataFile:
    path = f"text/tatoeba_eng-{language}_{part}.tsv.gz"
    return DataFile(name=f"Tatoeba {language} {part}", path=path, sha256=sha256, size=size)


FILES = {
    "rus": (
        _file("rus", "train", 551_663,
              "f7e4d825c88ab4f51ac25e53c747ae9809ccebbf778d402f731aeb065a652ab5"),
        _file("rus", "val", 37_321,
              "c0ab7e54b4f910926d0f582bedefaebb6d9740f2f9d6b2363cefe98b9c74a92a"),
    ),
    "deu": (
        _file("deu", "train", 532_002,
              "84e74f81f81cfaf2e8c28be2d8592be16f38c5ef4413d59d8972f72d3047573b"),
        _file("deu", "val", 36_608,
              "d7a4895cb4eb27626e4fe5f87f627b23f6290c5db08105074fce8a308719353d"),
    ),
    "fra": (
        _file("fra", "train", 338_573,
              "365e19f90fe0583bb70f9a865b99f40cb20d0a82b8e3cb7ea9d5242155f4323d"),
        _file("fra", "val", 35_758,
              "af67a3ce51f927dd727f876622de4b3df5ed347b4030bc5893dc2145cb6e7a83"),
    ),
}  # fmt: skip
CAPTION_FILES = tuple(
    DataFile(name=f"Multi30k {part}", path=f"text/multi30k_{part}.en-de-fr-cs.tsv.gz",
             sha256=sha256, size=size)
    for part, size, sha256 in (
        ("train", 2_904_229, "98fe62a15a691786af22875742dc4d1067c66c7e8be81a56a5aa98cd17b1188c"),
        ("val", 104_565, "bf5ac162d8483de4deb813c63c32b0db554bd0f60012a1f2f20bde89e626acfd"),
    )
)  # fmt: skip


def key(sentence: str) -> str:
    """What two spellings of one sentence share: letters and digits only, lower case."""
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFC", sentence).lower()).strip()


def load(language: str) -> Parts:
    """Tatoeba pairs of ``language`` (rus, deu, fra) with English, or the captions of ``multi30k``.

    From the data folder or the cache; else from ``<language>-eng.zip`` of manythings.org in the
    cache, which a person fetches by hand since its address serves new bytes every month.

    Raises:
        ValueError: an unknown language.
        UserError: neither is there; the message says where to get it.
    """
    if language == CAPTIONS:
        return captions()
    if language not in LANGUAGES:
        raise ValueError(f"unknown language {language!r}: choose from {', '.join(LANGUAGES)}")
    train, test = FILES[language]
    if source.find(train.path) and source.find(test.path):
        return split(_lines(source.locate(train)), _lines(source.locate(test)), TATOEBA)
    path = source.find(f"text_extra/{language}-eng.zip")
    if path is None:
        raise UserError(
            f"the {LANGUAGES[language]}–English sentence pairs are not on this machine",
            f"download {language}-eng.zip from https://www.manythings.org/anki/ and put it at "
            f"{source.cache_folder() / f'text_extra/{language}-eng.zip'}",
        )
    return _manythings(path, language)


def captions() -> Parts:
    """Multi30k (Elliott et al. 2016): an English caption of a photo, and a German translation.

    The test part is the file's own validation lines. Raises :class:`UserError` where the files
    are not on this machine.
    """
    train, test = ([Pair(c[0], c[1]) for c in _columns(source.locate(f))] for f in CAPTION_FILES)
    return split(train, test, MULTI30K)


def _columns(path: Path) -> list[list[str]]:
    """The non-empty cells of a file of English, German, French, Czech."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [[cell.strip() for cell in line.split("\t")] for line in lines]
    return [row for row in rows if len(row) > 1 and row[0] and row[1]]


def load_or_stand_in(language: str, seed: int = 0) -> tuple[Parts, bool]:
    """Tatoeba and True, or sentences of our own grammar and False where it cannot be had."""
    try:
        return load(language), True
    except UserError as error:
        log.warning("%s; using sentences of a small grammar instead", error)
        return stand_in(language, seed=seed), False


def stand_in(language: str = "rus", count: int = 2_000, seed: int = 0) -> Parts:
    """``count`` sentences of :mod:`genapp.data.pair_grammar`, a tenth of them held out."""
    made = [Pair(s.source, s.target) for s in pair_grammar.sentences(language, count, seed)]
    held = len(made) // 10
    return split(made[held:], made[:held], GRAMMAR)


def own_file(path: Path) -> Parts:
    """A person's own pairs: UTF-8 lines ``English<TAB>other``; a tenth of them held out.

    Raises :class:`UserError` for a file that isn't that.
    """
    if not path.is_file():
        raise UserError(f"{path.name} does not exist", "check its path.")
    if path.stat().st_size > MAX_OWN_BYTES:
        raise UserError(f"{path.name} is larger than 20 MB", "use a part of it.")
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    found = _parse(text.splitlines())
    if len(found) < 40:
        raise UserError(
            f"{path.name} holds {len(found)} sentence pairs",
            "give at least 40 lines of the form English, tab, other language.",
        )
    card = {"name": f"own file {path.name}", "licence": "own", "source": "own"}
    return _by_sentence(found, max(4, len(found) // 10), card)


def split(train: Iterable[Pair], test: Iterable[Pair], card: dict[str, str]) -> Parts:
    """Drops from ``train`` what ``test`` holds, and carves the validation part out of the rest."""
    test = list(dict.fromkeys(test))
    rest = _without(train, test)
    chosen = set(random.Random(0).sample(sorted({key(p.target) for p in rest}), _count(rest)))
    validation = [p for p in rest if key(p.target) in chosen]
    return Parts(_without(rest, validation), validation, test, card)


def _count(pairs: Sequence[Pair]) -> int:
    return max(2, round(VALIDATION * len({key(p.target) for p in pairs})))


def _without(pairs: Iterable[Pair], held: Sequence[Pair]) -> list[Pair]:
    english, other = {key(p.target) for p in held}, {key(p.source) for p in held}
    kept = (p for p in pairs if key(p.target) not in english and key(p.source) not in other)
    return list(dict.fromkeys(kept))


def without(parts: Parts, held: Sequence[Pair]) -> Parts:
    """``parts`` whose training pairs share no sentence with ``held`` of another language pair."""
    return parts._replace(train=_without(parts.train, held))


def _by_sentence(pairs: list[Pair], held: int, card: dict[str, str]) -> Parts:
    names = sorted({key(p.target) for p in pairs})
    chosen = set(random.Random(0).sample(names, min(held, len(names) // 2)))
    return split(pairs, [p for p in pairs if key(p.target) in chosen], card)


def _manythings(path: Path, language: str) -> Parts:
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(n for n in archive.namelist() if n.endswith(".txt") and "about" not in n)
            text = archive.read(name).decode("utf-8")
    except (OSError, zipfile.BadZipFile, StopIteration, UnicodeDecodeError) as error:
        raise UserError(f"{path} is damaged ({error})", "download it again.") from error
    pairs = _parse(text.splitlines())
    random.Random(0).shuffle(pairs)
    return _by_sentence(pairs[:60_000], HELD_OUT, TATOEBA)


def _lines(path: Path) -> list[Pair]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return _parse(lines)


def _parse(lines: Iterable[str]) -> list[Pair]:
    """``English<TAB>other[<TAB>attribution]`` → pairs (other, English)."""
    columns = (line.rstrip("\n").split("\t") for line in lines)
    return [Pair(c[1].strip(), c[0].strip()) for c in columns if len(c) > 1 and c[0] and c[1]]
