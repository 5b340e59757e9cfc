"""The loss of an autoencoder and of a VAE, on one scale: L = Σ_pixels (x − x̂)² + b·KL.

Books and papers weigh the KL term by different knobs; all are the one number ``b``:
:func:`knobs` converts. (Kingma & Welling 2013, appendix B, for the KL in closed form.)
"""

import math

import torch
from torch import Tensor


def squared_error(x: Tensor, x_hat: Tensor) -> Tensor:
    """Σ over the pixels of each picture: (B, …) and (B, …) → (B,)."""
    return (x - x_hat).float().square().flatten(1).sum(1)


def kl_per_dim(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) = −½ (1 + ln σ² − μ² − σ²) in nats, elementwise; never negative."""
    mu, logvar = mu.float(), logvar.float()
    return -0.5 * (1 + logvar - mu.square() - logvar.exp())


def reparametrise(mu: Tensor, logvar: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """z = μ + σ·ε with ε ~ N(0, I): a sample through which gradients reach μ and σ."""
    noise = torch.randn(mu.shape, generator=generator).to(mu)
    return mu + torch.exp(0.5 * logvar) * noise


def loss(
    x: Tensor, x_hat: Tensor, mu: Tensor, logvar: Tensor | None, b: float
) -> dict[str, Tensor]:
    """Batch means of the loss and its parts; a plain autoencoder (``logvar`` None) has no KL."""
    sse = squared_error(x, x_hat).mean()
    if logvar is None:
        return {"loss": sse, "sse": sse}
    kl = kl_per_dim(mu, logvar).sum(1).mean()
    return {"loss": sse + b * kl, "sse": sse, "kl": kl}


def knobs(b: float, pixels: int) -> dict[str, float]:
    """The same prior weight in other people's units.

    ``factor`` F multiplies the *mean* squared error (Foster); ``beta`` β multiplies the KL beside
    a mean squared error; ``variance`` is σ² of a Gaussian decoder.
    """
    return {"factor": pixels / b if b else math.inf, "beta": b / pixels, "variance": b / 2}
