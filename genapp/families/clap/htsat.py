"""LAION's CLAP through transformers: a Swin transformer (HTSAT) hears, RoBERTa reads.

Wu et al. 2023, *Large-scale contrastive language-audio pretraining*; the "unfused" variant, which
looks at ten seconds.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

TEN_SECONDS = 480_000  # samples at 48 kHz


class HubClap(nn.Module):
    """The same three doors as :class:`genapp.families.clap.model.Clap`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        from transformers import ClapConfig, ClapModel

        known: Any = ClapConfig.from_dict(dict(config))
        self.clap = ClapModel(known)
        self.pad = int(known.text_config.pad_token_id)
        if known.audio_config.enable_fusion:
            raise ValueError("enable_fusion is true: only the unfused variant is supported")

    @property
    def scale(self) -> Tensor:
        """What a cosine is multiplied by, seen from the sounds."""
        return self.clap.logit_scale_a.exp()

    def sound(self, mel: Tensor) -> Tensor:
        """Decibels (B, 1001, 64) → unit vectors (B, D)."""
        found = self.clap.get_audio_features(input_features=mel[:, None])
        return F.normalize(getattr(found, "pooler_output", found), dim=-1)

    def caption(self, ids: Tensor) -> Tensor:
        """Token ids (B, L) → unit vectors (B, D)."""
        mask = (ids != self.pad).long()
        found = self.clap.get_text_features(input_ids=ids, attention_mask=mask)
        return F.normalize(getattr(found, "pooler_output", found), dim=-1)

    def forward(self, mel: Tensor, ids: Tensor) -> Tensor:
        """Similarities (B sounds, B captions), already scaled."""
        return self.scale * self.sound(mel) @ self.caption(ids).T


def ten_seconds(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """A short sound repeated as often as it fits wholly, then silence; a long one cut."""
    whole = np.tile(samples, max(1, TEN_SECONDS // len(samples)))[:TEN_SECONDS]
    return np.pad(whole, (0, TEN_SECONDS - len(whole)))
