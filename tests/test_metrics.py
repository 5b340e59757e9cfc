"""Sample-quality measures against closed forms, and the shipped classifier's numbers."""

from dataclasses import replace

import numpy as np
import pytest

from genapp import checkpoints
from genapp.data.shelf import shelf
from genapp.errors import UserError
from genapp.metrics import digits, frechet, gauges, neighbours
from genapp.metrics.digits import effective_classes, judge


def test_frechet_is_zero_for_equal_and_closed_form_for_diagonal_gaussians() -> None:
    rng = np.random.default_rng(0)
    a = frechet.Gaussian(np.zeros(3), np.diag([1.0, 4.0, 9.0]))
    b = frechet.Gaussian(np.array([3.0, 0.0, 4.0]), np.diag([4.0, 4.0, 1.0]))
    assert frechet.distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet.distance(a, b) == pytest.approx(25 + (1 - 2) ** 2 + 0 + (3 - 1) ** 2)
    assert frechet.distance(a, b) == pytest.approx(frechet.distance(b, a))
    few = frechet.fit(rng.standard_normal((5, 64)))  # a singular covariance stays real
    assert np.isfinite(frechet.distance(few, frechet.fit(rng.standard_normal((500, 64)))))


def test_frechet_equals_the_general_matrix_root() -> None:
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(1)
    a, b = (frechet.fit(rng.standard_normal((50, 6)) @ rng.standard_normal((6, 6))) for _ in "ab")
    cross = np.trace(sqrtm(a.cov @ b.cov).real)
    expected = np.square(a.mean - b.mean).sum() + np.trace(a.cov + b.cov) - 2 * cross
    assert frechet.distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_fewer_real_samples_have_a_higher_floor() -> None:
    features = np.random.default_rng(0).standard_normal((2000, 8))
    real = frechet.fit(features)
    small, large = (frechet.floor(features, real, n) for n in (30, 500))
    assert small > 2 * large > 0
    floors = judge().reference.floors
    assert (np.diff(floors) < 0).all()
    assert floors[1] > judge().reference.floor(50) > floors[2]


def test_effective_classes_counts_what_is_used() -> None:
    assert effective_classes(np.eye(10)) == pytest.approx(10)
    assert effective_classes(np.eye(10)[[3, 3, 3]]) == pytest.approx(1)
    assert effective_classes(np.eye(10)[[0, 1, 0, 1]]) == pytest.approx(2)


@pytest.mark.parametrize("order", [1, 2])
def test_nearest_equals_brute_force(order: int) -> None:
    rng = np.random.default_rng(0)
    pool = rng.integers(0, 256, (5000, 4, 4), np.uint8)  # more than one block
    images = np.concatenate([pool[[4321]], rng.integers(0, 256, (3, 4, 4), np.uint8)])
    apart, index = neighbours.nearest(images, pool, k=3, order=order)
    x, y = images.reshape(4, -1) / 255, pool.reshape(5000, -1) / 255
    whole = np.linalg.norm(x[:, None] - y, ord=order, axis=2)
    np.testing.assert_array_equal(index, np.argsort(whole, axis=1, kind="stable")[:, :3])
    np.testing.assert_allclose(apart, np.sort(whole, axis=1)[:, :3], atol=2e-3)
    assert apart[0, 0] < 2e-3


def test_pair_distance_of_equal_and_of_opposite_pictures() -> None:
    black, white = np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)
    assert neighbours.pair_distance(np.stack([black, black])) == 0
    assert neighbours.pair_distance(np.stack([black, white])) == pytest.approx(28)
    assert neighbours.pair_distance(black[None]) == 0


def test_shipped_classifier_reaches_its_numbers() -> None:
    meta = checkpoints.read_meta(checkpoints.find("metrics")["digits"])
    assert meta.metrics["test_accuracy"] >= 0.983
    assert meta.metrics["effective_classes"] == pytest.approx(9.98, abs=0.02)
    assert 0.92 <= meta.metrics["confident_share"] <= 0.99
    assert meta.metrics["frechet_test_vs_train"] < 3
    assert meta.metrics["nearest_p50"] == pytest.approx(4.5, abs=0.5)
    eigenvalues = judge().reference.eigenvalues
    np.testing.assert_allclose(eigenvalues[:3], [5.117, 3.741, 3.253], atol=0.002)


def test_training_the_classifier_is_one_call(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(digits.mnist, "load", lambda split: digits.mnist.stand_in())
    monkeypatch.setattr(digits, "HELD_OUT", 200)
    best = digits.train(tmp_path, replace(digits.TRAIN, steps=20, batch=64))
    assert checkpoints.load(best).files.keys() == {digits.REFERENCE}
    assert 0.2 < checkpoints.read_meta(best).metrics["test_accuracy"] <= 1


def test_classifier_reads_the_shelf() -> None:
    critic = judge()
    _, p = critic.look(shelf().digits)
    assert (p.argmax(1) == np.repeat(np.arange(10), 10)).mean() >= 0.85  # other writers


def test_gauges_of_real_digits_without_a_data_set() -> None:
    real = gauges.measure(shelf().digits)
    assert real.nearest is None
    assert "not on this machine" in real.reason
    assert real.frechet is not None
    assert real.frechet > real.real_frechet  # other writers are told apart
    assert real.confident > 0.65
    assert real.classes > 8.5
    assert real.pairs > real.real_pairs / 2
    assert gauges.measure(shelf().digits[:5]).frechet is None  # too few to say


def test_class_shaped_noise_is_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    real = shelf().digits
    monkeypatch.setattr(gauges, "training_digits", lambda: real)
    noise = gauges.pixel_noise(real, 60, np.repeat(np.arange(10), 10))
    found = gauges.measure(noise)
    assert found.flagged is not None
    sure = found.confidence > 0.9
    assert sure.any()
    assert found.flagged.tolist() == (sure & (found.nearest[:, 0] > found.far)).tolist()
    copies = gauges.measure(real)
    assert not copies.flagged.any()
    np.testing.assert_array_equal(copies.neighbours[:, 0], real)


def test_gauges_refuse_what_is_not_a_picture() -> None:
    with pytest.raises(UserError, match="uint8 pictures"):
        gauges.measure(np.zeros((3, 28, 28)))
