"""Samples and captions of a loaded model as unit vectors, whichever CLAP it is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genapp.families.clap import words
from genapp.families.clap.htsat import HubClap, ten_seconds
from genapp.families.clap.mel import log_mel
from genapp.families.clap.pretrained import TOKENIZER
from genapp.service import Loaded

Floats = NDArray[np.float32]
LONGEST = 77  # tokens of a caption for LAION's model


@torch.no_grad()
def hear(loaded: Loaded, samples: Floats) -> Floats:
    """Samples (n,) at 48 kHz → a unit vector (D,)."""
    if isinstance(loaded.model, HubClap):
        samples = ten_seconds(samples)
    mel = torch.from_numpy(log_mel(samples))[None].to(loaded.device)
    return _sound(loaded.model, mel)


def _sound(model: Any, mel: torch.Tensor) -> Floats:
    return model.sound(mel)[0].float().cpu().numpy()  # type: ignore[no-any-return]


@torch.no_grad()
def read(loaded: Loaded, captions: Sequence[str]) -> Floats:
    """Captions → unit vectors (N, D)."""
    ids = torch.from_numpy(_ids(loaded, captions)).to(loaded.device)
    model: Any = loaded.model
    return model.caption(ids).float().cpu().numpy()  # type: ignore[no-any-return]


def strangers(loaded: Loaded, caption: str) -> list[str]:
    """Words the model never met; a byte tokenizer knows them all."""
    if isinstance(loaded.model, HubClap):
        return []
    return words.strangers(caption, _vocabulary(loaded))


def _ids(loaded: Loaded, captions: Sequence[str]) -> NDArray[np.int64]:
    if not isinstance(loaded.model, HubClap):
        return words.encode(captions, _vocabulary(loaded))
    if "tokenizer" not in loaded.memo:
        from tokenizers import Tokenizer

        loaded.memo["tokenizer"] = Tokenizer.from_str(loaded.files[TOKENIZER].decode())
    rows = [loaded.memo["tokenizer"].encode(c).ids[:LONGEST] for c in captions]
    out = np.full((len(rows), max(map(len, rows))), loaded.model.pad, np.int64)
    for row, ids in zip(out, rows, strict=True):
        row[: len(ids)] = ids
    return out


def _vocabulary(loaded: Loaded) -> dict[str, int]:
    if "words" not in loaded.memo:
        loaded.memo["words"] = words.load(loaded.files[words.FILE])
    return loaded.memo["words"]  # type: ignore[no-any-return]
