"""What autoencoders are used for: cleaning pictures, spotting intruders, polishing a code."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from genapp.errors import UserError
from genapp.families.autoencoders.live import atlas_of, bounds, net_of
from genapp.families.autoencoders.model import SIDE
from genapp.service import Loaded

NOISES = ("gaussian", "salt-pepper", "mask", "lines")
TV_WEIGHT = 0.4  # per σ: the best of 0.1…0.7 on digits at σ 0.2 and 0.4
CLEANERS = ("network", "mean filter", "median filter", "total variation")
Image = NDArray[np.float64]  # (28, 28) in 0…1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """A picture, its spoilt version and what each method made of it; PSNR in dB against it."""

    clean: NDArray[np.uint8]  # (28, 28)
    noisy: NDArray[np.uint8]
    outputs: dict[str, NDArray[np.uint8]]  # by CLEANERS
    psnr: dict[str, float]  # "noisy" and by CLEANERS


def corrupt(picture: Image, kind: str, level: float, rng: np.random.Generator) -> Image:
    """Spoils pixels in 0…1: σ = level · that share of pixels · of the area · up to ten strokes.

    The result stays in 0…1, as anything shown on a screen or scanned from paper does.
    """
    if kind not in NOISES:
        raise UserError(f"Unknown noise {kind!r}", f"choose one of {', '.join(NOISES)}.")
    if not 0 <= level <= 1:
        raise UserError(f"Noise level {level:g} is out of range", "give a number from 0 to 1.")
    if kind == "gaussian":
        return np.clip(picture + level * rng.standard_normal(picture.shape), 0, 1)
    spoilt = picture.copy()
    if kind == "salt-pepper":
        hit = rng.random(picture.shape) < level
        spoilt[hit] = rng.random(picture.shape)[hit] < 0.5
    elif kind == "mask":
        side = round(SIDE * level**0.5)
        y, x = rng.integers(0, SIDE - side + 1, 2)
        spoilt[y : y + side, x : x + side] = 0
    else:
        for _ in range(round(10 * level)):
            (y0, x0), (y1, x1) = rng.integers(0, SIDE, (2, 2))
            rows, columns = np.linspace((y0, x0), (y1, x1), 2 * SIDE).round().astype(int).T
            spoilt[rows, columns] = 1
    return spoilt


def denoise(
    loaded: Loaded, picture: NDArray[np.uint8], kind: str, level: float, seed: int
) -> Cleaned:
    """Spoils a uint8 (28, 28) picture and cleans it by the network and by three classic filters."""
    if picture.shape != (SIDE, SIDE):
        raise UserError(f"The picture has shape {picture.shape}", "give 28×28 grey pixels.")
    clean = picture.astype(np.float64) / 255
    noisy = corrupt(clean, kind, level, np.random.default_rng(seed))
    outputs = {
        "network": reconstruct(loaded, noisy[None])[0],
        **classic(noisy, level if kind == "gaussian" else 0.4),
    }
    return Cleaned(
        clean=picture,
        noisy=_bytes(noisy),
        outputs={name: _bytes(x) for name, x in outputs.items()},
        psnr={name: psnr(clean, x) for name, x in {"noisy": noisy, **outputs}.items()},
    )


def classic(noisy: Image, sigma: float) -> dict[str, Image]:
    """Mean 3×3, median 3×3 and total variation, the last told how strong the noise is."""
    from scipy import ndimage

    return {
        "mean filter": ndimage.uniform_filter(noisy, 3),
        "median filter": ndimage.median_filter(noisy, 3),
        "total variation": total_variation(noisy, TV_WEIGHT * max(sigma, 0.02)),
    }


def total_variation(noisy: Image, weight: float, steps: int = 60) -> Image:
    """argmin_x ½‖x − noisy‖² + weight·TV(x), by Chambolle's dual projection (2004)."""
    p = np.zeros((2, *noisy.shape))
    for _ in range(steps):
        gradient = _gradient(_divergence(p) - noisy / weight)
        p = (p + 0.25 * gradient) / (1 + 0.25 * np.sqrt(np.square(gradient).sum(0)))
    return np.clip(noisy - weight * _divergence(p), 0, 1)


def _gradient(x: Image) -> NDArray:
    """Forward differences (2, H, W), zero at the last row and column."""
    g = np.zeros((2, *x.shape))
    g[0, :-1], g[1, :, :-1] = np.diff(x, axis=0), np.diff(x, axis=1)
    return g


def _divergence(p: NDArray) -> Image:
    """Minus the adjoint of :func:`_gradient`."""
    d = p[0] + p[1]
    d[1:] -= p[0, :-1]
    d[:, 1:] -= p[1, :, :-1]
    return d


def psnr(clean: Image, other: Image) -> float:
    """Peak signal-to-noise ratio in dB, peak 1; capped at 99 where the pictures are equal."""
    mse = float(np.square(clean - np.clip(other, 0, 1)).mean())
    return min(99.0, -10 * float(np.log10(max(mse, 1e-12))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddness:
    """How strange a picture is to the model, and where."""

    error: float  # Σ(x − x̂)², pixels in 0…1
    percentile: float  # share of held-out pictures with a smaller error, 0…100
    reconstruction: NDArray[np.uint8]  # (28, 28)
    error_map: NDArray[np.float32]  # (28, 28) squared error of each pixel
    odd: bool  # error above the threshold


def anomaly_score(loaded: Loaded, picture: NDArray[np.uint8], threshold: float = 95.0) -> Oddness:
    """Squared error of a uint8 (28, 28) picture against held-out ones; threshold in percent."""
    if picture.shape != (SIDE, SIDE):
        raise UserError(f"The picture has shape {picture.shape}", "give 28×28 grey pixels.")
    x = picture.astype(np.float64) / 255
    made = reconstruct(loaded, x[None])[0]
    error_map = np.square(x - made)
    percentile = float(
        np.interp(error_map.sum(), atlas_of(loaded).error_percentiles, np.arange(101))
    )
    return Oddness(
        error=float(error_map.sum()),
        percentile=percentile,
        reconstruction=_bytes(made),
        error_map=error_map.astype(np.float32),
        odd=percentile >= threshold,
    )


def roc(normal: NDArray, strange: NDArray) -> tuple[NDArray[np.float64], float]:
    """Errors of normal (N,) and strange (M,) pictures → (101, 2) false alarms, catches; and AUC."""
    cuts = np.percentile(normal, np.linspace(100, 0, 101))
    curve = np.stack([[(normal > c).mean(), (strange > c).mean()] for c in cuts])
    curve[-1] = 1.0
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([normal, strange]))[len(normal) :]
    wins = ranks.sum() - len(strange) * (len(strange) + 1) / 2
    return curve, float(wins / (len(normal) * len(strange)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Polished:
    """The encoder's quick answer and what 100 gradient steps on the code add."""

    before: NDArray[np.float32]  # (d,) μ
    after: NDArray[np.float32]  # (d,)
    losses: NDArray[np.float32]  # (steps + 1,) squared error so far, never rising


def polish(
    loaded: Loaded, picture: NDArray[np.uint8], steps: int = 100, lr: float = 0.05
) -> Polished:
    """Adam on the code of one uint8 (28, 28) picture; keeps the best code met."""
    model = net_of(loaded)
    x = torch.from_numpy(picture.copy()).float().to(loaded.device)[None] / 255
    low, high = (torch.from_numpy(v).to(loaded.device) for v in bounds(loaded))
    with torch.inference_mode():
        mu = model.encode(x)[0]
    z = mu.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([z], lr=lr)
    best, losses = mu.clone(), [float((model.decode(mu) - x).square().sum())]
    for _ in range(steps):
        optimizer.zero_grad()
        (model.decode(z) - x).square().sum().backward()
        optimizer.step()
        with torch.no_grad():
            z.clamp_(low, high)
            loss = float((model.decode(z) - x).square().sum())
        if loss < losses[-1]:
            best = z.detach().clone()
        losses.append(min(loss, losses[-1]))
    before, after = (v[0].float().cpu().numpy() for v in (mu, best))
    return Polished(before=before, after=after, losses=np.array(losses, np.float32))


def reconstruct(loaded: Loaded, pictures: NDArray) -> NDArray[np.float64]:
    """(N, 28, 28) in 0…1 → their reconstructions, unclamped."""
    with torch.inference_mode():
        parts = torch.from_numpy(pictures.astype(np.float32)).split(1000)
        made = [net_of(loaded)(part.to(loaded.device))[0].float().cpu() for part in parts]
    return torch.cat(made).numpy().astype(np.float64)


def _bytes(x: NDArray) -> NDArray[np.uint8]:
    return np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
