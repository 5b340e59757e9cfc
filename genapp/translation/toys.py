"""Toy tasks that lay a bottleneck bare: reverse, copy or sort letters, write a date as numbers.

Lengths up to 20 are trained on; the measure goes on to 64, where nothing was ever seen.
"""

import random
from collections.abc import Sequence

from genapp.data.pairs import Pair

LETTERS = "abcdefghijklmnop"
TRAINED = 20  # longest sequence in training, in letters
LENGTHS = (4, 8, 12, 16, 20, 24, 32, 48, 64)
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
          "october", "november", "december")  # fmt: skip
TASKS = ("reverse", "copy", "sort", "date")
CARD = {
    "name": "sequences drawn at random",
    "licence": "Apache-2.0",
    "source": "genapp/translation/toys.py",
}


def pair(kind: str, length: int, dice: random.Random) -> Pair:
    """One question and its answer, tokens between spaces; a date has a length of its own."""
    if kind == "date":
        day, month, year = dice.randint(1, 28), dice.randrange(12), dice.randint(1900, 2030)
        asked = [*str(day), MONTHS[month], *str(year)]
        return Pair(" ".join(asked), " ".join(f"{year}-{month + 1:02}-{day:02}"))
    letters = [dice.choice(LETTERS) for _ in range(length)]
    answers = {"copy": letters, "reverse": letters[::-1], "sort": sorted(letters)}
    return Pair(" ".join(letters), " ".join(answers[kind]))


def pairs(kind: str, count: int, seed: int = 0, lengths: Sequence[int] = ()) -> list[Pair]:
    """``count`` pairs whose lengths are drawn from ``lengths``, by default 1 to 20.

    Raises ``ValueError`` for an unknown task.
    """
    if kind not in TASKS:
        raise ValueError(f"toy is {kind!r}: choose one of {', '.join(TASKS)}")
    dice = random.Random(f"{kind} {seed}")
    return [pair(kind, dice.choice(lengths or range(1, TRAINED + 1)), dice) for _ in range(count)]


def accuracy(answers: Sequence[str], wanted: Sequence[str]) -> float:
    """Share of the wanted tokens that stand in their place."""
    hits = total = 0
    for answer, want in zip(answers, wanted, strict=True):
        given, right = answer.split(), want.split()
        hits += sum(a == b for a, b in zip(given, right, strict=False))
        total += len(right)
    return hits / total
