"""The binary fast path: codes in, pictures out, and the other way round."""

import numpy as np
import torch
from numpy.typing import NDArray

from genapp.errors import UserError
from genapp.families.autoencoders.atlas import FILE, Atlas, unpack
from genapp.families.autoencoders.model import PIXELS, SIDE, Autoencoder
from genapp.families.autoencoders.spec import MAX_CODES
from genapp.service import Loaded

VAE_REACH = 6.0  # |z| a VAE's decoder is asked for at most: beyond it N(0, 1) never goes
UNKNOWN_REACH = 50.0  # of an autoencoder whose code box is not known


def atlas_of(loaded: Loaded) -> Atlas:
    """The checkpoint's atlas, unpacked once."""
    if "atlas" not in loaded.memo:
        loaded.memo["atlas"] = unpack(loaded.files)
    return loaded.memo["atlas"]


def net_of(loaded: Loaded) -> Autoencoder:
    """The model, by its own type."""
    assert isinstance(loaded.model, Autoencoder)
    return loaded.model


def bounds(loaded: Loaded) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest code decoded, (d,) each: ±6, or an autoencoder's 1–99 % box × 1.5."""
    if "bounds" not in loaded.memo:
        config = net_of(loaded).config
        middle, reach = np.zeros(config.z), np.full(config.z, VAE_REACH)
        if not config.variational:
            reach[:] = UNKNOWN_REACH
            if FILE in loaded.files:
                low, high = atlas_of(loaded).box
                middle, reach = (low + high) / 2, 1.5 * (high - low) / 2
        low, high = (middle - reach), (middle + reach)
        loaded.memo["bounds"] = low.astype(np.float32), high.astype(np.float32)
    return loaded.memo["bounds"]


def decode(loaded: Loaded, values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Codes (B, d) → uint8 (B, 28, 28), B from 1 to 400; codes are clamped to :func:`bounds`."""
    z = _checked(values, net_of(loaded).config.z, "codes")
    return render(loaded, z.clip(*bounds(loaded)))


def encode(loaded: Loaded, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pictures (B, 784) with pixels in 0…255 → float32 (B, 2d + 784 + 1).

    Columns: μ (d) · σ (d; zeros for a plain autoencoder) · reconstruction (784, in 0…255) ·
    squared error Σ(x − x̂)² with pixels in 0…1, the scale of the atlas's error histograms.
    """
    x = _checked(values, PIXELS, "pixels").clip(0, 255) / 255
    model = net_of(loaded)
    with torch.inference_mode():
        pictures = torch.from_numpy(x).to(loaded.device).view(-1, SIDE, SIDE)
        x_hat, mu, logvar = model(pictures)
        sigma = torch.zeros_like(mu) if logvar is None else torch.exp(0.5 * logvar)
        error = (pictures - x_hat).square().flatten(1).sum(1, keepdim=True)
        parts = [mu, sigma, x_hat.clamp(0, 1).flatten(1) * 255, error]
        return torch.cat(parts, dim=1).float().cpu().numpy()


def render(loaded: Loaded, z: NDArray) -> NDArray[np.uint8]:
    """Codes (N, d), any number and unclamped → uint8 (N, 28, 28)."""
    model, made = net_of(loaded), []
    with torch.inference_mode():
        for part in torch.from_numpy(z.astype(np.float32)).split(MAX_CODES):
            x = model.decode(part.to(loaded.device)).float().clamp(0, 1)
            made.append((x * 255).round().to(torch.uint8).cpu())
    return torch.cat(made).numpy()


def _checked(values: NDArray[np.float32], width: int, what: str) -> NDArray[np.float32]:
    if values.ndim != 2 or values.shape[1] != width:
        raise UserError(
            f"Each row should hold {width} {what}, the request has shape {values.shape}",
            f"send float32 rows of {width}.",
        )
    if not 1 <= len(values) <= MAX_CODES:
        raise UserError(f"The request holds {len(values)} rows", f"send 1 to {MAX_CODES}.")
    return np.ascontiguousarray(values, np.float32)
