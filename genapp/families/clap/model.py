"""CLAP: a sound encoder and a caption encoder that meet in one space (Wu et al. 2023; Radford et
al. 2021 for pictures).

    log-mel (B, T, 64) ─┬ CNN ─ pool over loud moments ─ linear ┐
                        └ modulation spectrum ─ MLP ─────────── + ┐
                                                                  ├─ unit vectors, cos · e^s
    word ids (B, L) ─ embedding ─ GRU ─ last state ─ linear ──────┘

B batch, T frames of 10 ms, L words, D joint dimension.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PAD, UNKNOWN = 0, 1  # word ids
BANDS = 64
RANGE = 80.0  # dB below a clip's loudest spot that still count
FRAMES = 100.0  # a second
FOCUS = 8.0  # how much more a loud moment counts: e^8 from the loudest to 40 dB below
MODULATIONS = tuple(0.7 * 1.09**i for i in range(38))  # 0.7 to 17 Hz, where beats and words lie


@dataclass(frozen=True, slots=True, kw_only=True)
class ClapConfig:
    """Widths of both encoders."""

    vocab: int  # words, with padding and unknown
    channels: tuple[int, ...] = (16, 32, 64, 96)
    pieces: int = 192  # features of a short piece, after the frequency axis is folded in
    rhythm: int = 96  # hidden units behind the modulation spectrum
    word: int = 64
    gru: int = 128
    joint: int = 128
    temperature: float = 0.07  # at the start; learned

    def __post_init__(self) -> None:
        if self.vocab < 3:
            raise ValueError(f"vocab is {self.vocab}: give at least one word beside the two marks")
        if len(self.channels) != 4:
            raise ValueError(f"channels are {self.channels}: give four, one per halving")
        if not 0 < self.temperature <= 1:
            raise ValueError(f"temperature is {self.temperature}: give a number above 0, up to 1")


class SoundEncoder(nn.Module):
    """What sounds, and how often: two ears whose vectors are added.

    The first looks at pieces of 130 ms and pools over the loud ones, so it can't count events. The
    second sees only when loudness rises, so it can't tell a bird from a drum. A fast low bird is
    then the sum of two things it knows, even if it never met one.
    """

    def __init__(self, config: ClapConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 1
        for i, channels in enumerate(config.channels):
            kernel = ((5, 5), (3, 3), (3, 3), (3, 1))[i]  # (frequency, time)
            stride = (2, 2) if i == 0 else (2, 1)  # 20 ms frames from here on
            padding = (kernel[0] // 2, kernel[1] // 2)
            layers += [
                nn.Conv2d(width, channels, kernel, stride, padding),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
            width = channels
        self.picture = nn.Sequential(*layers)
        self.fold = nn.Conv1d(width * BANDS // 16, config.pieces, 1)
        self.norm = nn.BatchNorm1d(config.pieces)
        self.what = nn.Linear(2 * config.pieces, config.joint)
        self.how_often = nn.Sequential(
            nn.LayerNorm(2 * len(MODULATIONS)),
            nn.Linear(2 * len(MODULATIONS), config.rhythm),
            nn.ReLU(),
            nn.Linear(config.rhythm, config.joint),
        )

    def forward(self, mel: Tensor) -> Tensor:
        """Decibels (B, T, 64) → unit vectors (B, D). Loudness doesn't matter."""
        top = mel.amax((1, 2), keepdim=True)
        x = (mel - top).clamp(min=-RANGE) / (RANGE / 2) + 1  # −1…1
        return F.normalize(self.what(self.pieces(x)) + self.how_often(modulation(x)), dim=1)

    def pieces(self, x: Tensor) -> Tensor:
        """Mean over loud moments, and maximum: (B, T, 64) → (B, 2C)."""
        seen = self.picture(x.transpose(1, 2)[:, None])  # (B, C, 4, T/2)
        seen = self.norm(self.fold(seen.flatten(1, 2))).relu()  # (B, C, T/2)
        loud = F.interpolate(x.amax(2)[:, None], seen.shape[2], mode="linear")
        weight = (FOCUS * loud).softmax(2)  # (B, 1, T/2)
        return torch.cat([(weight * seen).sum(2), seen.amax(2)], dim=1)


def modulation(x: Tensor) -> Tensor:
    """How strongly the onsets and the loudness of (B, T, 64) pulse at each of M rates: (B, 2M).

    A Fourier transform at fixed rates, so that any length of sound gives the same numbers
    (the modulation spectrum of Greenberg & Kingsbury 1997).
    """
    onsets = F.pad(x.diff(dim=1).relu().mean(2), (1, 0))  # (B, T)
    both = torch.stack([onsets, x.mean(2)], dim=1)  # (B, 2, T)
    window = torch.hann_window(x.shape[1], periodic=False, device=x.device, dtype=x.dtype)
    both = (both - both.mean(2, keepdim=True)) * window
    t = torch.arange(x.shape[1], device=x.device, dtype=x.dtype) / FRAMES
    angle = 2 * math.pi * t[:, None] * torch.tensor(MODULATIONS, device=x.device, dtype=x.dtype)
    power = (both @ angle.cos()) ** 2 + (both @ angle.sin()) ** 2  # (B, 2, M)
    return (power / (power.sum(2, keepdim=True) + 1e-9) + 1e-4).log().flatten(1)


class CaptionEncoder(nn.Module):
    """A GRU over the words; its state after the last one is the caption."""

    def __init__(self, config: ClapConfig) -> None:
        super().__init__()
        self.words = nn.Embedding(config.vocab, config.word, padding_idx=PAD)
        self.gru = nn.GRU(config.word, config.gru, batch_first=True)
        self.out = nn.Linear(config.gru, config.joint)

    def forward(self, ids: Tensor) -> Tensor:
        """Word ids (B, L), padded at the end → unit vectors (B, D)."""
        states, _ = self.gru(self.words(ids))  # (B, L, H)
        last = (ids != PAD).sum(1).clamp(min=1) - 1
        return F.normalize(self.out(states[torch.arange(len(ids)), last]), dim=1)


class Clap(nn.Module):
    """Both encoders and the learned temperature."""

    def __init__(self, config: ClapConfig) -> None:
        super().__init__()
        self.config = config
        self.sound = SoundEncoder(config)
        self.caption = CaptionEncoder(config)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(config.temperature)))

    @property
    def scale(self) -> Tensor:
        """e^s, at most 100 as in CLIP: what a cosine is multiplied by before the softmax."""
        return self.log_scale.exp().clamp(max=100)

    def forward(self, mel: Tensor, ids: Tensor) -> Tensor:
        """Similarities (B sounds, B captions), already scaled."""
        return self.scale * self.sound(mel) @ self.caption(ids).T


def build(config: Mapping[str, Any]) -> nn.Module:
    """The model of a checkpoint's config: ours, or transformers' CLAP for one from the hub."""
    if "transformers" in config:
        from genapp.families.clap.htsat import HubClap

        return HubClap(config["transformers"])
    return Clap(
        ClapConfig(**{**config, "channels": tuple(config.get("channels", (16, 32, 64, 96)))})
    )
