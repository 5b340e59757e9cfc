"""What a trained autoencoder is measured by, once, when its training ends.

Everything here runs on the test set, which neither the training nor the choice of the best
weights has seen. The result is the checkpoint's metrics and its atlas.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genapp.families.autoencoders import atlas as atlases
from genapp.families.autoencoders import objective, uses
from genapp.families.autoencoders.atlas import BINS, UNKNOWN, Atlas
from genapp.families.autoencoders.generate import draw, step_lengths
from genapp.families.autoencoders.model import Autoencoder
from genapp.metrics import frechet
from genapp.metrics.digits import effective_classes, judge, pca

SAMPLES = 2_000  # per sampler; enough for a Fréchet distance over 64 features
SHOWN = 5_000  # codes in the atlas
ACTIVE = 0.01  # a dimension is active if Var μ_i over the data exceeds this (Burda et al. 2015)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """What a run learns from and is judged by; labels are empty where nobody gave any."""

    train: NDArray[np.uint8]  # (N, 28, 28)
    held_out: NDArray[np.uint8]  # chooses the best weights
    test: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]
    intruders: NDArray[np.uint8]  # Fashion-MNIST, or empty
    digits: bool  # whether the digit classifier can judge samples
    cards: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Codes:
    """A set of pictures as the model sees it."""

    mu: NDArray  # (N, d)
    sigma: NDArray  # (N, d), zeros for a plain autoencoder
    kl: NDArray  # (d,)
    error: NDArray  # (N,) Σ(x − x̂)²


@torch.no_grad()
def look(model: Autoencoder, images: NDArray[np.uint8]) -> Codes:
    """Encodes and reconstructs uint8 (N, 28, 28) at μ."""
    device, parts = next(model.parameters()).device, []
    for chunk in torch.from_numpy(np.ascontiguousarray(images)).split(1000):
        x = chunk.to(device).float() / 255
        x_hat, mu, logvar = model(x)
        spread = torch.zeros_like(mu) if logvar is None else torch.exp(0.5 * logvar)
        kl = torch.zeros_like(mu) if logvar is None else objective.kl_per_dim(mu, logvar)
        parts.append([mu, spread, kl, objective.squared_error(x, x_hat)])
    joined = [torch.cat(p).float().cpu().numpy() for p in zip(*parts, strict=True)]
    return Codes(mu=joined[0], sigma=joined[1], kl=joined[2].mean(0), error=joined[3])


def finish(model: Autoencoder, pictures: Pictures) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Last metrics (plain numbers and lists) and the files of the shipped checkpoint."""
    device, weights = next(model.parameters()).device, model.state_dict()
    model = Autoencoder(model.config).to(device).eval()  # without the trainer's bf16 autocast
    model.load_state_dict(weights)
    seen = look(model, pictures.test)
    intruders = look(model, pictures.intruders).error if len(pictures.intruders) else None
    atlas = chart(model, pictures, seen, intruders)
    metrics = {**_reconstruction(model, seen, atlas, pictures), **_codes(seen, atlas)}
    metrics["path_jump"] = _path_jump(model, seen.mu)
    if pictures.digits:
        metrics["samplers"] = _samplers(model, atlas)
    if intruders is not None:
        metrics["auc_intruders"] = uses.roc(seen.error, intruders)[1]
    if model.config.left_out >= 0 and len(pictures.test_labels):
        metrics["left_out"] = _left_out(model.config.left_out, seen, pictures.test_labels)
    if model.config.noise:
        metrics["denoising"] = _denoising(model, pictures.test[:500])
    return _rounded(metrics), atlases.pack(atlas)


def chart(model: Autoencoder, pictures: Pictures, seen: Codes, intruders: NDArray | None) -> Atlas:
    """The atlas: held-out codes, and distributions fitted to training codes."""
    known = look(model, pictures.train[:10_000])
    d, codes = model.config.z, seen.mu[:SHOWN]
    cov = np.cov(known.mu, rowvar=False).reshape(d, d) + np.diag(np.square(known.sigma).mean(0))
    values, vectors = np.linalg.eigh(np.cov(codes, rowvar=False).reshape(d, d))
    labels = pictures.test_labels if len(pictures.test_labels) else np.full(len(seen.mu), UNKNOWN)
    box = np.percentile(seen.mu, (1, 99), axis=0)
    eigenvalues, pca_mse = pca(pictures.train, pictures.test)
    f32 = np.float32
    return Atlas(
        codes=codes.astype(np.float16),
        labels=labels[:SHOWN].astype(np.uint8),
        sigmas=seen.sigma[:500].astype(np.float16),
        kl=seen.kl.astype(f32),
        sigma=seen.sigma.mean(0).astype(f32),
        box=box.astype(f32),
        mean=known.mu.mean(0).astype(f32),
        cov=cov.astype(f32),
        centroids=_centroids(seen.mu, pictures.test_labels).astype(f32),
        axes=vectors.T[::-1][:8].astype(f32),
        scales=np.sqrt(values[::-1][:8].clip(min=0)).astype(f32),
        **_mixture(known),
        grid=_grid(model, box).astype(f32),
        **_errors(seen.error, labels, intruders),
        eigenvalues=eigenvalues[:64].astype(f32),
        pca_mse=pca_mse.astype(f32),
    )


def _centroids(mu: NDArray, labels: NDArray) -> NDArray:
    if not len(labels):
        return np.zeros((0, mu.shape[1]))
    return np.stack([mu[labels == c].mean(0) for c in range(10)])


def _mixture(known: Codes) -> dict[str, NDArray]:
    """Ten normals fitted to one sample z = μ + σε per training code."""
    from sklearn.mixture import GaussianMixture

    z = known.mu + known.sigma * np.random.default_rng(0).standard_normal(known.mu.shape)
    count = min(10, len(z) // 2)
    fitted = GaussianMixture(count, reg_covar=1e-4, random_state=0, max_iter=50).fit(z)
    return {
        "mix_weights": fitted.weights_.astype(np.float32),
        "mix_means": fitted.means_.astype(np.float32),
        "mix_roots": np.linalg.cholesky(fitted.covariances_).astype(np.float32),
    }


def _grid(model: Autoencoder, box: NDArray, n: int = 20) -> NDArray:
    """x of the columns, y of the rows (top first): normal quantiles 0.01…0.99, or the box."""
    if model.config.variational and model.config.b:
        from scipy.stats import norm

        axis = norm.ppf(np.linspace(0.01, 0.99, n))
        return np.stack([axis, axis[::-1]])
    low, high = box[:, [0, min(1, box.shape[1] - 1)]]
    x, y = np.linspace(low, high, n).T
    return np.stack([x, y[::-1]])


def _errors(error: NDArray, labels: NDArray, intruders: NDArray | None) -> dict[str, NDArray]:
    strange = np.zeros(0) if intruders is None else intruders
    edges = np.linspace(0, np.percentile(np.concatenate([error, strange]), 99.5), BINS + 1)
    classes = range(10) if labels.max() != UNKNOWN else [UNKNOWN]
    last = edges[-1] * (1 - 1e-6)  # whatever lies beyond counts in the last bin

    def histogram(x: NDArray) -> NDArray[np.int32]:
        return np.histogram(x.clip(max=last), edges)[0].astype(np.int32)

    curve = np.zeros((101, 2)) if intruders is None else uses.roc(error, strange)[0]
    return {
        "error_edges": edges.astype(np.float32),
        "error_digits": np.stack([histogram(error[labels == c]) for c in classes]),
        "error_intruders": histogram(strange),
        "error_percentiles": np.percentile(error, np.arange(101)).astype(np.float32),
        "roc": curve.astype(np.float32),
    }


def _reconstruction(
    model: Autoencoder, seen: Codes, atlas: Atlas, pictures: Pictures
) -> dict[str, Any]:
    """Error at μ beside PCA with as many components and beside the mean picture."""
    sse, pixels = float(seen.error.mean()), pictures.test[0].size
    found = {
        "test_sse": sse,
        "test_mse": sse / pixels,
        "pca_mse": float(atlas.pca_mse[min(model.config.z, 64)]),
        "mean_image_mse": float(atlas.pca_mse[0]),
        "active": int((seen.mu.var(0) > ACTIVE).sum()),
    }
    if model.config.variational:
        found |= {
            "test_kl": float(seen.kl.sum()),
            "kl_per_dim": seen.kl.tolist(),
            "sigma": float(seen.sigma.mean()),
            "test_loss": sse + model.config.b * float(seen.kl.sum()),
        }
    return found


def _codes(seen: Codes, atlas: Atlas) -> dict[str, Any]:
    """Where the codes lie: the three defects of an autoencoder's latent space in numbers."""
    z = seen.mu + seen.sigma * np.random.default_rng(0).standard_normal(seen.mu.shape)
    live = seen.mu.var(0) > ACTIVE
    found: dict[str, Any] = {
        "code_range": [seen.mu.min(0).tolist(), seen.mu.max(0).tolist()],
        "inside_1.5": float((np.abs(seen.mu) < 1.5).all(1).mean()),
        "std_mu": seen.mu.std(0).tolist(),
        "posterior_mean": z.mean(0)[live].tolist(),
        "posterior_std": z.std(0)[live].tolist(),
    }
    if len(atlas.centroids) == 10:
        gaps = np.linalg.norm(atlas.centroids[:, None] - atlas.centroids, axis=2)
        median = float(np.median(gaps[np.triu_indices(10, 1)]))
        found |= {"distance_1_7": float(gaps[1, 7]), "distance_median": median}
        found["distance_1_7_ratio"] = float(gaps[1, 7]) / max(median, 1e-9)
    return found


def _decoded(model: Autoencoder, z: NDArray) -> NDArray[np.uint8]:
    device = next(model.parameters()).device
    parts = torch.from_numpy(z.astype(np.float32)).split(500)
    with torch.no_grad():
        x = torch.cat([model.decode(part.to(device)).float().cpu() for part in parts])
    return (x.clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def _path_jump(model: Autoencoder, mu: NDArray, pairs: int = 200, n: int = 20) -> float:
    """Longest over mean step on straight paths between random test codes, averaged."""
    a, b = mu[np.random.default_rng(0).integers(len(mu), size=(2, pairs))]
    t = np.linspace(0, 1, n)[:, None, None]
    images = _decoded(model, ((1 - t) * a + t * b).reshape(-1, mu.shape[1]))
    images = images.reshape(n, pairs, *images.shape[1:])
    return float(np.mean([step_lengths(images[:, i])[1] for i in range(pairs)]))


def _samplers(model: Autoencoder, atlas: Atlas) -> dict[str, dict[str, float]]:
    """Fréchet distance, confident share and effective classes of 2,000 samples by each sampler."""
    critic, found = judge(), {}
    real = frechet.Gaussian(critic.reference.mean, critic.reference.cov)
    for name in ("prior", "box", "fitted normal", "mixture"):
        z = draw(atlas, name, SAMPLES, 1.0, np.random.default_rng(0))
        features, p = critic.look(_decoded(model, z))
        found[name] = {
            "frechet": frechet.distance(frechet.fit(features), real),
            "confident": float((p.max(1) > 0.9).mean()),
            "classes": effective_classes(p),
        }
    return found


def _left_out(digit: int, seen: Codes, labels: NDArray) -> dict[str, float]:
    """Does an unseen digit stand out? AUC below a half: it is *easier* than the digits learnt."""
    strange, normal = seen.error[labels == digit], seen.error[labels != digit]
    auc = uses.roc(normal, strange)[1]
    return {"auc": auc, "error": float(strange.mean()), "error_others": float(normal.mean())}


def _denoising(model: Autoencoder, images: NDArray[np.uint8]) -> dict[str, dict[str, float]]:
    """Mean PSNR at each σ of Gaussian noise: noisy, network, and the classic filters."""
    rng, found, device = np.random.default_rng(0), {}, next(model.parameters()).device
    clean = images.astype(np.float64) / 255
    for sigma in (0.0, 0.2, 0.4, 0.6, 0.8):
        noisy = np.stack([uses.corrupt(x, "gaussian", sigma, rng) for x in clean])
        batch: Tensor = torch.from_numpy(noisy.astype(np.float32)).to(device)
        outputs = [
            {"noisy": dirty, "network": net, **uses.classic(dirty, sigma)}
            for dirty, net in zip(noisy, model(batch)[0].float().cpu().numpy(), strict=True)
        ]
        found[f"{sigma:g}"] = {
            name: float(np.mean([uses.psnr(*pair) for pair in zip(clean, made, strict=True)]))
            for name in outputs[0]
            for made in [[o[name] for o in outputs]]
        }
    return found


def _rounded(value: Any) -> Any:
    """Five significant digits: a card is read by people."""
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value
