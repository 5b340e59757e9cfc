"""How a ViT learns: AdamW, a cosine, and pictures that never look the same twice.

Flips, crops, erased rectangles and mixtures of two pictures replace the data that a network
without built-in locality lacks (Touvron et al. 2021).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genapp.data import cifar, fashion
from genapp.errors import UserError
from genapp.families.vit.model import ViT, build
from genapp.families.vit.pictures import scaled
from genapp.families.vit.spec import PRESETS
from genapp.trainer.loop import Losses, Shuffler, Task, TrainConfig

HELD_OUT = 2_000  # of the training pictures: for choosing the best weights, never for the card
SMOOTHING = 0.1
MIXED, ERASED = 0.5, 0.25  # share of pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """uint8 pictures (N, S, S, 3) and labels (N,) in three parts, with the card's data entry."""

    train: tuple[np.ndarray, np.ndarray]
    held: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    classes: tuple[str, ...]
    card: dict[str, str]


def recipe(preset: str, config: TrainConfig, data: Path | None = None) -> Task:
    """The training task of ``preset``. Raises :class:`UserError` when its pictures can't be had."""
    if data is not None:
        raise UserError("A ViT needs labelled pictures", "train it on its own data set.")
    torch.manual_seed(config.seed)
    model = build(PRESETS[preset].config)
    pictures = _pictures(preset)

    def losses(net: nn.Module, batch: tuple[Tensor, Tensor]) -> Losses:
        x, target = batch  # (B, 3, S, S), (B, K)
        scores = net(x).float()
        return {"loss": F.cross_entropy(scores, target, label_smoothing=SMOOTHING)}

    return Task(
        model=model,
        optimizers={"model": optimizer(model, config.lr)},
        batch=_batches(pictures, model.config.classes, config),
        losses=losses,
        evaluate=lambda net: _prefixed("val", accuracy(net, *pictures.held)),  # type: ignore[arg-type]
        score="val_loss",
        family="vit",
        preset=preset,
        config=PRESETS[preset].config,
        data=[pictures.card],
        about=PRESETS[preset].about,
        finish=lambda net: (_card(net, pictures), {}),  # type: ignore[arg-type]
    )


def optimizer(model: nn.Module, lr: float) -> torch.optim.Optimizer:
    """AdamW; only matrices decay."""
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr)


def _pictures(preset: str) -> Labelled:
    if preset == "micro":
        whole, cut = cifar.stand_in(), 480
        card = {
            "name": "photographs",
            "licence": cifar.STAND_IN_LICENCE,
            "source": cifar.STAND_IN_SOURCE,
        }
        parts = [(whole.images[s], whole.labels[s]) for s in (slice(cut), slice(cut, None))]
        return Labelled(
            train=parts[0], held=parts[1], test=parts[1], classes=("China", "flower"), card=card
        )
    if preset == "vit-fashion":
        sets = [fashion.load(split) for split in ("train", "test")]
        images = [np.repeat(s.images[..., None], 3, -1) for s in sets]  # grey in three channels
        card = {"name": "Fashion-MNIST", "licence": fashion.LICENCE, "source": fashion.SOURCE}
        return _split(images, [s.labels for s in sets], fashion.CLASSES, card)
    both = [cifar.load(split) for split in ("train", "test")]
    card = {"name": cifar.NAME, "licence": cifar.LICENCE, "source": cifar.SOURCE}
    return _split([s.images for s in both], [s.labels for s in both], cifar.CLASSES, card)


def _split(
    images: list[np.ndarray], labels: list[np.ndarray], classes: tuple[str, ...], card: dict
) -> Labelled:
    order = np.random.default_rng(0).permutation(len(labels[0]))
    held, train = order[:HELD_OUT], order[HELD_OUT:]
    return Labelled(
        train=(images[0][train], labels[0][train]),
        held=(images[0][held], labels[0][held]),
        test=(images[1], labels[1]),
        classes=classes,
        card=card,
    )


def _batches(pictures: Labelled, classes: int, config: TrainConfig) -> Any:
    """batch(k) → (pictures (B, 3, S, S), soft labels (B, K)); both follow from (seed, k)."""
    images, labels = pictures.train
    shuffler = Shuffler(len(labels), config.batch, config.seed)

    def batch(k: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((config.seed, k))
        rows = shuffler(k).numpy()
        x = torch.from_numpy(scaled(varied(images[rows], rng)))
        target = F.one_hot(torch.from_numpy(labels[rows].astype(np.int64)), classes).float()
        return mixed(x, target, rng)

    return batch


def varied(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each picture (B, S, S, 3) flipped, moved by up to an eighth, or with a rectangle erased."""
    side = x.shape[1]
    margin = side // 8
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    out = np.empty_like(x)
    for i, (dy, dx) in enumerate(rng.integers(0, 2 * margin + 1, (len(x), 2))):
        crop = padded[i, dy : dy + side, dx : dx + side]
        out[i] = crop[:, ::-1] if rng.random() < 0.5 else crop
        if rng.random() < ERASED:
            h, w = rng.integers(side // 8, side // 2, 2)
            y, x0 = rng.integers(0, side - h), rng.integers(0, side - w)
            out[i, y : y + h, x0 : x0 + w] = rng.integers(0, 256, (h, w, x.shape[3]))
    return out


def mixed(x: Tensor, target: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al. 2018): a share of the pictures is blended with others of the batch."""
    share = rng.beta(0.8, 0.8, len(x)).astype(np.float32)
    share[rng.random(len(x)) >= MIXED] = 1
    s = torch.from_numpy(share)
    other = torch.from_numpy(rng.permutation(len(x)))
    wide = s[:, None, None, None]
    return wide * x + (1 - wide) * x[other], s[:, None] * target + (1 - s)[:, None] * target[other]


@torch.no_grad()
def accuracy(model: ViT, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Share of pictures named right, and cross-entropy in nats."""
    device = next(model.parameters()).device
    right, nats = 0, 0.0
    for i in range(0, len(labels), 500):
        x = torch.from_numpy(scaled(images[i : i + 500])).to(device)
        y = torch.from_numpy(labels[i : i + 500].astype(np.int64)).to(device)
        scores = model(x).float()
        right += int((scores.argmax(1) == y).sum())
        nats += float(F.cross_entropy(scores, y, reduction="sum"))
    return {"loss": nats / len(labels), "accuracy": right / len(labels)}


def _prefixed(prefix: str, found: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}_{name}": value for name, value in found.items()}


def _card(model: ViT, pictures: Labelled) -> dict[str, Any]:
    found = _prefixed("test", accuracy(model, *pictures.test))
    return {**found, "test_pictures": len(pictures.test[1]), "classes": list(pictures.classes)}
