"""What a checkpoint knows about its own code space, so that pages need no data set.

One ``atlas.safetensors`` beside the weights; reading it needs numpy only. Codes shown are of
held-out pictures; whatever is *fitted* (mean, covariance, mixture) is fitted to training codes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from genapp.errors import UserError

FILE = "atlas.safetensors"
UNKNOWN = 255  # label of a picture whose class nobody gave
BINS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """d = code length, N ≤ 5,000 held-out pictures (the first of the test set, in its order)."""

    codes: NDArray  # (N, d) fp16: μ
    labels: NDArray  # (N,) uint8: class, or UNKNOWN
    sigmas: NDArray  # (≤ 500, d) fp16: σ of the first codes; zeros for a plain autoencoder
    kl: NDArray  # (d,) mean KL per dimension in nats; zeros for a plain autoencoder
    sigma: NDArray  # (d,) mean σ
    box: NDArray  # (2, d) 1st and 99th percentile of μ
    mean: NDArray  # (d,) of the aggregated posterior: codes *with* their σ
    cov: NDArray  # (d, d)
    centroids: NDArray  # (10, d) class means of μ, or (0, d)
    axes: NDArray  # (min(d, 8), d) unit PCA axes of the codes, widest first
    scales: NDArray  # (min(d, 8),) standard deviation along each axis
    mix_weights: NDArray  # (10,) mixture of normals fitted to the aggregated posterior
    mix_means: NDArray  # (10, d)
    mix_roots: NDArray  # (10, d, d) lower Cholesky factors of the covariances
    grid: NDArray  # (2, 20) where the mosaic decodes: x of the columns, y of the rows
    error_edges: NDArray  # (121,) bins of the squared error Σ(x − x̂)², pixels in 0…1
    error_digits: NDArray  # (10, 120) held-out pictures per class and bin ((1, 120) unlabelled)
    error_intruders: NDArray  # (120,) Fashion-MNIST pictures per bin; all zero if not measured
    error_percentiles: NDArray  # (101,) of held-out pictures
    roc: NDArray  # (101, 2) false alarms, intruders caught; zero if not measured
    eigenvalues: NDArray  # (64,) PCA variances of the training pixels, largest first
    pca_mse: NDArray  # (65,) held-out MSE per pixel of PCA with 0…64 components

    @property
    def d(self) -> int:
        """Code length."""
        return self.codes.shape[1]

    def order(self) -> NDArray[np.int64]:
        """Dimensions, most used first: by KL, or by the spread of the codes if there is no KL."""
        use = self.kl if self.kl.any() else np.diag(self.cov)
        return np.argsort(-use, kind="stable")


def pack(atlas: Atlas) -> dict[str, bytes]:
    """The checkpoint's extra file, by name."""
    from safetensors.numpy import save

    return {FILE: save({k: np.ascontiguousarray(v) for k, v in asdict(atlas).items()})}


def unpack(files: Mapping[str, bytes]) -> Atlas:
    """The atlas among a checkpoint's files, in float32 where it was fp16.

    Raises :class:`UserError` if there is none, as in a run that was stopped early.
    """
    from safetensors.numpy import load

    if FILE not in files:
        raise UserError(
            "This checkpoint has no atlas of its code space",
            "let its training finish, or choose another checkpoint.",
        )
    arrays = load(files[FILE])
    wide = {k: a.astype(np.float32) if a.dtype == np.float16 else a for k, a in arrays.items()}
    return Atlas(**{f.name: wide[f.name] for f in fields(Atlas)})
