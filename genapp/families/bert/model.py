"""BERT: a bidirectional transformer encoder (Devlin et al. 2019) with its two training heads.

Tokens in, one vector per token out; the heads guess hidden tokens and whether B follows A.
Read from leaf to trunk: embeddings, attention, block, heads, model.
Shapes use B batch, T tokens, C width, H heads, D = C / H, V vocabulary, N chosen positions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-12  # of every LayerNorm, as published


@dataclass(frozen=True, slots=True, kw_only=True)
class BertConfig:
    """Size of a BERT. Raises ``ValueError`` for a combination that cannot be built."""

    layers: int
    heads: int
    width: int
    inner: int  # width inside the feed-forward half
    context: int  # longest sequence, in tokens
    vocab: int
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name in ("layers", "heads", "width", "inner", "context", "vocab"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: give 1 or more")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} does not divide into {self.heads} heads")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}: give 0 or more, below 1")


class Embeddings(nn.Module):
    """What the token is + which sentence it is in + where it stands, normalised."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(config.vocab, config.width)
        self.segments = nn.Embedding(2, config.width)
        self.positions = nn.Embedding(config.context, config.width)
        self.norm = nn.LayerNorm(config.width, eps=EPS)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, ids: Tensor, segments: Tensor) -> Tensor:
        """(B, T, C) of ids and segments (B, T). Raises ``ValueError`` beyond the context."""
        T = ids.shape[1]
        if self.positions.num_embeddings < T:
            raise ValueError(f"{T} tokens exceed the context of {self.positions.num_embeddings}")
        x = self.tokens(ids) + self.segments(segments) + self.positions.weight[:T]
        return self.drop(self.norm(x))


class Attention(nn.Module):
    """Self-attention of all heads at once: every token sees every other."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (B, H, T, D) of ``x`` (B, T, C)."""
        B, T, C = x.shape
        qkv = self.qkv(x).view(B, T, 3, self.heads, C // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        return q, k, v

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = self.project(x)
        drop = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=drop)
        return self.out(y.transpose(1, 2).reshape(x.shape))  # (B, T, C)


class Block(nn.Module):
    """Post-norm: each half adds its correction, then the sum is normalised."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.norm1 = nn.LayerNorm(config.width, eps=EPS)
        self.up = nn.Linear(config.width, config.inner)
        self.down = nn.Linear(config.inner, config.width)
        self.norm2 = nn.LayerNorm(config.width, eps=EPS)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return self.finish(x, self.attention(x, mask))

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """The block's output (B, T, C) from its input and what its attention added."""
        x = self.norm1(x + self.drop(attended))
        return self.norm2(x + self.drop(self.down(F.gelu(self.up(x)))))


class Encoder(nn.Module):
    """Embeddings, blocks, and the pooler that reads [CLS]."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.pooler = nn.Linear(config.width, config.width)

    def forward(self, ids: Tensor, segments: Tensor, attend: Tensor | None = None) -> Tensor:
        """(B, T, C); ``attend`` (B, T) is False where there is only padding."""
        return self.layers(ids, segments, attend)[-1]

    def layers(self, ids: Tensor, segments: Tensor, attend: Tensor | None = None) -> list[Tensor]:
        """The embeddings and each block's output, (B, T, C) each."""
        mask = None if attend is None else attend[:, None, None, :]  # (B, 1, 1, T)
        streams = [self.embeddings(ids, segments)]
        for block in self.blocks:
            streams.append(block(streams[-1], mask))
        return streams

    def pooled(self, x: Tensor) -> Tensor:
        """(B, C): what stands at [CLS], once more through a layer."""
        return torch.tanh(self.pooler(x[:, 0]))


class WordHead(nn.Module):
    """Vectors (…, C) → logits (…, V), through the token embeddings themselves."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.transform = nn.Linear(config.width, config.width)
        self.norm = nn.LayerNorm(config.width, eps=EPS)
        self.bias = nn.Parameter(torch.zeros(config.vocab))

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        return F.linear(self.norm(F.gelu(self.transform(x))), table, self.bias)


class Guess(NamedTuple):
    """What the heads say."""

    words: Tensor  # logits (N, V) at the chosen positions, or (B, T, V)
    next: Tensor  # logits (B, 2): 0 = B follows A, 1 = it comes from elsewhere


class Bert(nn.Module):
    """The encoder with both heads; the word head shares the token embeddings."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.words = WordHead(config)
        self.next = nn.Linear(config.width, 2)
        self.apply(_initialise)

    def forward(
        self,
        ids: Tensor,
        segments: Tensor,
        attend: Tensor | None = None,
        chosen: Tensor | None = None,
    ) -> Guess:
        """Both heads on ids (B, T); the word head only at flat positions ``chosen`` (N,)."""
        x = self.encoder(ids, segments, attend)
        at = x if chosen is None else x.flatten(0, 1)[chosen]
        return Guess(self.word_logits(at), self.next(self.encoder.pooled(x)))

    def word_logits(self, x: Tensor) -> Tensor:
        """Logits (…, V) of vectors (…, C)."""
        return self.words(x, self.encoder.embeddings.tokens.weight)  # type: ignore[no-any-return]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


def build(config: Mapping[str, Any]) -> Bert:
    """The model of a checkpoint's or preset's ``config``."""
    return Bert(BertConfig(**config))
