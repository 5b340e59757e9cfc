"""Batches of sentence pairs of about one length, so that little is padded."""

from collections.abc import Sequence

import torch
from torch import Tensor

from genapp.translation.vocab import EOS, PAD, SOS, UNK

Coded = tuple[list[int], list[int]]  # source and target ids, without SOS or EOS
POOL = 200  # batches whose sentences are sorted together


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """(B, longest) ids, PAD behind the shorter ones."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[PAD] * (longest - len(row))] for row in rows])


def sources(rows: Sequence[Sequence[int]]) -> Tensor:
    """(B, S) ids, each row closed by EOS."""
    return padded([[*row, EOS] for row in rows])


def tensors(pairs: Sequence[Coded]) -> dict[str, Tensor]:
    """``source`` (B, S) closed by EOS; ``read`` (B, T) from SOS; ``wanted`` (B, T) up to EOS."""
    return {
        "source": sources([source for source, _ in pairs]),
        "read": padded([[SOS, *target] for _, target in pairs]),
        "wanted": padded([[*target, EOS] for _, target in pairs]),
    }


def hidden(ids: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """``ids`` with that share of the words, special ids excepted, turned into UNK."""
    chosen = torch.rand(ids.shape, generator=generator) < share
    return ids.masked_fill(chosen & (ids > UNK), UNK)


class Bucketed:
    """Endless batches; batch ``k`` follows from ``(seed, k)`` alone."""

    def __init__(self, pairs: Sequence[Coded], batch: int, seed: int, hide: float) -> None:
        self.pairs, self.batch, self.seed, self.hide = pairs, min(batch, len(pairs)), seed, hide
        self.lengths = torch.tensor(
            [max(len(s), len(t)) + 0.01 * (len(s) + len(t)) for s, t in pairs]
        )
        self._epoch, self._batches = -1, torch.empty(0)

    def __call__(self, k: int) -> dict[str, Tensor]:
        epoch, i = divmod(k, len(self.pairs) // self.batch)
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self._shuffled(epoch)
        made = tensors([self.pairs[j] for j in self._batches[i].tolist()])
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + k)
        for side in ("source", "read"):
            made[side] = hidden(made[side], self.hide, generator)
        return made

    def _shuffled(self, epoch: int) -> Tensor:
        """(batches, batch) indices: shuffled, sorted by length within pools, shuffled again."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.pairs), generator=generator)
        order = order[: len(order) // self.batch * self.batch]
        pools = [p[self.lengths[p].argsort(stable=True)] for p in order.split(POOL * self.batch)]
        rows = torch.cat(pools).view(-1, self.batch)
        return rows[torch.randperm(len(rows), generator=generator)]
