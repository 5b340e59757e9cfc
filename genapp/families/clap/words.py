"""Captions as word ids, and back: the vocabulary travels with the checkpoint as ``words.json``."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from genapp.data.sound_captions import words
from genapp.families.clap.model import PAD, UNKNOWN

FILE = "words.json"
LONGEST = 24  # words of a caption; the rest is not read


def index(vocabulary: Sequence[str]) -> dict[str, int]:
    """Word → id; 0 and 1 are padding and unknown."""
    return {word: i for i, word in enumerate(vocabulary, UNKNOWN + 1)}


def encode(texts: Sequence[str], ids: Mapping[str, int]) -> NDArray[np.int64]:
    """Captions → (N, L) ids, padded at the end. A caption without a word is one unknown word."""
    rows = [[ids.get(w, UNKNOWN) for w in words(t)[:LONGEST]] or [UNKNOWN] for t in texts]
    out = np.full((len(rows), max(map(len, rows))), PAD, np.int64)
    for row, found in zip(out, rows, strict=True):
        row[: len(found)] = found
    return out


def strangers(text: str, ids: Mapping[str, int]) -> list[str]:
    """The caption's words the model never met."""
    return [w for w in dict.fromkeys(words(text)) if w not in ids]


def dump(vocabulary: Sequence[str]) -> bytes:
    """The file's bytes."""
    return json.dumps(list(vocabulary)).encode()


def load(blob: bytes) -> dict[str, int]:
    """:func:`index` of a checkpoint's file."""
    return index(json.loads(blob))
