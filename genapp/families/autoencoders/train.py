"""How autoencoders learn: digits (or a person's own pictures) in, the same digits out."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from genapp.errors import UserError
from genapp.families.autoencoders import objective, report
from genapp.families.autoencoders.model import SIDE, Autoencoder, build
from genapp.families.autoencoders.report import ACTIVE, Pictures
from genapp.families.autoencoders.spec import PRESETS
from genapp.trainer.loop import Losses, Shuffler, Task, TrainConfig

HELD_OUT = 5_000  # of the training digits: for choosing the best weights, never for the card


def recipe(preset: str, config: TrainConfig, data: Path | None = None) -> Task:
    """The task behind ``preset``; ``data`` is a folder of pictures to use instead of MNIST.

    Without MNIST, and for ``micro``, the digits inside scikit-learn stand in; the card says so.
    Raises :class:`UserError` for an unknown preset or a folder with too few pictures.
    """
    if preset not in PRESETS:
        raise UserError(f"Unknown preset {preset!r}", f"choose one of {', '.join(PRESETS)}.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = build(PRESETS[preset].config)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # convolutions ×2
    if data is not None:
        pictures = own_pictures(data)
    else:
        pictures = digits(model.config.left_out, stand_in=preset == "micro")
    x_val = scaled(pictures.held_out)
    seen = spoilt(x_val, model.config.noise, torch.Generator().manual_seed(0))

    def losses(net: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Losses:
        dirty, clean, noise = batch
        x_hat, mu, logvar = net(dirty, noise)
        return objective.loss(clean, x_hat, mu, logvar, model.config.b)

    return Task(
        model=model,
        optimizers={"model": torch.optim.Adam(model.parameters(), lr=config.lr)},
        batch=_batches(pictures.train, model, config),
        losses=losses,
        evaluate=lambda net: evaluate(net, x_val, seen),  # type: ignore[arg-type]
        preview=lambda net: preview(net, seen),  # type: ignore[arg-type]
        finish=lambda net: report.finish(net, pictures),  # type: ignore[arg-type]
        score="val_loss",
        family="autoencoders",
        preset=preset,
        config=PRESETS[preset].config,
        data=pictures.cards,
        about=PRESETS[preset].about,
    )


def digits(left_out: int = -1, stand_in: bool = False) -> Pictures:
    """MNIST without the class ``left_out`` (which stays in the test set), or its stand-in."""
    from genapp.data import fashion, mnist, source

    train, real = (mnist.stand_in(), False) if stand_in else mnist.load_or_stand_in("train")
    if real:
        test, held = mnist.load("test"), HELD_OUT
        card = {"name": "MNIST", "licence": mnist.LICENCE, "source": mnist.SOURCE}
    else:
        whole, cut = mnist.stand_in(), 1_500
        train = mnist.Digits(images=whole.images[:cut], labels=whole.labels[:cut])
        test = mnist.Digits(images=whole.images[cut:], labels=whole.labels[cut:])
        held = cut // 10
        card = {
            "name": "scikit-learn digits",
            "licence": mnist.STAND_IN_LICENCE,
            "source": mnist.STAND_IN_SOURCE,
        }
    keep = train.labels[:-held] != left_out
    strange = real and source.find(fashion.FASHION.path) is not None  # nothing is downloaded
    return Pictures(
        train=train.images[:-held][keep],
        held_out=train.images[-held:],
        test=test.images,
        test_labels=test.labels,
        intruders=fashion.load("test").images if strange else np.zeros((0, SIDE, SIDE), np.uint8),
        digits=True,
        cards=[card],
    )


def own_pictures(folder: Path) -> Pictures:
    """A folder of pictures as grey 28×28: 80 % to learn from, 10 % each to choose and to test."""
    from genapp.data import images

    grey = images.load_folder(folder, SIDE, channels=1)[..., 0]
    if len(grey) < 100:
        raise UserError(f"The folder holds {len(grey)} pictures", "give at least 100.")
    grey = np.random.default_rng(0).permutation(grey)
    tenth = len(grey) // 10
    return Pictures(
        train=grey[2 * tenth :],
        held_out=grey[:tenth],
        test=grey[tenth : 2 * tenth],
        test_labels=np.zeros(0, np.uint8),
        intruders=np.zeros((0, SIDE, SIDE), np.uint8),
        digits=False,
        cards=[{"name": folder.name, "licence": "the owner's", "source": "a folder of pictures"}],
    )


def scaled(images: np.ndarray) -> Tensor:
    """uint8 (N, 28, 28) → float32 in 0…1."""
    return torch.from_numpy(np.ascontiguousarray(images)).float() / 255


def _batches(images: np.ndarray, model: Autoencoder, config: TrainConfig) -> Any:
    """batch(k) → (input, target, code noise); all three follow from (seed, k)."""
    pixels, shuffler = torch.from_numpy(images), Shuffler(len(images), config.batch, config.seed)

    def batch(k: int) -> tuple[Tensor, Tensor, Tensor]:
        clean = pixels[shuffler(k)].float() / 255
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + k)
        noise = torch.randn(len(clean), model.config.z, generator=generator)
        return spoilt(clean, model.config.noise, generator), clean, noise

    return batch


def spoilt(x: Tensor, sigma_max: float, generator: torch.Generator) -> Tensor:
    """Gaussian noise of σ ~ U(0, ``sigma_max``) on each picture, kept in 0…1 as a scanner would."""
    if not sigma_max:
        return x
    sigma = sigma_max * torch.rand(len(x), 1, 1, generator=generator)
    return (x + sigma * torch.randn(x.shape, generator=generator)).clamp(0, 1)


@torch.no_grad()
def run(model: Autoencoder, x: Tensor, size: int = 1000) -> tuple[Tensor, Tensor, Tensor | None]:
    """Reconstruction at μ, μ and ln σ² of many pictures, in chunks, on the CPU."""
    device = next(model.parameters()).device
    parts = [model(chunk.to(device)) for chunk in x.split(size)]
    x_hat, mu = (torch.cat([p[i] for p in parts]).float().cpu() for i in (0, 1))
    if not model.config.variational:
        return x_hat, mu, None
    return x_hat, mu, torch.cat([p[2] for p in parts]).float().cpu()


def evaluate(model: Autoencoder, x: Tensor, seen: Tensor) -> dict[str, float]:
    """At μ: ``val_loss``, ``_sse``, ``_mse``, ``_active`` and, of a VAE, ``_kl`` and ``_sigma``.

    ``seen`` goes in and ``x`` should come out: the same pictures, unless it is a denoiser's.
    """
    x_hat, mu, logvar = run(model, seen)
    sse = objective.squared_error(x, x_hat).mean().item()
    found: dict[str, float] = {
        "loss": sse,
        "sse": sse,
        "mse": sse / x[0].numel(),
        "active": int((mu.var(0) > ACTIVE).sum()),
    }
    if logvar is not None:
        kl = objective.kl_per_dim(mu, logvar).mean(0)
        found |= {"kl": kl.sum().item(), "sigma": (0.5 * logvar).exp().mean().item()}
        found["loss"] = sse + model.config.b * found["kl"]
    return {f"val_{name}": value for name, value in found.items()}


@torch.no_grad()
def preview(model: Autoencoder, x: Tensor, count: int = 12) -> np.ndarray:
    """Pictures over their reconstructions over samples: of the prior, or of the codes' normal."""
    device = next(model.parameters()).device
    step = len(x) // count
    shown = x[: step * count : step]
    x_hat, _, _ = run(model, shown)
    z = torch.randn(count, model.config.z, generator=torch.Generator().manual_seed(0))
    if not model.config.variational:
        mu = run(model, x[:1000])[1]
        z = mu.mean(0) + z @ torch.linalg.cholesky(mu.T.cov() + 1e-6 * torch.eye(model.config.z)).T
    made = model.decode(z.to(device)).float().cpu()
    rows = [torch.cat(list(row), dim=1) for row in (shown, x_hat, made)]
    return to_uint8(torch.cat(rows, dim=0)).numpy()


def to_uint8(x: Tensor) -> Tensor:
    """Pixels in 0…1 (clamped) → uint8."""
    return (x.clamp(0, 1) * 255).round().to(torch.uint8)
