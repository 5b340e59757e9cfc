"""New digits: draw codes by one of four samplers, decode, and judge honestly.

Pure inference: no UI, no global state; the seed used comes back in every frame.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from genapp.families.autoencoders.atlas import Atlas
from genapp.families.autoencoders.live import atlas_of, net_of, render
from genapp.families.autoencoders.spec import SampleRequest
from genapp.metrics.gauges import Gauges, measure
from genapp.service import Loaded

STILL = 0.02  # mean step below which a path stands still and has no jumps
JUDGED = {"MNIST", "scikit-learn digits"}  # data sets the digit classifier can speak about


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A wall of samples; the last frame of a request also carries the gauges."""

    images: NDArray[np.uint8]  # (N, 28, 28)
    z: NDArray[np.float32]  # (N, d)
    seed: int  # the one used, also where −1 was asked
    sampler: str
    gauges: Gauges | None = None  # None in the first frame, and for models of other pictures


def generate(loaded: Loaded, request: SampleRequest) -> Iterator[Frame]:
    """Yields the pictures at once, then the same frame with its gauges."""
    seed = request.seed if request.seed >= 0 else int(np.random.default_rng().integers(2**31))
    rng = np.random.default_rng(seed)
    if request.sampler == "prior":  # needs no atlas
        noise = rng.standard_normal((request.count, net_of(loaded).config.z))
        z = (request.temperature * noise).astype(np.float32)
    else:
        z = draw(atlas_of(loaded), request.sampler, request.count, request.temperature, rng)
    frame = Frame(images=render(loaded, z), z=z, seed=seed, sampler=request.sampler)
    yield frame
    if any(d["name"] in JUDGED for d in loaded.meta.data):
        yield replace(frame, gauges=measure(frame.images))


def draw(
    atlas: Atlas, sampler: str, count: int, temperature: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Codes (count, d) from ``prior | box | fitted normal | mixture``.

    Temperature scales the spread: of the normal, of the box about its middle, and within each
    component of the mixture.
    """
    if sampler == "box":
        low, high = atlas.box
        z = (low + high) / 2 + temperature * (high - low) * rng.uniform(-0.5, 0.5, (count, atlas.d))
        return z.astype(np.float32)
    noise = temperature * rng.standard_normal((count, atlas.d))
    if sampler == "prior":
        z = noise
    elif sampler == "fitted normal":
        values, vectors = np.linalg.eigh(atlas.cov.astype(np.float64))
        z = atlas.mean + noise @ (vectors * np.sqrt(values.clip(min=0))).T
    elif sampler == "mixture":
        weights = atlas.mix_weights.astype(np.float64)
        k = rng.choice(len(weights), size=count, p=weights / weights.sum())
        z = atlas.mix_means[k] + np.einsum("nij,nj->ni", atlas.mix_roots[k], noise)
    else:
        raise ValueError(f"sampler is {sampler!r}: choose prior, box, fitted normal or mixture")
    return z.astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traversal:
    """One row per dimension: what changes while only that dimension moves."""

    dims: NDArray[np.int64]  # (R,), most used first
    values: NDArray[np.float32]  # (R, n) the moved coordinate
    images: NDArray[np.uint8]  # (R, n, 28, 28)
    kl: NDArray[np.float32]  # (R,)
    change: NDArray[np.float32]  # (R,) mean |Δpixel| between neighbours, 0…255


def traversal(loaded: Loaded, z: NDArray, rows: int = 8, n: int = 9, reach: float = 3) -> Traversal:
    """Moves each of the ``rows`` most used dimensions over ±``reach`` aggregate σ, from z (d,)."""
    atlas = atlas_of(loaded)
    dims = atlas.order()[:rows]
    sigma = np.sqrt(np.diag(atlas.cov))
    values = atlas.mean[dims, None] + np.linspace(-reach, reach, n) * sigma[dims, None]
    codes = np.broadcast_to(z, (len(dims), n, atlas.d)).astype(np.float32).copy()
    codes[np.arange(len(dims)), :, dims] = values
    images = render(loaded, codes.reshape(-1, atlas.d)).reshape(len(dims), n, 28, 28)
    change = np.abs(np.diff(images.astype(np.float32), axis=1)).mean((1, 2, 3))
    return Traversal(
        dims=dims, values=values.astype(np.float32), images=images, kl=atlas.kl[dims], change=change
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """From code A to code B, picture by picture."""

    z: NDArray[np.float32]  # (n, d)
    images: NDArray[np.uint8]  # (n, 28, 28)
    fade: NDArray[np.uint8]  # (n, 28, 28) the plain cross-fade of the two end pictures
    steps: NDArray[np.float32]  # (n − 1,) L2 distance between neighbours, pixels in 0…1
    jump: float  # longest step / mean step: 1 = perfectly even


def path(loaded: Loaded, a: NDArray, b: NDArray, n: int = 10, spherical: bool = False) -> Walk:
    """``n`` pictures on the line (or the arc about 0) from code ``a`` (d,) to ``b`` (d,)."""
    t = np.linspace(0, 1, n)[:, None]
    z = slerp(a, b, t) if spherical else (1 - t) * a + t * b
    images = render(loaded, z)
    steps, jump = step_lengths(images)
    ends = images[[0, -1]].astype(np.float32)
    fade = ((1 - t[..., None]) * ends[0] + t[..., None] * ends[1]).round().astype(np.uint8)
    return Walk(z=z.astype(np.float32), images=images, fade=fade, steps=steps, jump=jump)


def slerp(a: NDArray, b: NDArray, t: NDArray) -> NDArray:
    """Spherical interpolation (Shoemake 1985), the norm going linearly; ``t`` (n, 1) → (n, d)."""
    norms = np.linalg.norm(a), np.linalg.norm(b)
    if min(norms) < 1e-6:
        return (1 - t) * a + t * b
    u, v = a / norms[0], b / norms[1]
    angle = np.arccos(np.clip(u @ v, -1, 1))
    if np.sin(angle) < 1e-4:
        return (1 - t) * a + t * b
    arc = (np.sin((1 - t) * angle) * u + np.sin(t * angle) * v) / np.sin(angle)
    return arc * ((1 - t) * norms[0] + t * norms[1])


def step_lengths(images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """L2 between neighbouring pictures (n, 28, 28) → (n − 1,), and longest over mean (≥ 1)."""
    flat = images.reshape(len(images), -1).astype(np.float32) / 255
    steps = np.linalg.norm(np.diff(flat, axis=0), axis=1)
    if steps.mean() < STILL:
        return steps, 1.0
    return steps, float(steps.max() / steps.mean())


def thumbnail(load: Callable[[str], Loaded]) -> bytes:
    """A PNG of 9×9 digits of the VAE's plane, for the Home card."""
    from PIL import Image

    from genapp.families.autoencoders.maps import Plane, mosaic

    loaded = load("vae-dense-b0.784")
    xs = atlas_of(loaded).grid[0][1::2][:9]
    out = io.BytesIO()
    Image.fromarray(mosaic(loaded, Plane.of(atlas_of(loaded)), xs, -xs)).save(out, "PNG")
    return out.getvalue()
