"""Text ↔ word pieces (Wu et al. 2016): a word's longest known beginning, then ``##`` pieces."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from tokenizers import Tokenizer as Fast
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from genapp.errors import UserError

LETTERS = 150  # the most frequent; a word with any other is [UNK]
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class WordPiece:
    """A BERT vocabulary kept in the ``tokenizers`` library's own JSON."""

    def __init__(self, fast: Fast) -> None:
        if missing := [name for name in SPECIALS if fast.token_to_id(name) is None]:
            raise ValueError(f"the vocabulary lacks {', '.join(missing)}")
        fast.no_padding()
        fast.no_truncation()
        self.fast = fast
        vocabulary = fast.get_vocab()
        self.pad, self.unknown, self.cls, self.sep, self.mask = (vocabulary[n] for n in SPECIALS)

    @property
    def size(self) -> int:
        """Tokens in the vocabulary."""
        return self.fast.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Ids of ``text``, no [CLS] or [SEP] added; a written ``[MASK]`` is one."""
        return self.fast.encode(text, add_special_tokens=False).ids

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """:meth:`encode` of many texts."""
        return [e.ids for e in self.fast.encode_batch(list(texts), add_special_tokens=False)]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where each token of :meth:`encode` begins and ends in ``text``."""
        return list(self.fast.encode(text, add_special_tokens=False).offsets)

    def name(self, token: int) -> str:
        """One token as it stands in the vocabulary, ``##`` included."""
        return self.fast.id_to_token(token) or f"[{token}]"

    def kind(self, token: int) -> str:
        """``"pad"``, ``"special"`` ([CLS] and [SEP]) or ``"word"``, as the Viewer names them."""
        return {self.pad: "pad", self.cls: "special", self.sep: "special"}.get(token, "word")

    @cached_property
    def ordinary(self) -> np.ndarray:
        """Every id that is part of a language: a random word is drawn from these."""
        names = self.fast.get_vocab()
        return np.array(
            sorted(i for n, i in names.items() if n not in SPECIALS and n[:7] != "[unused")
        )

    def text(self, tokens: Iterable[int]) -> str:
        """Words again; blanks are where the pieces say."""
        return self.fast.decode(list(tokens), skip_special_tokens=False)

    def dump(self) -> bytes:
        """As ``tokenizer.json``."""
        return self.fast.to_str().encode()


def train(texts: Iterable[str], vocab: int) -> WordPiece:
    """Learns ``vocab`` lower-case pieces, the five specials first; the same ones every time.

    The library numbers continuing letters in the order of a random hash, and ties between merges
    follow those numbers. Given beforehand, in order, they make a resumed run read the same ids.
    """
    documents = list(texts)
    fast = _untrained({})
    counts = Counter(c for text in documents for c in fast.normalizer.normalize_str(text))
    counts = Counter({c: n for c, n in counts.items() if not c.isspace()})
    letters = sorted(sorted(counts, key=lambda c: (-counts[c], c))[:LETTERS])
    known = [*SPECIALS, *(f"##{c}" for c in letters)]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab, special_tokens=known, initial_alphabet=letters,
        limit_alphabet=len(letters), show_progress=False,
    )  # fmt: skip
    fast.train_from_iterator(documents, trainer)
    return WordPiece(_untrained(fast.get_vocab()))


def _untrained(vocab: dict[str, int]) -> Fast:
    """The library's pipeline around ``vocab``: specials are recognised, nothing else is added."""
    model = models.WordPiece(vocab, unk_token="[UNK]") if vocab else models.WordPiece()
    fast = Fast(model)
    fast.normalizer = normalizers.BertNormalizer(lowercase=True)
    fast.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    fast.decoder = decoders.WordPiece()
    if vocab:
        fast.add_special_tokens(list(SPECIALS))
    return fast


def load(blob: bytes) -> WordPiece:
    """The vocabulary of a ``tokenizer.json``; raises :class:`UserError` if it is another's."""
    try:
        return WordPiece(Fast.from_str(blob.decode()))
    except Exception as error:  # the library raises bare Exception
        raise UserError(
            f"tokenizer.json can't be read ({error})", "fetch or train this checkpoint again."
        ) from error
