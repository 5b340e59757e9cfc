"""Sentences ↔ token ids, with pieces that join back to the very text.

BPE over letters (Sennrich et al. 2016) or whole words. Both split at spaces and at signs; a piece
that begins a word carries "▁", so joining pieces is exact.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from genapp.errors import UserError

PAD, SOS, EOS, UNK = range(4)
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
SPACE = "▁"
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "„": '"',
                         "—": "-", "–": "-", "…": "...", "\u00a0": " ", "\u202f": " "})  # fmt: skip


def normalise(text: str) -> str:
    """Lower case, one kind of quote and dash, single spaces; й and ё stay what they are."""
    text = unicodedata.normalize("NFC", text).translate(_QUOTES).lower()
    return re.sub(r"\s+", " ", text).strip()


class Vocabulary:
    """One side's tokens."""

    def __init__(self, fast: Tokenizer) -> None:
        self.fast = fast

    @property
    def size(self) -> int:
        return self.fast.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Ids of the normalised ``text``, without SOS or EOS."""
        return self.fast.encode(normalise(text)).ids

    def piece(self, token: int) -> str:
        """As the vocabulary spells it, e.g. ``"▁tom"``."""
        return self.fast.id_to_token(token) or "<unk>"

    def text(self, tokens: Iterable[int]) -> str:
        """The sentence of ``tokens``; PAD, SOS and EOS are silent."""
        pieces = (self.piece(t) if t != UNK else SPACE + "⁇" for t in tokens if t not in {0, 1, 2})
        return "".join(pieces).replace(SPACE, " ").strip()

    def unknown(self, text: str) -> list[str]:
        """Words of ``text`` that hold something this vocabulary has no token for."""
        words = normalise(text).split()
        return [word for word in dict.fromkeys(words) if UNK in self.fast.encode(word).ids]


def learn(texts: Sequence[str], size: int, units: str = "bpe") -> Vocabulary:
    """At most ``size`` tokens learned from ``texts``."""
    bpe = units == "bpe"
    fast = Tokenizer(models.BPE(unk_token="<unk>") if bpe else models.WordLevel(unk_token="<unk>"))
    fast.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation(behavior="isolated")]
    )
    kind = trainers.BpeTrainer if bpe else trainers.WordLevelTrainer
    trainer = kind(vocab_size=size, special_tokens=SPECIAL, show_progress=False)
    fast.train_from_iterator([normalise(t) for t in texts], trainer)
    return Vocabulary(fast)


def dump(source: Vocabulary, target: Vocabulary) -> bytes:
    """Both sides as one ``vocab.json``."""
    both = {"source": json.loads(source.fast.to_str()), "target": json.loads(target.fast.to_str())}
    return json.dumps(both, ensure_ascii=False).encode()


def load(blob: bytes) -> tuple[Vocabulary, Vocabulary]:
    """Source and target of a ``vocab.json``; raises :class:`UserError` if it is none."""
    try:
        raw = json.loads(blob)
        source, target = (Tokenizer.from_str(json.dumps(raw[s])) for s in ("source", "target"))
    except Exception as error:  # the library raises bare Exception
        raise UserError(
            f"vocab.json can't be read ({error})", "fetch or train this checkpoint again."
        ) from error
    return Vocabulary(source), Vocabulary(target)
