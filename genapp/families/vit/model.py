"""ViT: a transformer over the patches of a picture (Dosovitskiy et al. 2020).

Pictures in, class scores out. Read from leaf to trunk: attention, MLP, block, model. Shapes use
B batch, N patches, T = N + 1 tokens (+ 2 with DeiT's distillation token), C width, H heads,
D = C / H.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POSITIONS = ("learned", "sincos", "rotary", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class ViTConfig:
    """Size of a ViT. Raises ``ValueError`` for a combination that cannot be built."""

    image: int = 32  # pixels of a side
    patch: int = 4
    width: int = 192
    layers: int = 6
    heads: int = 3
    mlp: int = 768
    classes: int = 10
    channels: int = 3
    positions: str = "learned"  # added after the class token is put in front
    pool: str = "class"  # what the head reads: the class token, or the mean of the patches
    distilled: bool = False  # DeiT's second token and head (Touvron et al. 2021)
    drop_path: float = 0.0  # of the last block; grows linearly from 0

    def __post_init__(self) -> None:
        if self.image % self.patch:
            raise ValueError(f"image {self.image} does not divide into patches of {self.patch}")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} does not divide into {self.heads} heads")
        if self.positions not in POSITIONS:
            raise ValueError(f"positions is {self.positions!r}: choose one of {POSITIONS}")
        if self.positions in ("sincos", "rotary") and self.width // self.heads % 4:
            raise ValueError(f"{self.positions} needs heads of a width divisible by 4")
        if self.pool not in ("class", "mean"):
            raise ValueError(f"pool is {self.pool!r}: choose class or mean")

    @property
    def side(self) -> int:
        """Patches along a side."""
        return self.image // self.patch

    @property
    def extra(self) -> int:
        """Tokens in front of the patches."""
        return 2 if self.distilled else 1


class Attention(nn.Module):
    """Every token looks at every token."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)

    def project(self, x: Tensor, turn: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (B, H, T, D); ``turn`` (T, D) holds the rotary angles."""
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        return (q, k, v) if turn is None else (rotate(q, turn), rotate(k, turn), v)

    def forward(self, x: Tensor, turn: Tensor | None = None) -> Tensor:
        y = F.scaled_dot_product_attention(*self.project(x, turn))
        return self.out(y.transpose(1, 2).reshape(x.shape))


class Block(nn.Module):
    """Pre-norm: each half adds its correction; in training a picture may skip either."""

    def __init__(self, config: ViTConfig, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width, eps=1e-6)
        self.attention = Attention(config)
        self.norm2 = nn.LayerNorm(config.width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(config.width, config.mlp), nn.GELU(), nn.Linear(config.mlp, config.width)
        )
        self.drop_path = drop_path

    def forward(self, x: Tensor, turn: Tensor | None = None) -> Tensor:
        x = x + self._maybe(self.attention(self.norm1(x), turn))
        return x + self._maybe(self.mlp(self.norm2(x)))  # (B, T, C)

    def _maybe(self, y: Tensor) -> Tensor:
        """Stochastic depth (Huang et al. 2016)."""
        if not self.training or not self.drop_path:
            return y
        kept = torch.rand(len(y), 1, 1, device=y.device) >= self.drop_path
        return y * kept / (1 - self.drop_path)


class ViT(nn.Module):
    """The whole model."""

    turn: Tensor | None  # rotary angles (T, D)

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        tokens = config.side**2 + config.extra
        self.patches = nn.Conv2d(config.channels, config.width, config.patch, config.patch)
        self.front = nn.Parameter(torch.zeros(config.extra, config.width))  # class, distillation
        if config.positions == "learned":
            self.positions: Tensor = nn.Parameter(torch.zeros(tokens, config.width))
            nn.init.trunc_normal_(self.positions, std=0.02)
        elif config.positions == "sincos":
            grid = torch.cat(
                [angles(config, config.width).sin(), angles(config, config.width).cos()], 1
            )
            table = torch.cat([torch.zeros(config.extra, config.width), grid])
            self.register_buffer("positions", table, persistent=False)
        rotary = config.positions == "rotary"
        turn = angles(config, config.width // config.heads).repeat_interleave(2, 1)  # (N, D)
        turn = torch.cat([torch.zeros(config.extra, turn.shape[1]), turn])
        self.register_buffer("turn", turn if rotary else None, persistent=False)
        rate = config.drop_path / max(1, config.layers - 1)
        self.blocks = nn.ModuleList(Block(config, rate * i) for i in range(config.layers))
        self.norm = nn.LayerNorm(config.width, eps=1e-6)
        self.head = nn.Linear(config.width, config.classes)
        self.distilled_head = nn.Linear(config.width, config.classes) if config.distilled else None
        self.apply(_initialise)
        nn.init.trunc_normal_(self.front, std=0.02)

    def embed(self, x: Tensor) -> Tensor:
        """Tokens (B, T, C) of pictures (B, 3, S, S): front tokens, then patches row by row."""
        patches = self.patches(x).flatten(2).transpose(1, 2)  # (B, N, C)
        x = torch.cat([self.front.expand(len(x), -1, -1), patches], 1)
        return x + self.positions if self.config.positions in ("learned", "sincos") else x

    def read(self, x: Tensor) -> Tensor:
        """Scores (B, K) from the last residual stream (B, T, C)."""
        x = self.norm(x)
        if self.config.pool == "mean":
            return self.head(x[:, self.config.extra :].mean(1))
        scores = self.head(x[:, 0])
        if self.distilled_head is None:
            return scores
        return (scores + self.distilled_head(x[:, 1])) / 2

    def forward(self, x: Tensor) -> Tensor:
        """Class scores (B, K) of pictures (B, 3, S, S), normalised as in training."""
        x = self.embed(x)
        for block in self.blocks:
            x = block(x, self.turn)
        return self.read(x)


def angles(config: ViTConfig, width: int) -> Tensor:
    """Angles (N, width / 2) of the patches: rows in the first half, columns in the second.

    Frequencies fall from 1 to 1/10,000 (Vaswani et al. 2017, in two dimensions).
    """
    rate = 10_000 ** -(torch.arange(width // 4) / (width // 4))  # (width / 4,)
    at = torch.arange(config.side).float()
    row, column = torch.meshgrid(at, at, indexing="ij")
    return torch.cat([p.reshape(-1, 1) * rate for p in (row, column)], 1)


def rotate(x: Tensor, turn: Tensor) -> Tensor:
    """Turns each pair of ``x`` (B, H, T, D) by its angle in ``turn`` (T, D) (Su et al. 2021)."""
    left, right = x[..., 0::2], x[..., 1::2]
    across = torch.stack([-right, left], -1).flatten(-2)
    return x * turn.cos() + across * turn.sin()


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def build(config: Mapping[str, Any]) -> ViT:
    """The model of a checkpoint's or preset's ``config``."""
    return ViT(ViTConfig(**config))
