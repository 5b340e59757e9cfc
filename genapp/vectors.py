"""What an encoder hands to the measures: a vector per token and layer.

A family's ``vectors`` is ``(loaded, texts) -> list[Words]``, one per text and in their order.
"""

from dataclasses import dataclass

import numpy as np

KINDS = ("word", "special", "pad")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A text as the tokens a model reads, and what each has become after every layer."""

    tokens: tuple[str, ...]
    kinds: tuple[str, ...]  # of ``KINDS``
    layers: np.ndarray  # float32 (L + 1, T, D); row 0 holds the input embeddings

    def __post_init__(self) -> None:
        if strange := set(self.kinds) - set(KINDS):
            raise ValueError(f"kinds has {sorted(strange)}: choose among {', '.join(KINDS)}")
        T = len(self.tokens)
        if len(self.kinds) != T or self.layers.ndim != 3 or self.layers.shape[1] != T:
            raise ValueError(
                f"{T} tokens, {len(self.kinds)} kinds, layers of shape {self.layers.shape}: "
                "give a kind and a vector per token"
            )

    def words(self) -> "Words":
        """The same without special and pad tokens."""
        at = [i for i, kind in enumerate(self.kinds) if kind == "word"]
        return Words(
            tokens=tuple(self.tokens[i] for i in at),
            kinds=("word",) * len(at),
            layers=self.layers[:, at],
        )
