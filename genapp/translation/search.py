"""Writing a translation word by word: greedy, beam search, or along a given sentence.

Works with any model that has ``start(source) -> state`` and ``step(state, token) -> (logits (B, V),
attention (B, L, H, S) or None, state)``, where a state can ``reorder(rows)``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genapp.translation.vocab import EOS, PAD, SOS, UNK

PENALTY = 0.6  # of short hypotheses (Wu et al. 2016, eq. 14)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One beginning of a translation."""

    tokens: tuple[int, ...] = ()
    logp: float = 0.0  # nats, summed
    rows: tuple[Tensor, ...] = ()  # attention (L, H, S) behind each token; empty without
    tops: tuple[tuple[tuple[int, float], ...], ...] = ()  # likeliest (token, p) of each step

    @property
    def done(self) -> bool:
        return self.tokens[-1:] == (EOS,)

    @property
    def score(self) -> float:
        """Log-probability with a length penalty, so that short ones don't win by being short."""
        return self.logp / ((5 + len(self.tokens)) / 6) ** PENALTY


def limit(source_length: int) -> int:
    """Words after which a translation is cut off, should it never end by itself."""
    return min(2 * source_length + 8, 100)


@torch.inference_mode()
def greedy(model: Any, source: Tensor) -> list[list[int]]:
    """The likeliest word at each step, for a whole batch (B, S); ids without EOS."""
    state, B = model.start(source), len(source)
    token = torch.full((B,), SOS, device=source.device)
    done, written = torch.zeros(B, dtype=torch.bool, device=source.device), []
    for _ in range(limit(source.shape[1])):
        logits, _, state = model.step(state, token)
        token = _allowed(logits).argmax(1)
        written.append(token.masked_fill(done, PAD))
        done = done | (token == EOS)
        if bool(done.all()):
            break
    rows = torch.stack(written, 1).tolist()
    return [[t for t in row if t not in {PAD, EOS}] for row in rows]


@torch.inference_mode()
def write(model: Any, source: Tensor, beam: int = 1, top: int = 5) -> Iterator[list[Hypothesis]]:
    """The ``beam`` best hypotheses after each step, best first, for one sentence (1, S).

    Ends when the best one is finished or the length limit is reached.
    """
    state, live = model.start(source), [Hypothesis()]
    finished: list[Hypothesis] = []
    for _ in range(limit(source.shape[1])):
        last = torch.tensor([h.tokens[-1] if h.tokens else SOS for h in live], device=source.device)
        logits, maps, state = model.step(state, last)
        grown, origin = _grow(live, logits, maps, beam, top)
        finished += [h for h in grown if h.done]
        going = [i for i, h in enumerate(grown) if not h.done]
        best = sorted([*finished, *(grown[i] for i in going)], key=lambda h: -h.score)
        yield best[:beam]
        going = going[: beam - len(finished)] if len(finished) < beam else []
        if not going or best[0].done:
            return
        live = [grown[i] for i in going]
        state = state.reorder(torch.tensor([origin[i] for i in going], device=source.device))


def _grow(
    live: Sequence[Hypothesis], logits: Tensor, maps: Tensor | None, beam: int, top: int
) -> tuple[list[Hypothesis], list[int]]:
    """The ``beam`` best ways to go on by one token, and which hypothesis each came from."""
    logp = _allowed(logits).float().log_softmax(1).cpu()  # (beams, V)
    total = logp + torch.tensor([[h.logp] for h in live])
    best = total.flatten().topk(min(beam, total.numel()))
    shown = logp.topk(top, 1)
    grown, origin = [], []
    for value, flat in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        i, token = divmod(flat, logp.shape[1])
        rows = live[i].rows if maps is None else (*live[i].rows, maps[i].cpu())
        likely = zip(shown.indices[i].tolist(), shown.values[i].exp().tolist(), strict=True)
        tops = (*live[i].tops, tuple(likely))
        grown.append(Hypothesis((*live[i].tokens, token), value, rows, tops))
        origin.append(i)
    return grown, origin


@torch.inference_mode()
def forced(model: Any, source: Tensor, target: Sequence[int], top: int = 5) -> Hypothesis:
    """What the model attends to and expects while it is made to write ``target`` and EOS."""
    state, told = model.start(source), Hypothesis()
    token = torch.tensor([SOS], device=source.device)
    for wanted in [*target, EOS]:
        logits, maps, state = model.step(state, token)
        logp = logits[0].float().log_softmax(0).cpu()
        shown = logp.topk(top)
        likely = zip(shown.indices.tolist(), shown.values.exp().tolist(), strict=True)
        rows = told.rows if maps is None else (*told.rows, maps[0].cpu())
        told = Hypothesis(
            (*told.tokens, wanted),
            told.logp + float(logp[wanted]),
            rows,
            (*told.tops, tuple(likely)),
        )
        token = torch.tensor([wanted], device=source.device)
    return told


@torch.inference_mode()
def taught(model: Any, source: Tensor, read: Tensor) -> tuple[Tensor, Tensor | None]:
    """A whole batch along given translations, step by step.

    ``source`` (B, S); ``read`` (B, T) begins with SOS. Returns the likeliest next word of each
    step (B, T) and the weights (B, T, L, H, S), or None without attention.
    """
    state, words, rows = model.start(source), [], []
    for token in read.T:
        logits, maps, state = model.step(state, token)
        words.append(_allowed(logits).argmax(1))
        if maps is not None:
            rows.append(maps.float().cpu())
    return torch.stack(words, 1).cpu(), torch.stack(rows, 1) if rows else None


def _allowed(logits: Tensor) -> Tensor:
    """Nobody wants PAD, SOS or the unknown word in a translation."""
    logits = logits.clone()
    logits[:, [PAD, SOS, UNK]] = -torch.inf
    return logits
