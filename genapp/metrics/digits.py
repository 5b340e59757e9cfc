"""A small digit classifier whose 64 features and confidences judge generated digits.

Trained by our own trainer on MNIST. Its checkpoint also carries ``reference.safetensors``: the
statistics of real digits and a few pictures, so that a page can compare samples with real data on
a machine that holds no data set.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genapp import checkpoints
from genapp.data import mnist
from genapp.errors import UserError
from genapp.metrics import frechet
from genapp.metrics.neighbours import nearest, pair_distance
from genapp.trainer.loop import Losses, Shuffler, Task, TrainConfig, Trainer

FEATURES = 64
REFERENCE = "reference.safetensors"
HELD_OUT = 5_000  # of the training digits
COUNTS = (10, 30, 100, 300, 1000, 2000, 5000)  # sample counts with a measured real-data floor
TRAIN = TrainConfig(steps=2580, batch=128, lr=2e-3, clip=0.0, log_every=50, eval_every=430)
CARD = {"name": "MNIST", "licence": mnist.LICENCE, "source": mnist.SOURCE}


class DigitNet(nn.Module):
    """(B, 28, 28) in 0…1 → 10 logits; two 3×3 convolutions with pooling, then 64 features."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),  # (B, 16, 14, 14)
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),  # (B, 32, 7, 7)
            nn.Flatten(), nn.Dropout(0.25), nn.Linear(32 * 49, FEATURES), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(FEATURES, 10)

    def features(self, x: Tensor) -> Tensor:
        """(B, 28, 28) → (B, 64)."""
        return self.body(x.unsqueeze(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What real digits look like to the classifier; every field is an array of the checkpoint."""

    mean: NDArray  # (64,) features of the training digits
    cov: NDArray  # (64, 64)
    counts: NDArray  # (K,) sample counts …
    floors: NDArray  # (K,) … and the Fréchet distance of that many real test digits
    confidence: NDArray  # (1,) share of real test digits classified with > 0.9
    classes: NDArray  # (1,) effective classes of real test digits
    nearest: NDArray  # (101,) percentiles of the L2 distance test digit → training set
    pairs: NDArray  # (1,) mean L2 distance between two real digits
    eigenvalues: NDArray  # (784,) PCA of the training pixels in 0…1, largest first
    pca_mse: NDArray  # (65,) test MSE per pixel of PCA with 0…64 components

    def floor(self, count: int) -> float:
        """Fréchet distance that ``count`` real digits would score (interpolated in 1/count)."""
        x = 1 / self.counts[::-1]
        return float(np.interp(1 / count, x, self.floors[::-1]))


@dataclass(frozen=True, slots=True)
class Judge:
    """The trained classifier and its reference."""

    net: DigitNet
    reference: Reference

    @torch.no_grad()
    def look(self, images: NDArray[np.uint8]) -> tuple[NDArray, NDArray]:
        """uint8 (N, 28, 28) → features (N, 64) and class probabilities (N, 10)."""
        x = torch.from_numpy(np.ascontiguousarray(images)).float() / 255
        features = torch.cat([self.net.features(part) for part in x.split(1000)])
        return features.numpy(), self.net.head(features).softmax(1).numpy()


def effective_classes(p: NDArray) -> float:
    """exp of the entropy of the predicted classes; ``p`` (N, 10) → 1 (all alike) … 10."""
    share = np.bincount(p.argmax(1), minlength=p.shape[1]) / len(p)
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


def build(config: Mapping[str, Any]) -> DigitNet:
    """The classifier; it has no settings."""
    return DigitNet(**config)


@functools.cache
def judge() -> Judge:
    """The shipped classifier, loaded once. Raises :class:`UserError` if it is missing."""
    folder = checkpoints.find("metrics").get("digits")
    if folder is None:
        raise UserError("The digit classifier is missing", "fetch the checkpoints again.")
    from safetensors.numpy import load

    checkpoint = checkpoints.load(folder)
    net = build(checkpoint.meta.config)
    net.load_state_dict(checkpoint.tensors)
    arrays = load(checkpoint.files[REFERENCE])
    reference = Reference(**{f.name: arrays[f.name] for f in fields(Reference)})
    return Judge(net.eval().requires_grad_(False), reference)


def recipe(preset: str = "digits", config: TrainConfig = TRAIN, data: Path | None = None) -> Task:
    """How the classifier is trained: cross-entropy on MNIST."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = DigitNet()
    train, test = mnist.load("train"), mnist.load("test")
    images, labels = torch.from_numpy(train.images), torch.from_numpy(train.labels).long()
    held_out = len(images) - HELD_OUT  # chooses the best weights, so that the test set stays unseen
    shuffler = Shuffler(held_out, config.batch, config.seed)

    def batch(k: int) -> tuple[Tensor, Tensor]:
        i = shuffler(k)
        return images[i].float() / 255, labels[i]

    def losses(net: nn.Module, pair: tuple[Tensor, Tensor]) -> Losses:
        return {"loss": nn.functional.cross_entropy(net(pair[0]), pair[1])}

    def evaluate(net: nn.Module) -> dict[str, float]:
        device = next(net.parameters()).device
        parts = (images[held_out:].float() / 255).split(1000)
        guess = torch.cat([net(x.to(device)).argmax(1).cpu() for x in parts])
        return {"val_error": (guess != labels[held_out:]).float().mean().item()}

    return Task(
        model=model,
        optimizers={"model": torch.optim.Adam(model.parameters(), lr=config.lr)},
        batch=batch,
        losses=losses,
        evaluate=evaluate,
        score="val_error",
        family="metrics",
        preset=preset,
        config={},
        data=[CARD],
        about="Judges generated digits: 64 features for the Fréchet distance, ten confidences.",
        finish=lambda net: describe(net, train, test),  # type: ignore[arg-type]
    )


def train(folder: Path, config: TrainConfig = TRAIN) -> Path:
    """Trains (or resumes) the classifier in ``folder``; returns the checkpoint to ship."""
    trainer = Trainer(recipe(config=config), config, folder)
    trainer.resume()
    trainer.fit()
    trainer.finish()
    return folder / "best"


def describe(
    net: DigitNet, train: mnist.Digits, test: mnist.Digits
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Metrics and ``reference.safetensors`` of real digits, as ``net`` sees them."""
    from safetensors.numpy import save

    look = Judge(net.cpu(), None).look  # type: ignore[arg-type]
    (train_features, _), (features, p) = look(train.images), look(test.images)
    real = frechet.fit(train_features)
    apart, _ = nearest(test.images[:2000], train.images, k=1)
    values, pca_mse = pca(train.images, test.images)
    arrays = {
        "mean": real.mean,
        "cov": real.cov,
        "counts": np.array(COUNTS, np.float64),
        "floors": np.array([frechet.floor(features, real, min(n, len(p))) for n in COUNTS]),
        "confidence": np.array([(p.max(1) > 0.9).mean()]),
        "classes": np.array([effective_classes(p)]),
        "nearest": np.percentile(apart, np.arange(101)).astype(np.float32),
        "pairs": np.array([pair_distance(test.images[:500])]),
        "eigenvalues": values,
        "pca_mse": pca_mse,
    }
    metrics = {
        "test_accuracy": float((p.argmax(1) == test.labels).mean()),
        "confident_share": float(arrays["confidence"][0]),
        "effective_classes": float(arrays["classes"][0]),
        "frechet_test_vs_train": frechet.distance(frechet.fit(features), real),
        "nearest_p50": float(arrays["nearest"][50]),
        "nearest_p95": float(arrays["nearest"][95]),
        "pair_distance": float(arrays["pairs"][0]),
    }
    return metrics, {REFERENCE: save(arrays)}


def pca(train: NDArray, test: NDArray) -> tuple[NDArray, NDArray]:
    """Variances (784,) of the training pixels in 0…1, and test MSE of keeping 0…64 components."""
    x = train.reshape(len(train), -1).astype(np.float32) / 255
    mean = x.mean(0)
    values, vectors = np.linalg.eigh(np.cov(x, rowvar=False, dtype=np.float64))
    y = test.reshape(len(test), -1).astype(np.float32) / 255 - mean
    kept = np.square(y @ vectors[:, ::-1][:, :64]).mean(0)  # (64,)
    errors = np.square(y).sum(1).mean() - np.concatenate([[0.0], np.cumsum(kept)])
    return values[::-1].clip(min=0), errors / x.shape[1]
