"""Which texts the lab reads, and what it says of the others."""

import re

from genapp.errors import UserError

LONGEST = 4_000  # characters
SURROGATE = re.compile("[\ud800-\udfff]")


def readable(text: str, longest: int = LONGEST, what: str = "text") -> str:
    """``text`` itself; raises :class:`UserError` if it is empty, long or not Unicode text.

    Control characters and emoji are text like any other. A lone surrogate is not: it is half of a
    UTF-16 pair, which no UTF-8 can hold.
    """
    if len(text) > longest:
        raise UserError(
            f"The {what} has {len(text):,} characters", f"keep it to {longest:,} or fewer."
        )
    if not text.strip():
        raise UserError(f"The {what} is empty", "write a word or two.")
    if found := SURROGATE.search(text):
        raise UserError(
            f"The {what} holds half a character (U+{ord(found[0]):04X}, a lone surrogate)",
            "send whole characters, as UTF-8 or as a pair of \\u escapes.",
        )
    return text
