"""A recurrent translator with and without attention.

Encoder GRU → decoder GRU (Sutskever et al. 2014; Cho et al. 2014), joined either by the encoder's
last state alone or by additive attention over all of its states (Bahdanau et al. 2015).
Shapes: B batch, S source tokens, T target tokens, C width, V vocabulary.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

PAD = 0
SUMMARIES = ("last", "mean", "attention")
SCORES = ("additive", "dot", "bilinear")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seq2SeqConfig:
    """Size and kind. Raises ``ValueError`` for a combination that cannot be built."""

    source_vocab: int
    target_vocab: int
    width: int = 128
    summary: str = "attention"  # what the decoder gets of the source: last, mean, attention
    score: str = "additive"  # of attention: additive, dot, bilinear
    bidirectional: bool = False  # two directions of width / 2 each
    dropout: float = 0.1
    teacher_forcing: float = 1.0  # share of steps that read the true last word while training

    def __post_init__(self) -> None:
        if self.summary not in SUMMARIES:
            raise ValueError(f"summary is {self.summary!r}: choose one of {', '.join(SUMMARIES)}")
        if self.score not in SCORES:
            raise ValueError(f"score is {self.score!r}: choose one of {', '.join(SCORES)}")
        if self.bidirectional and self.width % 2:
            raise ValueError(f"width {self.width} is odd: two directions need an even one")
        for name in ("dropout", "teacher_forcing"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}: give 0 to 1")


@dataclass(frozen=True, slots=True)
class State:
    """What decoding carries from word to word."""

    hidden: Tensor  # (B, C)
    memory: Tensor  # (B, S, C) encoder states
    keys: Tensor  # (B, S, C) what the score compares the query with; computed once
    real: Tensor  # (B, S) bool, False on pads

    def reorder(self, rows: Tensor) -> "State":
        """The state of rows ``rows`` (beam search keeps some and copies others)."""
        return State(*(t[rows] for t in (self.hidden, self.memory, self.keys, self.real)))

    def shuffled(self, order: Tensor) -> "State":
        """What is remembered of the source, in another ``order`` (S,)."""
        return State(self.hidden, *(t[:, order] for t in (self.memory, self.keys, self.real)))


class Encoder(nn.Module):
    """Embedding → dropout → GRU over a packed batch, so that pads are never read."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__()
        self.embedding = nn.Embedding(config.source_vocab, config.width)
        self.drop = nn.Dropout(config.dropout)
        size = config.width // 2 if config.bidirectional else config.width
        self.gru = nn.GRU(config.width, size, batch_first=True, bidirectional=config.bidirectional)

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Ids (B, S) → states (B, S, C) and the last one (B, C) of each row."""
        x = self.drop(self.embedding(source))  # (B, S, C)
        lengths = (source != PAD).sum(1).cpu()
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states, last = self.gru(packed)  # last: (directions, B, C / directions)
        padded, _ = pad_packed_sequence(states, batch_first=True, total_length=source.shape[1])
        return padded, last.transpose(0, 1).flatten(1)


class Attention(nn.Module):
    """How well each source state fits the decoder's, as weights that sum to 1.

    additive: vᵀ tanh(W q + U k); dot: qᵀk; bilinear: qᵀ W k (Luong et al. 2015).
    """

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__()
        self.kind, C = config.score, config.width
        if self.kind == "additive":
            self.query, self.key, self.score = nn.Linear(C, C), nn.Linear(C, C), nn.Linear(C, 1)
        elif self.kind == "bilinear":
            self.key = nn.Linear(C, C, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        """The part of the score that does not depend on the query: (B, S, C)."""
        return memory if self.kind == "dot" else self.key(memory)

    def forward(self, query: Tensor, keys: Tensor, real: Tensor) -> Tensor:
        """Query (B, C) → weights (B, S), 0 on pads."""
        if self.kind == "additive":
            e = self.score(torch.tanh(self.query(query)[:, None] + keys)).squeeze(2)  # (B, S)
        else:
            e = torch.einsum("bc,bsc->bs", query, keys)
        return e.float().masked_fill(~real, -torch.inf).softmax(1).to(query.dtype)


class Seq2Seq(nn.Module):
    """The whole translator: ``forward`` is teacher-forced, ``start`` and ``step`` write."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__()
        self.config, C = config, config.width
        self.encoder = Encoder(config)
        self.embedding = nn.Embedding(config.target_vocab, C)
        self.drop = nn.Dropout(config.dropout)
        self.attends = config.summary == "attention"
        self.attention = Attention(config) if self.attends else None
        self.gru = nn.GRU(2 * C if self.attends else C, C, batch_first=True)
        self.out = nn.Linear(C, config.target_vocab)

    def start(self, source: Tensor) -> State:
        """Reads ids (B, S): the state from which the first word is written."""
        memory, last = self.encoder(source)
        real = source != PAD
        hidden = last
        if self.config.summary == "mean":
            weight = real[:, :, None].to(memory.dtype)
            hidden = (memory * weight).sum(1) / weight.sum(1)
        keys = self.attention.keys(memory) if self.attention else memory
        return State(hidden, memory, keys, real)

    def step(self, state: State, token: Tensor) -> tuple[Tensor, Tensor | None, State]:
        """One word further: token (B,) → logits (B, V), weights (B, 1, 1, S) or None, the state."""
        output, weights, state = self._advance(state, self._embed(token))
        shown = None if weights is None else weights[:, None, None]  # one layer, one head
        return self.out(self.drop(output)), shown, state

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Ids (B, S) and what is written so far (B, T) → logits of each next word (B, T, V)."""
        state = self.start(source)
        if self.training and self.config.teacher_forcing < 1:
            return self._free_running(state, target)
        x = self._embed(target)  # (B, T, C)
        if not self.attends:
            outputs, _ = self.gru(x, state.hidden[None].contiguous())
            return self.out(self.drop(outputs))
        outputs = []
        for t in range(target.shape[1]):  # the query of a step is the hidden state before it
            output, _, state = self._advance(state, x[:, t])
            outputs.append(output)
        return self.out(self.drop(torch.stack(outputs, 1)))

    def _embed(self, token: Tensor) -> Tensor:
        x = self.drop(self.embedding(token))
        return x if self.attends else F.relu(x)

    def _advance(self, state: State, x: Tensor) -> tuple[Tensor, Tensor | None, State]:
        weights = None
        if self.attention:
            weights = self.attention(state.hidden, state.keys, state.real)  # (B, S)
            context = torch.bmm(weights[:, None], state.memory).squeeze(1)  # (B, C)
            x = torch.cat([x, context], 1)
        output, hidden = self.gru(x[:, None], state.hidden[None].contiguous())
        return output[:, 0], weights, replace(state, hidden=hidden[0])

    def _free_running(self, state: State, target: Tensor) -> Tensor:
        """Some steps read the model's own last word instead of the true one."""
        logits, token = [], target[:, 0]
        for t in range(target.shape[1]):
            forced = torch.rand(()) < self.config.teacher_forcing
            token = target[:, t] if t == 0 or forced else token
            scores, _, state = self.step(state, token)
            logits.append(scores)
            token = scores.detach().argmax(1)
        return torch.stack(logits, 1)


def build(config: Mapping[str, Any]) -> Seq2Seq:
    """The model of a checkpoint's or preset's ``config``."""
    return Seq2Seq(Seq2SeqConfig(**config))
