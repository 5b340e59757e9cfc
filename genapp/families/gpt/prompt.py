"""A person's prompt → the tokens a model reads, with a notice for whatever had to give."""

from dataclasses import dataclass

from genapp.errors import UserError
from genapp.families.gpt import tokenizer as tokenizers
from genapp.families.gpt.model import GPT
from genapp.families.gpt.tokenizer import Characters, Tokenizer
from genapp.service import Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """``head`` (a style or end-of-text token, or nothing) stays in sight however long the text."""

    head: tuple[int, ...]
    body: tuple[int, ...]
    notice: str

    @property
    def tokens(self) -> list[int]:
        return [*self.head, *self.body]


def tokenizer_of(loaded: Loaded) -> Tokenizer:
    """The checkpoint's tokenizer, read once."""
    if "tokenizer" not in loaded.memo:
        if "tokenizer.json" not in loaded.files:
            raise UserError("The checkpoint has no tokenizer.json", "fetch or train it again.")
        loaded.memo["tokenizer"] = tokenizers.load(loaded.files["tokenizer.json"])
    return loaded.memo["tokenizer"]  # type: ignore[no-any-return]


def encode(loaded: Loaded, text: str, style: str) -> Prompt:
    """Tokens of ``text`` in ``style``, cut to the model's context less one place to write.

    Raises :class:`UserError` when the model knows no character of the text.
    """
    tokenizer, notices = tokenizer_of(loaded), []
    special = None if style == "auto" else tokenizer.special(style)
    if style != "auto" and special is None:
        notices.append(f"This model has learned no styles; {style} is ignored.")
    body = tokenizer.encode(text)
    if isinstance(tokenizer, Characters) and (strange := tokenizer.unknown(text)):
        if not body:
            raise UserError(
                f"This model knows none of the characters {strange[:20]!r}",
                "write in English letters.",
            )
        notices.append(f"Left out characters this model has never seen: {strange[:20]}")
    head: tuple[int, ...] = () if special is None else (special,)
    if not head and not body:  # something must come first
        head = tuple(tokenizer.encode("\n")[:1]) if tokenizer.end is None else (tokenizer.end,)
    model: GPT = loaded.model  # type: ignore[assignment]
    room = model.config.context - len(head) - 1
    if len(body) > room:
        notices.append(f"The prompt has {len(body):,} tokens; the model sees the last {room:,}.")
        body = body[-room:]
    return Prompt(head=head, body=tuple(body), notice=" ".join(notices))
