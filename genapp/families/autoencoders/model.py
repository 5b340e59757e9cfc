"""Autoencoders: a picture goes through a few numbers and comes back.

Three nets, each of which is an autoencoder or, with ``variational``, a VAE:

- ``deep``  784-256-128-z-128-256-784, ReLU, the classic undercomplete autoencoder;
- ``wide``  784-392-z-392-784: one hidden layer of half the pixels on either side;
- ``conv``  3×3 convolutions 32/64/64/64 with strides 1, 2, 2, 1 (Foster, *Generative Deep
  Learning*, ch. 3) and their transposed mirror.

The variational twin differs in one thing: the encoder's last layer gives μ *and* ln σ².
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

SIDE = 28
PIXELS = SIDE * SIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The net, and what it was trained to do (kept with the weights, since it explains them)."""

    net: str = "wide"  # deep | wide | conv
    z: int = 2  # length of the code
    variational: bool = False
    b: float = 0.0  # weight of the KL term, in L = Σ_pixels (x − x̂)² + b·KL
    noise: float = 0.0  # σ ~ U(0, noise) of Gaussian noise on the input, the target staying clean
    left_out: int = -1  # a digit class withheld from training; −1 = none

    def __post_init__(self) -> None:
        if self.net not in {"deep", "wide", "conv"}:
            raise ValueError(f"net is {self.net!r}: choose deep, wide or conv")
        if not 1 <= self.z <= PIXELS:
            raise ValueError(f"z is {self.z}: choose a code length from 1 to {PIXELS}")
        if self.b < 0 or self.noise < 0:
            raise ValueError(f"b is {self.b:g} and noise {self.noise:g}: neither may be negative")


class Autoencoder(nn.Module):
    """``encode`` → code, ``decode`` → picture; pixels are in 0…1, pictures are (B, 28, 28)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        coders = {"deep": deep, "wide": wide, "conv": conv}[config.net]
        self.encoder, self.decoder = coders(config.z, config.z * (1 + config.variational))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, 28, 28) → μ (B, z) and ln σ² (B, z), the latter None for a plain autoencoder."""
        code = self.encoder(x.unsqueeze(1))
        if not self.config.variational:
            return code, None
        mu, logvar = code.chunk(2, dim=1)
        return mu, logvar

    def decode(self, z: Tensor) -> Tensor:
        """(B, z) → (B, 28, 28). The dense nets have no output activation: clamp before showing."""
        return self.decoder(z).view(-1, SIDE, SIDE)

    def forward(
        self, x: Tensor, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Reconstruction, μ, ln σ². ``noise`` (B, z) ~ N(0, I) moves the code to μ + σ·noise."""
        mu, logvar = self.encode(x)
        z = mu if noise is None or logvar is None else mu + torch.exp(0.5 * logvar) * noise
        return self.decode(z), mu, logvar


def build(config: Mapping[str, Any]) -> Autoencoder:
    """The model a checkpoint's JSON describes."""
    return Autoencoder(Config(**config))


def mlp(*widths: int) -> list[nn.Module]:
    """Linear layers between ``widths``, ReLU between them and none after the last."""
    layers: list[nn.Module] = []
    for i, (n, m) in enumerate(pairwise(widths)):
        layers += [nn.ReLU(), nn.Linear(n, m)] if i else [nn.Linear(n, m)]
    return layers


def deep(z: int, heads: int) -> tuple[nn.Module, nn.Module]:
    """Encoder to ``heads`` numbers, decoder from ``z``: 469,010 parameters at z 2."""
    encoder = nn.Sequential(nn.Flatten(), *mlp(PIXELS, 256, 128, heads))
    return encoder, nn.Sequential(*mlp(z, 128, 256, PIXELS))


def wide(z: int, heads: int, pixels: int = PIXELS) -> tuple[nn.Module, nn.Module]:
    """One hidden layer of half the pixels: 618,580 parameters as a VAE at z 2."""
    encoder = nn.Sequential(nn.Flatten(), *mlp(pixels, pixels // 2, heads))
    return encoder, nn.Sequential(*mlp(z, pixels // 2, pixels))


def conv(z: int, heads: int) -> tuple[nn.Module, nn.Module]:
    """28→28→14→7→7 and back: 98,946 + 102,017 parameters at z 2, 105,220 + 102,017 as a VAE."""
    channels, strides = (32, 64, 64, 64), (1, 2, 2, 1)
    down: list[nn.Module] = []
    for n, m, stride in zip((1, *channels), channels, strides, strict=False):
        down += [nn.Conv2d(n, m, 3, stride, padding=1), nn.LeakyReLU(0.3)]
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(64 * 7 * 7, heads))

    up: list[nn.Module] = [nn.Linear(z, 64 * 7 * 7), nn.Unflatten(1, (64, 7, 7))]
    for n, m, stride in zip((64, 64, 64, 32), (64, 64, 32, 1), strides, strict=True):
        up += [
            nn.ConvTranspose2d(n, m, 3, stride, padding=1, output_padding=stride - 1),
            nn.LeakyReLU(0.3),
        ]
    return encoder, nn.Sequential(*up[:-1], nn.Sigmoid())
