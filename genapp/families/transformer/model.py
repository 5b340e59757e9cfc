"""The encoder–decoder Transformer (Vaswani et al. 2017), from leaf to trunk.

Attention, feed-forward net, encoder and decoder block, model. Shapes: B batch, S source tokens,
T target tokens, C width, H heads, D = C / H, V vocabulary, L layers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PAD = 0
LONGEST = 256  # tokens a side


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerConfig:
    """Size and kind. Raises ``ValueError`` for a combination that cannot be built."""

    source_vocab: int
    target_vocab: int
    layers: int = 3  # of the encoder, and as many of the decoder
    heads: int = 4
    width: int = 128
    inner: int = 512  # of the feed-forward nets
    pre_norm: bool = True  # False: normalise after each addition, as the paper did
    learned_final_norm: bool = False  # its scale would only repeat what the next matrix can learn
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} does not divide into {self.heads} heads")
        if self.width % 2:
            raise ValueError(f"width {self.width} is odd: sines and cosines come in pairs")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}: give 0 or more, below 1")


class Attention(nn.Module):
    """Multi-head attention of queries over keys; both may be the same tokens."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.q, self.k, self.v, self.out = (nn.Linear(config.width, config.width) for _ in range(4))

    def project(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, H, S, D) of ``x`` (B, S, C)."""
        return self.split(self.k(x)), self.split(self.v(x))

    def forward(
        self, x: Tensor, kv: tuple[Tensor, Tensor], mask: Tensor | None, maps: list | None = None
    ) -> Tensor:
        """Queries ``x`` (B, T, C) over ``kv``; ``mask`` is False where a key must not be seen.

        The fused kernel gives no weights: with ``maps`` they are computed in the open and
        appended, (B, H, T, S). Training takes the open way too: over sentences this short the
        fused kernel's backward pass in bf16 costs more than all the rest of a step.
        """
        q, (k, v) = self.split(self.q(x)), kv
        if maps is None and not self.training:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])  # (B, H, T, S)
            if mask is not None:
                scores = scores.masked_fill(~mask, -torch.inf)
            weights = scores.softmax(3)
            if maps is not None:
                maps.append(weights)
            y = weights.to(v.dtype) @ v
        return self.out(y.transpose(1, 2).flatten(2))

    def split(self, x: Tensor) -> Tensor:
        """(B, T, C) → (B, H, T, D)"""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


class FeedForward(nn.Module):
    """Every token on its own: up, bend, down."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.width, config.inner)
        self.down = nn.Linear(config.inner, config.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.relu(self.up(x)))


class Sublayer(nn.Module):
    """A residual branch with its norm, before (pre-norm) or after the addition (post-norm)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.drop = nn.Dropout(config.dropout)
        self.pre = config.pre_norm

    def enter(self, x: Tensor) -> Tensor:
        return self.norm(x) if self.pre else x

    def leave(self, x: Tensor, correction: Tensor) -> Tensor:
        x = x + self.drop(correction)
        return x if self.pre else self.norm(x)


class EncoderBlock(nn.Module):
    """Self-attention, feed-forward."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention, self.ff = Attention(config), FeedForward(config)
        self.first, self.second = Sublayer(config), Sublayer(config)

    def forward(self, x: Tensor, real: Tensor, maps: list | None = None) -> Tensor:
        """``x`` (B, S, C); ``real`` (B, 1, 1, S) is False on pads."""
        h = self.first.enter(x)
        x = self.first.leave(x, self.attention(h, self.attention.project(h), real, maps))
        return self.second.leave(x, self.ff(self.second.enter(x)))


class DecoderBlock(nn.Module):
    """Masked self-attention, attention over the encoder's output, feed-forward."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention, self.cross = Attention(config), Attention(config)
        self.ff = FeedForward(config)
        self.first, self.second, self.third = (Sublayer(config) for _ in range(3))

    def remember(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, H, S, D) of the encoder's output: the same for every word."""
        return self.cross.project(memory)

    def forward(
        self,
        x: Tensor,
        memory: tuple[Tensor, Tensor],
        masks: tuple[Tensor | None, Tensor],
        cache: "Cache | None" = None,
        maps: tuple[list, list] | None = None,
    ) -> Tensor:
        """``x`` (B, T, C); ``memory`` keys and values (B, H, S, D); ``masks`` own and cross."""
        own, cross = maps or (None, None)
        h = self.first.enter(x)
        kv = self.attention.project(h)
        kv = cache.extend(kv) if cache else kv
        x = self.first.leave(x, self.attention(h, kv, masks[0], own))
        x = self.second.leave(x, self.cross(self.second.enter(x), memory, masks[1], cross))
        return self.third.leave(x, self.ff(self.third.enter(x)))


class Cache:
    """Keys and values of the words already written, one block's."""

    def __init__(self, shape: tuple[int, ...], like: Tensor) -> None:
        self.keys, self.values = like.new_zeros(shape), like.new_zeros(shape)  # (B, H, LONGEST, D)
        self.length = 0

    def extend(self, kv: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Appends; returns everything so far."""
        start, self.length = self.length, self.length + kv[0].shape[2]
        self.keys[:, :, start : self.length], self.values[:, :, start : self.length] = kv
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]

    def reorder(self, rows: Tensor) -> "Cache":
        new = object.__new__(Cache)
        new.keys, new.values, new.length = self.keys[rows], self.values[rows], self.length
        return new


@dataclass(frozen=True, slots=True)
class State:
    """What decoding carries from word to word."""

    memory: list[tuple[Tensor, Tensor]]  # per layer: cross keys and values (B, H, S, D)
    real: Tensor  # (B, 1, 1, S)
    caches: list[Cache]

    def reorder(self, rows: Tensor) -> "State":
        """The state of rows ``rows`` (beam search keeps some and copies others)."""
        memory = [(k[rows], v[rows]) for k, v in self.memory]
        return State(memory, self.real[rows], [c.reorder(rows) for c in self.caches])

    def shuffled(self, order: Tensor) -> "State":
        """What is remembered of the source, in another ``order`` (S,)."""
        memory = [(k[:, :, order], v[:, :, order]) for k, v in self.memory]
        return State(memory, self.real[..., order], self.caches)


def sinusoids(length: int, width: int) -> Tensor:
    """PE[p, 2i] = sin(p / 10000^(2i/C)), PE[p, 2i+1] = cos of the same; (length, C)."""
    angle = torch.arange(length)[:, None] / 10_000 ** (torch.arange(0, width, 2) / width)
    return torch.stack([angle.sin(), angle.cos()], 2).flatten(1)


class Transformer(nn.Module):
    """The whole translator; its output layer shares the target embedding's weights."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config, C = config, config.width
        self.source = nn.Embedding(config.source_vocab, C)
        self.target = nn.Embedding(config.target_vocab, C)
        self.drop = nn.Dropout(config.dropout)
        self.encoder = nn.ModuleList(EncoderBlock(config) for _ in range(config.layers))
        self.decoder = nn.ModuleList(DecoderBlock(config) for _ in range(config.layers))
        learned = config.learned_final_norm
        self.encoder_norm = nn.LayerNorm(C, elementwise_affine=learned)
        self.decoder_norm = nn.LayerNorm(C, elementwise_affine=learned)
        self.bias = nn.Parameter(torch.zeros(config.target_vocab))
        self.register_buffer("positions", sinusoids(LONGEST, C), persistent=False)
        for p in self.parameters():
            if p.ndim == 2:
                nn.init.xavier_uniform_(p)
        for table in (self.source, self.target):  # √C times as large once they enter
            nn.init.normal_(table.weight, std=C**-0.5)

    def encode(self, source: Tensor, maps: list | None = None) -> tuple[Tensor, Tensor]:
        """Ids (B, S) → the encoder's output (B, S, C) and the mask (B, 1, 1, S) of its keys."""
        real = (source != PAD)[:, None, None]
        x = self.enter(self.source, source, 0)
        for block in self.encoder:
            x = block(x, real, maps)
        return self.encoder_norm(x), real

    def forward(
        self, source: Tensor, target: Tensor, maps: tuple[list, list, list] | None = None
    ) -> Tensor:
        """Ids (B, S) and what is written so far (B, T) → logits of each next word (B, T, V).

        ``maps`` collects the weights of each layer: encoder, decoder's own, cross.
        """
        memory, real = self.encode(source, maps[0] if maps else None)
        return self.decode(memory, real, target, maps[1:] if maps else None)

    def decode(
        self, memory: Tensor, real: Tensor, target: Tensor, maps: tuple[list, list] | None = None
    ) -> Tensor:
        """All words at once, from what :meth:`encode` gives and ids (B, T): logits (B, T, V)."""
        T = target.shape[1]
        causal = torch.ones(T, T, dtype=torch.bool, device=target.device).tril()
        x = self.enter(self.target, target, 0)
        for block in self.decoder:
            kv = block.remember(memory)  # type: ignore[operator]
            x = block(x, kv, (causal, real), maps=maps)
        return self.logits(x)

    def start(self, source: Tensor) -> State:
        """Reads ids (B, S): the state from which the first word is written."""
        memory, real = self.encode(source)
        kv = [block.remember(memory) for block in self.decoder]  # type: ignore[operator]
        B, H, _, D = kv[0][0].shape
        caches = [Cache((B, H, LONGEST, D), memory) for _ in self.decoder]
        return State(kv, real, caches)

    def step(self, state: State, token: Tensor) -> tuple[Tensor, Tensor, State]:
        """One word further: token (B,) → logits (B, V), cross weights (B, L, H, S), the state."""
        x = self.enter(self.target, token[:, None], state.caches[0].length)
        cross: list[Tensor] = []
        for block, kv, cache in zip(self.decoder, state.memory, state.caches, strict=True):
            x = block(x, kv, (None, state.real), cache, ([], cross))
        return self.logits(x)[:, 0], torch.stack(cross, 1)[:, :, :, 0], state

    def enter(self, table: nn.Embedding, tokens: Tensor, position: int) -> Tensor:
        """Ids (B, T) → embeddings plus positions (B, T, C), the first at ``position``."""
        T = tokens.shape[1]
        if position + T > LONGEST:
            raise ValueError(f"{position + T} tokens exceed the {LONGEST} positions")
        x = table(tokens) * math.sqrt(self.config.width)
        return self.drop(x + self.positions[position : position + T])  # type: ignore[index]

    def logits(self, x: Tensor) -> Tensor:
        """The decoder's stream (B, T, C) → scores of each next word (B, T, V)."""
        return F.linear(self.decoder_norm(x), self.target.weight, self.bias)


def build(config: Mapping[str, Any]) -> Transformer:
    """The model of a checkpoint's or preset's ``config``."""
    return Transformer(TransformerConfig(**config))
