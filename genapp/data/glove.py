"""GloVe's word vectors (Pennington et al. 2014): one for each word, whatever stands around it."""

from functools import cache

import numpy as np

from genapp.data import source
from genapp.data.source import DataFile

TWITTER = DataFile(
    name="GloVe Twitter 25-d, 11,925 common English words",
    path="glove_twitter25/glove_twitter_25d.npz",
    sha256="0530417b606c7517904606c86b5248f884f0c1921c84293daaf4b16a9ee36212",
    size=1_160_424,
)


@cache
def twitter() -> tuple[dict[str, int], np.ndarray] | None:
    """(word → row, float32 (11,925, 25) of length 1), or None where the data folder lacks it."""
    if source.find(TWITTER.path) is None:
        return None
    with np.load(source.locate(TWITTER)) as file:
        words, vectors = file["words"], file["vectors"]
    rows = {str(word): i for i, word in enumerate(words)}
    return rows, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
