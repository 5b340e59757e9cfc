"""Text ↔ token ids: byte-level BPE and single characters behind one interface.

BPE (Sennrich et al. 2016) over bytes, as in GPT-2: any text can be written, no token is unknown.
"""

import codecs
import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Protocol

from tokenizers import Tokenizer as Fast
from tokenizers import decoders, models, pre_tokenizers, trainers

from genapp.errors import UserError

END = "<|endoftext|>"


class Tokenizer(Protocol):
    """What a model needs of its tokenizer."""

    @property
    def end(self) -> int | None: ...  # id of ``<|endoftext|>``, if there is one
    @property
    def size(self) -> int: ...  # tokens in the vocabulary
    def encode(self, text: str) -> list[int]: ...
    def token_bytes(self, token: int) -> bytes: ...  # UTF-8, possibly part of a character
    def special(self, name: str) -> int | None: ...  # id of ``<|name|>``
    def dump(self) -> bytes: ...  # as ``tokenizer.json``


def decode(tokenizer: Tokenizer, tokens: Iterable[int]) -> str:
    """The text of ``tokens``; special tokens are silent, broken UTF-8 shows as U+FFFD."""
    return b"".join(map(tokenizer.token_bytes, tokens)).decode("utf-8", "replace")


def token_text(tokenizer: Tokenizer, token: int) -> str:
    """One token as a person reads it: its text, ``<|name|>``, or ``\\xNN`` for a lone byte."""
    raw = tokenizer.token_bytes(token)
    if not raw and isinstance(tokenizer, BPE):
        return tokenizer.name(token)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"\\x{byte:02x}" for byte in raw)


class StreamDecoder:
    """Feeds tokens one by one and gives text, holding back a character until all its bytes came."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._bytes = tokenizer.token_bytes
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token: int) -> str:
        return self._utf8.decode(self._bytes(token))

    def flush(self) -> str:
        """What is left at the end: U+FFFD for a character that never became whole."""
        return self._utf8.decode(b"", final=True)


class BPE:
    """Byte-level BPE kept in the ``tokenizers`` library's own JSON, GPT-2's included."""

    def __init__(self, fast: Fast) -> None:
        fast.encode_special_tokens = True  # "<|endoftext|>" typed by a person is only text
        self.fast = fast
        self.end = fast.token_to_id(END)

    @property
    def size(self) -> int:
        return self.fast.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        return self.fast.encode(text, add_special_tokens=False).ids

    def name(self, token: int) -> str:
        return self.fast.id_to_token(token) or f"<|{token}|>"  # a model's padding, never trained

    def token_bytes(self, token: int) -> bytes:
        return self._table[token] if token < len(self._table) else b""

    @cached_property
    def _table(self) -> list[bytes]:
        from_char = {c: b for b, c in _byte_alphabet().items()}
        silent = set(self.fast.get_added_tokens_decoder())
        names = (self.fast.id_to_token(i) or "" for i in range(self.size))
        return [
            b"" if i in silent else bytes(from_char[c] for c in name)
            for i, name in enumerate(names)
        ]

    def special(self, name: str) -> int | None:
        return self.fast.token_to_id(f"<|{name}|>")

    def learn(self, names: Iterable[str]) -> None:
        """Adds ``<|name|>`` for each name that is new, behind all other tokens."""
        self.fast.add_special_tokens([f"<|{name}|>" for name in names])

    def dump(self) -> bytes:
        return self.fast.to_str().encode()


class Characters:
    """One token per character that the training text holds."""

    end = None

    def __init__(self, characters: Sequence[str]) -> None:
        self.characters = list(characters)
        self._ids = {c: i for i, c in enumerate(self.characters)}

    @property
    def size(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> list[int]:
        """Characters outside the vocabulary are left out; see :meth:`unknown`."""
        return [self._ids[c] for c in text if c in self._ids]

    def unknown(self, text: str) -> str:
        """The distinct characters of ``text`` that the model has never seen, in order."""
        return "".join(dict.fromkeys(c for c in text if c not in self._ids))

    def token_bytes(self, token: int) -> bytes:
        return self.characters[token].encode()

    def special(self, name: str) -> int | None:
        return None

    def dump(self) -> bytes:
        return json.dumps({"characters": "".join(self.characters)}).encode()


def train_bpe(texts: Iterable[str], vocab: int, names: Sequence[str] = ()) -> BPE:
    """Learns ``vocab`` tokens: ``<|endoftext|>``, one ``<|name|>`` each, 256 bytes, then merges."""
    fast = Fast(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=[END, *(f"<|{name}|>" for name in names)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    fast.train_from_iterator(texts, trainer)
    return BPE(fast)


def load(blob: bytes) -> BPE | Characters:
    """The tokenizer of a ``tokenizer.json``; raises :class:`UserError` if it is neither kind."""
    try:
        raw = json.loads(blob)
        if "characters" in raw:
            return Characters(raw["characters"])
        return BPE(Fast.from_str(blob.decode()))
    except Exception as error:  # the library raises bare Exception
        raise UserError(
            f"tokenizer.json can't be read ({error})", "fetch or train this checkpoint again."
        ) from error


def _byte_alphabet() -> dict[int, str]:
    """GPT-2's printable stand-in for each byte."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {b: chr(b) for b in printable}
    others = (b for b in range(256) if b not in table)
    return table | {b: chr(256 + n) for n, b in enumerate(others)}
