"""The worked example's numbers, drawn by torch with its seed, as the browser needs them.

``python -m genapp.mechanics.examples`` writes them beside the widget; a test draws them again.
"""

import json
from pathlib import Path

SENTENCE = "can you help me to translate this sentence"
SEED, VOCAB, WIDTH = 123, 10, 16
FILE = Path(__file__).parents[1] / "ui" / "widgets" / "matrix_lab" / "examples.json"


def ids(sentence: str) -> list[int]:
    """Each word's place among the sentence's words in alphabetical order."""
    words = sentence.split()
    return [sorted(set(words)).index(word) for word in words]


def worked_example() -> dict[str, object]:
    """X (8, 16) of the sentence, and W_q, W_k, W_v (16, 16) such that Q = X W_q.

    The source multiplies U x with U = rand(16, 16); rows as tokens need its transpose.
    """
    import torch

    torch.manual_seed(SEED)
    X = torch.nn.Embedding(VOCAB, WIDTH).weight.detach()[ids(SENTENCE)]
    torch.manual_seed(SEED)
    U = [torch.rand(WIDTH, WIDTH) for _ in range(3)]
    rounded = [[[round(v, 7) for v in row] for row in m.tolist()] for m in (X, *(u.T for u in U))]
    return {"words": SENTENCE.split(), **dict(zip(("X", "Wq", "Wk", "Wv"), rounded, strict=True))}


if __name__ == "__main__":
    FILE.write_text(json.dumps(worked_example(), separators=(",", ":")) + "\n", "utf-8")
