"""Vocabularies of pieces, learned by the ``tokenizers`` library.

| kind | how it learns | how it cuts |
|---|---|---|
| bpe | joins the most frequent pair (Sennrich et al. 2016) | replays the merges |
| byte-bpe | the same over UTF-8 bytes (Radford et al. 2019) | replays the merges |
| wordpiece | joins like BPE; ``##`` marks inside a word | longest match first (Wu et al. 2016) |
| unigram | drops the pieces that help least (Kudo 2018) | the likeliest way to cut |
"""

from functools import lru_cache

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from genapp.errors import UserError

KINDS = ("bpe", "wordpiece", "unigram", "byte-bpe")
UNKNOWN = "[UNK]"

__all__ = ["KINDS", "UNKNOWN", "Tokenizer", "train"]


@lru_cache(maxsize=24)
def train(kind: str, text: str, size: int, lower: bool = False) -> Tokenizer:
    """A tokenizer of at most ``size`` tokens learned from ``text``, kept for the next call.

    An alphabet larger than ``size`` is kept whole all the same: nothing of the corpus is unknown.
    Raises :class:`UserError` for a text the method can't learn from.
    """
    fast, trainer = _MAKE[kind](size)
    if lower:
        fast.normalizer = normalizers.Lowercase()
    try:
        fast.train_from_iterator([text], trainer)
    except Exception as error:  # the library raises bare Exception
        raise UserError(
            f"{kind} can't learn from this text ({error})", "give it more text."
        ) from error
    return fast


def _bpe(size: int) -> tuple[Tokenizer, trainers.Trainer]:
    fast = _spaced(Tokenizer(models.BPE(unk_token=UNKNOWN)))
    return fast, trainers.BpeTrainer(vocab_size=size, special_tokens=[UNKNOWN], show_progress=False)


def _byte_bpe(size: int) -> tuple[Tokenizer, trainers.Trainer]:
    fast = Tokenizer(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    return fast, trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )


def _wordpiece(size: int) -> tuple[Tokenizer, trainers.Trainer]:
    fast = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    fast.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    fast.decoder = decoders.WordPiece(cleanup=False)
    return fast, trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=[UNKNOWN], show_progress=False
    )


def _unigram(size: int) -> tuple[Tokenizer, trainers.Trainer]:
    fast = _spaced(Tokenizer(models.Unigram()))
    return fast, trainers.UnigramTrainer(
        vocab_size=size, unk_token=UNKNOWN, special_tokens=[UNKNOWN], show_progress=False
    )


def _spaced(fast: Tokenizer) -> Tokenizer:
    """SentencePiece's way: a blank is the sign ▁ at the head of the word it precedes."""
    fast.pre_tokenizer = pre_tokenizers.Metaspace()
    fast.decoder = decoders.Metaspace()
    return fast


_MAKE = {"bpe": _bpe, "byte-bpe": _byte_bpe, "wordpiece": _wordpiece, "unigram": _unigram}
