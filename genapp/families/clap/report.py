"""How good a CLAP is: zero-shot accuracy, retrieval both ways, and the map of its joint space."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genapp.data import sounds
from genapp.data.sound_captions import THINGS, plain
from genapp.data.sounds import Combination
from genapp.families.clap import words
from genapp.families.clap.mel import log_mel

MAP = "map.json"
NAMES = {kind: f"sound of a {things[0]}" for kind, things in THINGS.items()}
VALIDATION_SEED, TEST_SEED = 0, 100_000  # sounds of training begin at a million

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Test:
    """Sounds to be judged by: ``what[i]`` made ``mels[i]``."""

    what: tuple[Combination, ...]
    mels: Floats  # (N, T, 64)

    @classmethod
    def of(cls, what: Sequence[Combination], each: int, seed: int = VALIDATION_SEED) -> "Test":
        """``each`` sounds of every combination."""
        rows = [(w, seed + i) for i in range(each) for w in what]
        mels = [log_mel(sounds.synthesise(w, s)) for w, s in rows]
        return cls(tuple(w for w, _ in rows), np.stack(mels))


@torch.no_grad()
def hear(model: Any, mels: Floats) -> Floats:
    """Pictures (N, T, 64) → unit vectors (N, D)."""
    device = next(model.parameters()).device
    parts = [model.sound(chunk.to(device)).float().cpu() for chunk in _chunks(mels)]
    return torch.cat(parts).numpy()  # type: ignore[no-any-return]


@torch.no_grad()
def read(model: Any, texts: Sequence[str], ids: Mapping[str, int]) -> Floats:
    """Captions → unit vectors (N, D)."""
    device = next(model.parameters()).device
    found = torch.from_numpy(words.encode(texts, ids)).to(device)
    return model.caption(found).float().cpu().numpy()  # type: ignore[no-any-return]


def _chunks(mels: Floats) -> tuple[Tensor, ...]:
    return torch.from_numpy(mels).split(64)


def evaluate(model: Any, test: Test, ids: Mapping[str, int]) -> dict[str, float]:
    """On fresh sounds of *seen* combinations: these numbers choose the weights.

    ``val_loss`` is the cross-entropy of the right caption among all 63 at the learned temperature;
    ``val_top1`` how often it comes first, ``val_kind`` how often its kind does.
    """
    heard = hear(model, test.mels)
    logits = float(model.scale) * heard @ read(model, [plain(c) for c in sounds.ALL], ids).T
    right = np.array([sounds.ALL.index(w) for w in test.what])
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return {
        "val_loss": float(-log_p[np.arange(len(right)), right].mean()),
        "val_top1": float((logits.argmax(1) == right).mean()),
        "val_kind": _kind_accuracy(model, heard, test.what, ids),
    }


def _kind_accuracy(
    model: Any, heard: Floats, what: Sequence[Combination], ids: Mapping[str, int]
) -> float:
    close = heard @ read(model, list(NAMES.values()), ids).T
    return float(np.mean([list(NAMES)[i] == w.kind for i, w in zip(close.argmax(1), what)]))  # noqa: B905


def finish(
    model: Any, ids: Mapping[str, int], each: int
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The card's numbers on combinations training never met, and the map's file."""
    test = Test.of(sounds.UNSEEN, each, TEST_SEED)
    captions = read(model, [plain(c) for c in sounds.ALL], ids)
    heard = hear(model, test.mels)
    right = np.array([sounds.ALL.index(w) for w in test.what])
    best = (heard @ captions.T).argmax(1)
    metrics: dict[str, Any] = {
        "unseen_top1_of_63": float((best == right).mean()),
        "unseen_kind_top1_of_7": _kind_accuracy(model, heard, test.what, ids),
        "unseen_sounds": len(right),
        "chance_of_63": 1 / len(sounds.ALL),
        "temperature": 1 / float(model.scale),
    }
    gallery = Test.of(sounds.ALL, max(1, each // 4), TEST_SEED + 50_000)
    found = hear(model, gallery.mels)
    metrics["retrieval"] = retrieval(found, captions)
    return metrics, {MAP: _map(found, captions, gallery.what)}


def retrieval(heard: Floats, captions: Floats) -> dict[str, float]:
    """Recall at 1 and 5 with one sound of each combination at a time, the mean over the rounds."""
    n = len(captions)
    close = np.stack([part @ captions.T for part in heard.reshape(-1, n, heard.shape[1])])
    own = np.diagonal(close, axis1=1, axis2=2)  # (rounds, n)
    ranks = {
        "sound_to_caption": (close > own[:, :, None]).sum(2),
        "caption_to_sound": (close > own[:, None, :]).sum(1),
    }
    return {
        f"{way}_at_{k}": float((rank < k).mean()) for way, rank in ranks.items() for k in (1, 5)
    }


def _map(heard: Floats, captions: Floats, what: Sequence[Combination]) -> bytes:
    """Two planes with everything in them: between the kinds' means, and of the widest spread.

    Both are principal axes; pitch and tempo spread the vectors more than the kind does.
    """
    heard, what = heard[: 3 * len(captions)], what[: 3 * len(captions)]
    both = np.concatenate([heard, captions])
    middle = both.mean(0)
    kinds = [w.kind for w in (*what, *sounds.ALL)]
    means = np.stack([both[[k == kind for k in kinds]].mean(0) for kind in sounds.KINDS])
    planes = {}
    for name, cloud in (("kinds", means), ("widest", both)):
        axes = np.linalg.svd(cloud - cloud.mean(0), full_matrices=False)[2][:2]
        flat = (both - middle) @ axes.T
        rows = [[_short(x), _short(y)] for x, y in flat]
        planes[name] = {
            "axes": [[*map(_short, axis)] for axis in axes],
            "kept": _short(flat.var(0).sum() / both.var(0).sum()),
            "sounds": rows[: len(heard)],
            "captions": rows[len(heard) :],
        }
    told = {
        "sounds": [[plain(w), w.kind] for w in what],
        "captions": [[plain(w), w.kind] for w in sounds.ALL],
    }
    return json.dumps({"mean": [*map(_short, middle)], "planes": planes, "told": told}).encode()


def _short(x: float) -> float:
    return round(float(x), 5)


def preview(model: Any, test: Test, ids: Mapping[str, int]) -> NDArray[np.uint8]:
    """Sounds against captions as grey values: a bright diagonal is what training wants."""
    n = min(len(test.what), 49)
    close = hear(model, test.mels[:n]) @ read(model, [plain(w) for w in test.what[:n]], ids).T
    picture = np.rint(255 * (close.clip(-1, 1) + 1) / 2).astype(np.uint8)
    return picture.repeat(6, 0).repeat(6, 1)
