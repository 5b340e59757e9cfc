"""The sampler: TXT-02's numbers, transformers as the judge, and honest dice."""

import math

import numpy as np
import pytest
import torch

from genapp.families.gpt import sampling
from genapp.families.gpt.sampling import Sampler

FIVE = torch.tensor([0.5, 0.3, 0.1, 0.06, 0.04]).log()


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "sampler",
    [
        Sampler(temperature=0.7),
        Sampler(top_k=7),
        Sampler(top_p=0.6),
        Sampler(top_p=0.001),
        Sampler(min_p=0.2),
        Sampler(typical_p=0.5),
        Sampler(repetition=1.4),
        Sampler(no_repeat_ngram=2),
        Sampler(banned=((5,), (3, 9))),
        Sampler(temperature=1.3, top_k=20, top_p=0.8, min_p=0.05, typical_p=0.9, repetition=1.2),
    ],
)
def test_filters_equal_transformers(sampler, seed):
    from transformers import generation as g

    logits = torch.randn(60, generator=torch.Generator().manual_seed(seed)) * 3
    seen, scores = [3, 7, 3, 9, 12, 3], logits[None].clone()
    ids, s = torch.tensor([seen]), sampler
    steps = [
        s.repetition != 1 and g.RepetitionPenaltyLogitsProcessor(s.repetition),
        s.no_repeat_ngram and g.NoRepeatNGramLogitsProcessor(s.no_repeat_ngram),
        s.banned and g.NoBadWordsLogitsProcessor([list(b) for b in s.banned], eos_token_id=59),
        s.temperature != 1 and g.TemperatureLogitsWarper(s.temperature),
        s.top_k and g.TopKLogitsWarper(s.top_k),
        s.top_p < 1 and g.TopPLogitsWarper(s.top_p),
        s.min_p and g.MinPLogitsWarper(s.min_p),
        s.typical_p < 1 and g.TypicalLogitsWarper(s.typical_p),
    ]
    for step in filter(None, steps):
        scores = step(ids, scores)
    torch.testing.assert_close(sampling.shape(logits, seen, s), scores[0].softmax(0))


@pytest.mark.parametrize(
    ("temperature", "probs", "entropy"),
    [
        (0.1, [0.994, 0.006, 0, 0, 0], 0.037),
        (0.8, [0.563, 0.298, 0.075, 0.040, 0.024], 1.096),
        (1.3, [0.434, 0.293, 0.126, 0.085, 0.062], 1.365),
        (2.0, [0.351, 0.272, 0.157, 0.122, 0.099], 1.497),
        (10.0, [0.228, 0.217, 0.194, 0.184, 0.177], 1.605),
    ],
)
def test_temperature_table(temperature, probs, entropy):
    shaped = sampling.shape(FIVE, [], Sampler(temperature=temperature))
    assert shaped.tolist() == pytest.approx(probs, abs=6e-4)
    assert sampling.entropy(shaped) == pytest.approx(entropy, abs=6e-4)


@pytest.mark.parametrize(
    ("sampler", "kept"),
    [
        (Sampler(top_k=2), [0.625, 0.375]),
        (Sampler(top_p=0.45), [1.0]),
        (Sampler(top_p=0.75), [0.625, 0.375]),
        (Sampler(top_p=0.85), [0.5 / 0.9, 0.3 / 0.9, 0.1 / 0.9]),
        (Sampler(min_p=0.1), [0.5 / 0.96, 0.3 / 0.96, 0.1 / 0.96, 0.06 / 0.96]),
        (Sampler(temperature=1.3, top_p=0.8), [0.509, 0.344, 0.148]),
        (Sampler(temperature=0), [1.0]),
        (Sampler(temperature=1e-3), [1.0]),
    ],
)
def test_filter_table(sampler, kept):
    shaped = sampling.shape(FIVE, [], sampler).tolist()
    assert [p for p in shaped if p > 0] == pytest.approx(kept, abs=6e-4)


def test_top_p_without_a_full_sort_keeps_the_same_set():
    logits = torch.randn(5000, generator=torch.Generator().manual_seed(0)) * 4
    for p in (0.3, 0.9, 0.99):
        probs, order = logits.softmax(0).sort(descending=True)
        count = int((probs.cumsum(0) - probs < p).sum())
        assert set(sampling.keep_top_p(logits, p).isfinite().nonzero()[:, 0].tolist()) == set(
            order[:count].tolist()
        )


def test_presence_once_frequency_each_time():
    s = Sampler(presence=0.5, frequency=0.25)
    change = sampling.penalise(torch.ones(4), [2, 2, 3], s) - 1
    assert change.tolist() == pytest.approx([0, 0, -1.0, -0.75])


def test_drawn_frequencies_follow_the_probabilities():
    generator, n, probs = torch.Generator().manual_seed(0), 100_000, FIVE.exp()
    counts = np.bincount([sampling.draw(probs, generator) for _ in range(n)], minlength=5) / n
    for share, p in zip(counts, probs.tolist(), strict=True):
        assert abs(share - p) < 3 * math.sqrt(p * (1 - p) / n)


def test_a_dropped_token_is_never_drawn():
    generator, probs = torch.Generator().manual_seed(0), torch.tensor([0.0, 0.5, 0.0, 0.5, 0.0])
    assert {sampling.draw(probs, generator) for _ in range(200)} == {1, 3}
