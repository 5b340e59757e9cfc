"""What a preset translates and how it is cut into tokens, in plain data."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The data side of a translator's training."""

    languages: tuple[str, ...] = ("rus",)  # into English; the first is what is measured
    source_vocab: int
    target_vocab: int
    units: str = "bpe"  # or "words"
    longest: int = 40  # tokens a side; longer training pairs are left out
    hide: float = 0.1  # share of the tokens read that become unknown while training
    smoothing: float = 0.1  # of the labels
    grammar: bool = False  # sentences of our own grammar, which needs no data
    toy: str = ""  # a task of :mod:`genapp.translation.toys` instead of a language

    def __post_init__(self) -> None:
        if self.units not in {"bpe", "words"}:
            raise ValueError(f"units is {self.units!r}: choose bpe or words")
        if not 0 <= self.hide < 1:
            raise ValueError(f"hide is {self.hide}: give 0 or more, below 1")


def toy_plan(toy: str) -> Plan:
    """The plan of a toy task: whole tokens, none hidden, nothing left out."""
    return Plan(
        source_vocab=100, target_vocab=100, units="words", longest=100, hide=0.0, smoothing=0.0,
        toy=toy,
    )  # fmt: skip


def schedule(steps: int, batch: int, lr: float, **more: Any) -> dict[str, Any]:
    """A preset's training settings: a warm-up, then a decay to 3 % of ``lr``; 25 evaluations."""
    base = {
        "warmup": 200,
        "decay": 0.8,
        "min_lr": 0.03,
        "precision": "bf16",
        "eval_every": max(1, steps // 25),
    }
    return {"steps": steps, "batch": batch, "lr": lr, **base, **more}
