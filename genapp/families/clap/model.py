"""CLAP: a sound encoder and a caption encoder that meet in one space (Wu et al. 2023; Radford et
al. 2021 for pictures).

    log-mel (B, T, 64) ─ CNN ─ mean & max over time ─ linear ─┐
                                                              ├─ unit vectors, cos · e^s
    word ids (B, L) ─ embedding ─ GRU ─ last state ─ linear ──┘

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClapConfig:
    """Widths of both encoders."""

    vocab: int  # words, with padding and unknown
    channels: tuple[int, ...] = (16, 32, 64, 96)
    temporal: int = 160  # channels after the frequency axis is folded in
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
    """Four convolutions halve the frequency axis to 4; two more listen along time."""

    def __init__(self, config: ClapConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 1
        for i, channels in enumerate(config.channels):
            stride = (2, 2) if i < 1 else (2, 1)  # (frequency, time): 20 ms frames from here on
            layers += [
                nn.Conv2d(width, channels, 5 if i == 0 else 3, stride, 2 if i == 0 else 1),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
            width = channels
        self.picture = nn.Sequential(*layers)
        self.fold = nn.Conv1d(width * BANDS // 16, config.temporal, 3, stride=2, padding=1)
        self.time = nn.ModuleList(
            nn.Conv1d(config.temporal, config.temporal, 3, padding=d, dilation=d) for d in (2, 5)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(config.temporal) for _ in range(3))
        self.out = nn.Linear(2 * config.temporal, config.joint)

    def forward(self, mel: Tensor) -> Tensor:
        """Decibels (B, T, 64) → unit vectors (B, D). Loudness doesn't matter."""
        top = mel.amax((1, 2), keepdim=True)
        x = (mel - top).clamp(min=-RANGE) / (RANGE / 2) + 1  # −1…1
        x = self.picture(x.transpose(1, 2)[:, None])  # (B, C, 4, T/2)
        x = self.norms[0](self.fold(x.flatten(1, 2))).relu()  # (B, C, T/4)
        for convolve, norm in zip(self.time, self.norms[1:], strict=True):
            x = x + norm(convolve(x)).relu()
        return F.normalize(self.out(torch.cat([x.mean(2), x.amax(2)], dim=1)), dim=1)


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
