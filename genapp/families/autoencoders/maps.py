"""Pictures of a whole plane of the code space: what is drawn where, holes, cliffs, classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genapp.families.autoencoders.atlas import Atlas
from genapp.families.autoencoders.live import render
from genapp.service import Loaded


@dataclass(frozen=True, slots=True)
class Plane:
    """Points origin + x·u + y·v; for two-number codes simply the codes themselves."""

    origin: NDArray  # (d,)
    u: NDArray  # (d,)
    v: NDArray  # (d,)

    @classmethod
    def of(cls, atlas: Atlas) -> "Plane":
        """Both numbers if there are two, else the two widest PCA axes through the mean, in σ."""
        if atlas.d == 1:
            return cls(np.zeros(1), np.ones(1), np.zeros(1))
        if atlas.d == 2:
            return cls(np.zeros(2), np.array([1.0, 0.0]), np.array([0.0, 1.0]))
        scaled = atlas.axes[:2] * atlas.scales[:2, None]
        return cls(atlas.mean, scaled[0], scaled[1])

    def codes(self, xs: NDArray, ys: NDArray) -> NDArray:
        """Grid of codes (len(ys)·len(xs), d), row by row."""
        x, y = np.meshgrid(xs, ys)
        return self.origin + x.reshape(-1, 1) * self.u + y.reshape(-1, 1) * self.v

    def project(self, codes: NDArray) -> NDArray:
        """Codes (N, d) → (N, 2) coordinates on the plane, by least squares."""
        basis = np.stack([self.u, self.v], axis=1)  # (d, 2)
        return (codes - self.origin) @ np.linalg.pinv(basis).T


def mosaic(loaded: Loaded, plane: Plane, xs: NDArray, ys: NDArray) -> NDArray[np.uint8]:
    """Decoded pictures side by side: uint8 (28·len(ys), 28·len(xs)), first y on top."""
    tiles = render(loaded, plane.codes(xs, ys)).reshape(len(ys), len(xs), 28, 28)
    return tiles.swapaxes(1, 2).reshape(len(ys) * 28, len(xs) * 28)


def holes(atlas: Atlas, plane: Plane, xs: NDArray, ys: NDArray) -> NDArray[np.float32]:
    """Distance from each grid point to the nearest held-out code: (len(ys), len(xs))."""
    from scipy.spatial import cKDTree

    apart, _ = cKDTree(atlas.codes).query(plane.codes(xs, ys))
    return apart.reshape(len(ys), len(xs)).astype(np.float32)


def speed(loaded: Loaded, plane: Plane, xs: NDArray, ys: NDArray) -> NDArray[np.float32]:
    """‖∂x̂/∂(x, y)‖ by finite differences on the grid: bright where the picture jumps."""
    pictures = render(loaded, plane.codes(xs, ys)).astype(np.float32) / 255
    pictures = pictures.reshape(len(ys), len(xs), -1)
    slopes = [np.gradient(pictures, at, axis=k) for k, at in enumerate((ys, xs))]
    return np.sqrt(sum(np.square(s).sum(-1) for s in slopes))


def density(atlas: Atlas, plane: Plane, xs: NDArray, ys: NDArray) -> NDArray[np.float32]:
    """Smoothed density of held-out codes on the plane, largest = 1: (len(ys), len(xs))."""
    from scipy.stats import gaussian_kde

    x, y = np.meshgrid(xs, ys)
    points = plane.project(atlas.codes[:2000]).T
    points = points + 1e-6 * np.random.default_rng(0).standard_normal(points.shape)  # dead axes
    found = gaussian_kde(points)(np.stack([x.ravel(), y.ravel()])).reshape(x.shape)
    return (found / max(found.max(), 1e-12)).astype(np.float32)


def regions(
    loaded: Loaded, plane: Plane, xs: NDArray, ys: NDArray
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """What our classifier reads at each grid point, and how surely: two (len(ys), len(xs))."""
    from genapp.metrics.digits import judge

    _, p = judge().look(render(loaded, plane.codes(xs, ys)))
    shape = (len(ys), len(xs))
    return p.argmax(1).astype(np.uint8).reshape(shape), p.max(1).reshape(shape)
