"""UTF-8 bytes, the tokens made of them, and text that comes out of a stream of such tokens."""

import codecs
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from genapp import checkpoints
from genapp.errors import UserError

SHIPPED = ("gpt", "gpt-mini")


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """A code point and the 1 to 4 bytes that UTF-8 writes it with."""

    text: str
    name: str  # Unicode's, "" for a control character
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteToken:
    """One token: alone, and as part of a stream."""

    id: int
    raw: bytes
    alone: str  # decoded by itself; what isn't UTF-8 shows as U+FFFD
    streamed: str  # what a decoder that waits for whole characters gives at this token
    waiting: bytes  # what it holds back


class ByteBPE:
    """Byte-level BPE of GPT-2's kind, in the ``tokenizers`` library's own file."""

    def __init__(self, fast: Tokenizer) -> None:
        fast.encode_special_tokens = True  # "<|endoftext|>" in a person's text is only text
        self.fast = fast

    @property
    def size(self) -> int:
        return self.fast.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        return self.fast.encode(text, add_special_tokens=False).ids

    def raw(self, token: int) -> bytes:
        """The bytes of a token; none for a special one."""
        return self._table[token]

    def decode(self, tokens: Iterable[int]) -> str:
        return b"".join(map(self.raw, tokens)).decode("utf-8", "replace")

    @cached_property
    def _table(self) -> list[bytes]:
        from_sign = {sign: byte for byte, sign in alphabet().items()}
        silent = self.fast.get_added_tokens_decoder()
        names = [self.fast.id_to_token(i) or "" for i in range(self.size)]
        return [
            b"" if i in silent else bytes(from_sign[c] for c in name)
            for i, name in enumerate(names)
        ]


def alphabet() -> dict[int, str]:
    """GPT-2's printable sign for each byte: itself where printable, else U+0100 and up."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in set(plain)]
    return {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(rest)}


def shipped(family: str = SHIPPED[0], name: str = SHIPPED[1]) -> ByteBPE:
    """The tokenizer of a checkpoint, read once; raises :class:`UserError` if it has none."""
    path = checkpoints.get(family, name) / "tokenizer.json"
    if not path.is_file():
        raise UserError(f"{family}/{name} has no tokenizer", "choose gpt/gpt-mini.")
    return _shipped(path, path.stat().st_mtime)


@lru_cache(maxsize=4)
def _shipped(path: Path, stamp: float) -> ByteBPE:
    return ByteBPE(Tokenizer.from_file(str(path)))


def characters(text: str) -> list[Character]:
    """``text`` code point by code point."""
    return [Character(text=c, name=unicodedata.name(c, ""), raw=c.encode()) for c in text]


def byte_tokens(bpe: ByteBPE, text: str) -> Iterator[ByteToken]:
    """``text`` token by token, with what two decoders make of it.

    The pieces ``streamed`` join to ``text``; the pieces ``alone`` need not.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in bpe.encode(text):
        raw = bpe.raw(token)
        streamed = decoder.decode(raw)
        yield ByteToken(
            id=token,
            raw=raw,
            alone=raw.decode("utf-8", "replace"),
            streamed=streamed,
            waiting=decoder.getstate()[0],
        )


def label(raw: bytes) -> str:
    """Bytes as a person reads them: text, or ``\\xNN`` where they are no text."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"\\x{byte:02x}" for byte in raw)
