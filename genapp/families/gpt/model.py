"""GPT: a decoder-only transformer, after GPT-2 (Radford et al. 2019) and karpathy/minGPT.

Tokens in, logits of the next token out. Read from leaf to trunk: cache, attention, MLP, block,
model. Shapes use B batch, T tokens, C width, H heads, D = C / H, V vocabulary, L layers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class GPTConfig:
    """Size of a GPT. Raises ``ValueError`` for a combination that cannot be built."""

    layers: int
    heads: int
    width: int
    context: int  # longest sequence, in tokens
    vocab: int
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("layers", "heads", "width", "context", "vocab"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: give 1 or more")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} does not divide into {self.heads} heads")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}: give 0 or more, below 1")


class Cache:
    """Keys and values of the tokens seen so far, allocated once for the whole context."""

    def __init__(
        self, config: GPTConfig, batch: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        shape = (batch, 2, config.heads, config.context, config.width // config.heads)
        new: Any = {"dtype": dtype, "device": device}
        self.layers = [torch.zeros(shape, **new) for _ in range(config.layers)]

    def extend(self, layer: int, position: int, kv: Tensor) -> Tensor:
        """Writes ``kv`` (B, 2, H, T, D) at ``position``; returns all up to its end."""
        kept, T = self.layers[layer], kv.shape[3]
        kept.narrow(3, position, T).copy_(kv)
        return kept.narrow(3, 0, position + T)  # (B, 2, H, position + T, D)


class Attention(nn.Module):
    """Causal self-attention of all heads at once."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.heads, self.width = config.heads, config.width
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, cache: Cache | None, layer: int, position: int) -> Tensor:
        B, T, C = x.shape
        qkv = self.qkv(x).view(B, T, 3, self.heads, C // self.heads).permute(0, 2, 3, 1, 4)
        q, kv = qkv[:, 0], qkv[:, 1:]  # (B, H, T, D), (B, 2, H, T, D)
        k, v = (kv if cache is None else cache.extend(layer, position, kv)).unbind(1)
        mask = None
        if T > 1 and position > 0:  # several new tokens behind cached ones
            mask = torch.ones(T, position + T, dtype=torch.bool, device=x.device).tril(position)
        causal = T > 1 and mask is None
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self.out(y.transpose(1, 2).reshape(B, T, C))


class MLP(nn.Module):
    """Every token thinks on its own: up four times, bend, down again."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.width, 4 * config.width)
        self.down = nn.Linear(4 * config.width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x), approximate="tanh"))  # GPT-2's form of GELU


class Block(nn.Module):
    """Pre-norm: each half adds its correction to the residual stream."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width)
        self.attention = Attention(config)
        self.norm2 = nn.LayerNorm(config.width)
        self.mlp = MLP(config)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, cache: Cache | None, layer: int, position: int) -> Tensor:
        x = x + self.drop(self.attention(self.norm1(x), cache, layer, position))
        return x + self.drop(self.mlp(self.norm2(x)))  # (B, T, C)


class GPT(nn.Module):
    """The whole model; its output layer shares the token embedding's weights."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab, config.width)
        self.positions = nn.Embedding(config.context, config.width)
        self.drop = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.vocab, bias=False)
        self.head.weight = self.tokens.weight
        self.apply(_initialise)
        for name, p in self.named_parameters():  # so that the residual stream starts at unit scale
            if name.endswith(("attention.out.weight", "mlp.down.weight")):
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * config.layers))
        self.register_state_dict_post_hook(_drop_head)
        self.register_load_state_dict_pre_hook(_restore_head)

    def hidden(self, tokens: Tensor, cache: Cache | None = None, position: int = 0) -> Tensor:
        """Final residual stream (B, T, C) of ``tokens`` (B, T), the first at ``position``.

        With a ``cache`` the tokens also see what it holds before ``position``, and enter it.
        Raises ``ValueError`` beyond the context.
        """
        T = tokens.shape[1]
        if position + T > self.config.context:
            raise ValueError(f"{position + T} tokens exceed the context of {self.config.context}")
        x = self.tokens(tokens) + self.positions.weight[position : position + T]  # (B, T, C)
        x = self.drop(x)
        for layer, block in enumerate(self.blocks):
            x = block(x, cache, layer, position)
        return self.norm(x)

    def forward(self, tokens: Tensor, cache: Cache | None = None, position: int = 0) -> Tensor:
        """Logits (B, T, V): row t scores the token after ``tokens[:, t]``."""
        return self.head(self.hidden(tokens, cache, position))

    def new_cache(self, batch: int = 1) -> Cache:
        """An empty cache in the dtype and on the device of the embeddings."""
        weight = self.positions.weight
        return Cache(self.config, batch, weight.dtype, weight.device)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def _drop_head(module: nn.Module, state: dict[str, Tensor], prefix: str, _: Any) -> None:
    """The tied matrix is stored once."""
    state.pop(prefix + "head.weight", None)


def _restore_head(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    if prefix + "tokens.weight" in state:
        state[prefix + "head.weight"] = state[prefix + "tokens.weight"]


def build(config: Mapping[str, Any]) -> GPT:
    """The model of a checkpoint's or preset's ``config``."""
    return GPT(GPTConfig(**config))
