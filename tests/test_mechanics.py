"""The mechanics of attention against the numbers of its sources, and against torch's own layers."""

import json
import math

import numpy as np
import pytest

from genapp.errors import UserError
from genapp.mechanics import attention as A
from genapp.mechanics import blocks, costs, examples, patterns, positions
from genapp.ui.pages import mechanics


def near(expected: object, digits: int = 3) -> object:
    return pytest.approx(np.asarray(expected), abs=0.51 * 10**-digits)


@pytest.fixture(scope="module")
def example() -> dict[str, np.ndarray]:
    stored = json.loads(examples.FILE.read_text("utf-8"))
    return {name: np.array(stored[name]) for name in ("X", "Wq", "Wk", "Wv")}


class TestWeights:
    def test_softmax(self) -> None:
        row = np.array([0, 0, 0.6, 1, 0, 0, 0])
        assert A.softmax(row) == near([0.105, 0.105, 0.191, 0.285, 0.105, 0.105, 0.105])
        assert A.softmax(row, 0.1)[[2, 3]] == near([0.018, 0.982])
        assert A.softmax(np.array([7.0, 2, 1])) == near([0.99087, 0.00668, 0.00246], 5)
        assert A.normalise(np.array([7.0, 2, 1])) == near([0.7, 0.2, 0.1])

    def test_temperature_must_be_positive(self) -> None:
        with pytest.raises(ValueError, match="temperature is 0"):
            A.softmax(np.ones(3), 0)

    def test_nowhere_to_look_is_not_a_number(self) -> None:
        assert np.isnan(A.softmax(np.full(3, -np.inf))).all()

    def test_double_exponent(self) -> None:
        s = np.array([1.0, 2, 3])
        assert A.softmax(s) == near([0.090, 0.245, 0.665])
        h, q = s[:, None], np.ones(1)
        assert A.softmax(A.exponential(h, q)) == near([0, 0, 1])
        assert A.normalise(A.exponential(h, q, mu=4)) == near([0.090, 0.245, 0.665])


class TestWorkedExample:
    def test_stored_numbers_are_torchs(self, example: dict[str, np.ndarray]) -> None:
        drawn = examples.worked_example()
        assert drawn["words"] == json.loads(examples.FILE.read_text("utf-8"))["words"]
        for name, stored in example.items():
            np.testing.assert_allclose(np.array(drawn[name]), stored, atol=1e-6)
        assert examples.FILE.stat().st_size < 50_000
        assert examples.ids(examples.SENTENCE) == [0, 7, 1, 2, 5, 6, 4, 3]

    def test_without_parameters(self, example: dict[str, np.ndarray]) -> None:
        omega, a, Z = A.self_attention(example["X"])
        assert (omega.shape, Z.shape) == ((8, 8), (8, 16))
        assert np.diag(a) == near([0.9927, 0.9991, 1.0, 0.9517, 0.9974, 1.0, 1.0, 1.0], 4)
        np.testing.assert_allclose(a.sum(1), 1)
        np.testing.assert_allclose(A.self_attention_loop(example["X"]), omega, atol=1e-12)

    def test_with_projections(self, example: dict[str, np.ndarray]) -> None:
        c = A.attend(example["X"], tuple(example[n] for n in ("Wq", "Wk", "Wv")))  # type: ignore[arg-type]
        assert c.scores[1] == near(
            [-25.1623, 9.3602, 14.3667, 32.1482, 53.8976, 46.6626, -1.2131, -32.9392], 4
        )
        assert c.weights[1].max() == near(0.8560, 4)
        assert A.softmax(c.scores[1]).max() == near(0.99928, 5)
        assert c.output[1][[0, 1, 2, 3, -2, -1]] == near(
            [-1.2226, -3.4387, -4.3928, -5.2125, -1.9917, -3.3499], 4
        )

    def test_minimal_layer(self) -> None:
        rng = np.random.default_rng(0)
        X, *W = (rng.standard_normal(s) for s in ((16, 256), *[(256, 256)] * 3))
        c = A.attend(X, tuple(W))  # type: ignore[arg-type]
        assert (c.scores.shape, c.output.shape) == ((16, 16), (16, 256))
        assert 3 * (256 * 256 + 256) == 197_376 == blocks.attention(256, output_projection=False)

    def test_equals_torch(self) -> None:
        import torch
        from torch.nn.functional import scaled_dot_product_attention

        rng = np.random.default_rng(1)
        Q, K, V = (rng.standard_normal(s) for s in ((5, 8), (7, 8), (7, 3)))
        mask = rng.random((5, 7)) < 0.7
        mask[:, 0] = True
        want = scaled_dot_product_attention(
            *(torch.from_numpy(x) for x in (Q, K, V)), attn_mask=torch.from_numpy(mask)
        )
        np.testing.assert_allclose(A.scaled_dot_product_attention(Q, K, V, mask).output, want)


class TestScoring:
    def test_functions(self) -> None:
        rng = np.random.default_rng(2)
        h, q, M = rng.standard_normal((4, 3)), rng.standard_normal(3), rng.standard_normal((3, 3))
        np.testing.assert_allclose(A.bilinear(h, q, np.eye(3)), A.dot(h, q))
        np.testing.assert_allclose(
            A.scaled_dot(h, q, M, M) * math.sqrt(3), A.bilinear(h, q, M.T @ M)
        )
        assert A.additive(h, q, M, M, np.zeros(3)) == pytest.approx(np.zeros(4))
        two = np.tanh(np.concatenate([np.tile(q, (4, 1)), h], 1) @ np.vstack([M.T, M.T])) @ q
        np.testing.assert_allclose(A.additive(h, q, M, M, q), two)  # U h + V q = Ω [h; q]
        assert np.abs(A.query_free(h, q, 0.1)).max() < 1

    def test_parameters(self) -> None:
        n = A.scoring_parameters(256, 128)
        assert n["query_free"] == 257
        assert (n["dot"], n["bilinear"], n["scaled_dot"]) == (0, 65_536, 131_072)


class TestScaling:
    @pytest.mark.parametrize(
        ("d", "std", "raw", "scaled", "largest"),
        [
            (4, 2.02, 1.745, 2.371, 0.433),
            (16, 4.00, 0.908, 2.366, 0.684),
            (64, 7.97, 0.418, 2.362, 0.841),
            (256, 15.98, 0.192, 2.358, 0.923),
            (1024, 32.1, 0.094, 2.356, 0.961),
        ],
    )
    def test_table(self, d: int, std: float, raw: float, scaled: float, largest: float) -> None:
        queries = 1500 if d < 1000 else 500
        plain = A.sharpness(d, 16, 1, queries, seed=d)
        divided = A.sharpness(d, 16, math.sqrt(d), queries, seed=d)
        assert plain.std == pytest.approx(std, rel=0.03)
        assert plain.entropy == pytest.approx(raw, abs=0.04)
        assert divided.entropy == pytest.approx(scaled, abs=0.04)
        assert plain.largest == pytest.approx(largest, abs=0.02)
        assert divided.largest == pytest.approx(0.24, abs=0.02)
        assert divided.gradient > plain.gradient or d == 4
        assert math.log(16) == near(2.773)

    def test_gradient_is_the_jacobians(self) -> None:
        a = A.softmax(np.random.default_rng(3).standard_normal((5, 6)))
        jacobians = [np.linalg.norm(np.diag(row) - np.outer(row, row)) for row in a]
        np.testing.assert_allclose(A.softmax_gradient(a), jacobians)


class TestKinds:
    def test_cross_shape(self) -> None:
        rng = np.random.default_rng(4)
        W = tuple(rng.standard_normal((4, 4)) for _ in range(3))
        c = A.attend(rng.standard_normal((5, 4)), W, memory=rng.standard_normal((3, 4)))  # type: ignore[arg-type]
        assert (c.weights.shape, c.output.shape) == ((5, 3), (5, 4))

    def test_hard_tends_to_soft(self) -> None:
        a = A.softmax(np.array([1.0, 0.2, -1, 0.5]))
        far, close = (np.abs(A.hard_weights(a, n, 5) - a).max() for n in (4, 100_000))
        assert close < 0.01 < far

    def test_reinforce(self) -> None:
        a, r = A.softmax(np.array([1.0, 0.2, -1])), np.array([0.3, -1.0, 2.0])
        rng = np.random.default_rng(6)
        s = rng.choice(3, 200_000, p=a)
        draws = r[s, None] * (np.eye(3)[s] - a)
        np.testing.assert_allclose(draws.mean(0), A.soft_gradient(a, r), atol=0.01)
        assert draws.var(0).sum() == pytest.approx(A.reinforce_variance(a, r), rel=0.02)


class TestMasks:
    def test_right_and_wrong(self) -> None:
        equal, mask = np.zeros((4, 4)), A.causal_mask(4)
        assert A.mask_after_softmax(equal, mask).sum(1) == near([0.25, 0.5, 0.75, 1])
        right = A.softmax(np.where(mask, equal, -np.inf))
        assert right[:, 0] == near([1, 1 / 2, 1 / 3, 1 / 4])
        assert not A.padding_mask(4, 1)[:, 3].any()

    def test_no_leak(self) -> None:
        rng = np.random.default_rng(7)
        X, W = rng.standard_normal((4, 4)), tuple(rng.standard_normal((4, 4)) for _ in range(3))
        other = X.copy()
        other[2] += 1
        for mask, untouched in ((A.causal_mask(4), 2), (None, 0)):
            before, after = (A.attend(x, W, mask).output for x in (X, other))  # type: ignore[arg-type]
            changed = np.abs(before - after).max(1) > 0
            assert changed.tolist() == [i >= untouched for i in range(4)]


class TestPatterns:
    def test_pairs(self) -> None:
        assert 4096**2 == 16_777_216
        assert patterns.pairs_factorised(4096) == 262_144 == 4096**2 // 64

    def test_focal(self) -> None:
        keys = patterns.focal_keys(20, 4, 8, 8)
        assert [sum(p == pool for *_, p in keys) for pool in (1, 2, 4)] == [64, 36, 25]
        assert len(keys) == 125
        assert (16 * len(keys), 16 * 400) == (2000, 6400)
        assert len(patterns.focal_keys(20, 4, 0, 0)) < 125  # clipped at the border

    def test_windows(self) -> None:
        assert patterns.swin_windows(224, 4, 7) == [8, 4, 2, 1]
        assert [w * w for w in patterns.swin_windows(224, 4, 7)] == [64, 16, 4, 1]
        assert patterns.regions(8, 4) == 9
        assert patterns.windows(8, 4).sum(1).tolist() == [16] * 64
        assert patterns.shifted_windows(8, 4).sum(1).max() == 16
        h, C = 56, 96
        assert patterns.msa_cost(h, h, C) == 4 * h * h * C * C + 2 * h**4 * C
        assert patterns.window_msa_cost(h, h, C, 7) * 10 < patterns.msa_cost(h, h, C)
        assert patterns.perceiver_pairs(50_176, 512) == 50_176 * 512 + 512**2

    def test_reach(self) -> None:
        n = 36
        assert patterns.reach(patterns.criss_cross(6), 2).all()
        assert not patterns.reach(patterns.criss_cross(6), 1).all()
        for two_hops in (patterns.strided(n, 6), patterns.fixed(n, 6)):
            assert patterns.reach(two_hops, 2).sum() > 0.9 * patterns.causal(n).sum()
            assert not patterns.reach(two_hops, 9)[~patterns.causal(n)].any()
        assert (patterns.reach(patterns.local(n, 2), 3) == patterns.local(n, 6)).all()
        assert patterns.reach(patterns.global_tokens(n, 1, 1), 2).all()
        mixed = patterns.windows(8, 4).astype(int) @ patterns.shifted_windows(8, 4)
        assert (mixed > 0).sum() > 2 * patterns.windows(8, 4).sum()  # shifting joins windows


class TestCosts:
    @pytest.mark.parametrize(
        ("n", "d", "attention", "recurrent"),
        [
            (512, 512, 134_217_728, 134_217_728),
            (128, 512, 8_388_608, 33_554_432),
            (2048, 512, 2_147_483_648, 536_870_912),
        ],
    )
    def test_crossing(self, n: int, d: int, attention: int, recurrent: int) -> None:
        assert costs.self_attention(n, d).operations == attention
        assert costs.recurrent(n, d).operations == recurrent

    def test_pictures(self) -> None:
        def operations(side: int, patch: int) -> int:
            return costs.self_attention(costs.tokens(side, side, patch), 256).operations

        assert costs.self_attention(4, 256).operations == 4096
        assert operations(256, 1) == 2**40 == 1_099_511_627_776
        assert operations(256, 16) == 16_777_216
        assert operations(256, 64) == 65_536
        assert costs.projections(costs.tokens(256, 256, 64), 256) == 3_145_728
        pixels, patches = costs.tokens(1080, 1920), costs.tokens(1080, 1920, 16)
        assert pixels == 2_073_600
        assert pixels**2 == pytest.approx(4.30e12, rel=1e-3)
        assert costs.map_bytes(pixels) == pytest.approx(8.6e12, rel=1e-3)
        assert patches == pytest.approx(8100, rel=0.01)
        assert patches**2 == pytest.approx(6.6e7, rel=0.02)

    def test_paths(self) -> None:
        assert costs.convolutional(81, 8, 3).path == pytest.approx(4)
        assert costs.restricted(100, 8, 10).path == 10
        assert (costs.recurrent(9, 8).sequential, costs.self_attention(9, 8).sequential) == (9, 1)

    def test_measured(self) -> None:
        got = costs.measure([8, 64], 16, repeats=1)
        assert set(got) == {"gru", "attention"}
        assert all(0 < ms < 5000 for row in got.values() for ms in row)
        pair = costs.measure_loop(16, 16)
        assert pair["loop"] > pair["matmul"] > 0

    @pytest.mark.parametrize(("lengths", "d"), [([], 64), ([4096], 64), ([8], 4), ([8] * 9, 64)])
    def test_bounds(self, lengths: list[int], d: int) -> None:
        with pytest.raises(UserError, match="can't be measured — give"):
            costs.measure(lengths, d)

    @pytest.mark.parametrize(
        ("lengths", "width"), [([], 64), ([2_049], 64), ([8.5], 64), (["8"], 64), ([8], None)]
    )
    def test_the_endpoint_says_what_it_takes(self, lengths: list, width: int) -> None:
        with pytest.raises(UserError, match="can't be measured — give"):
            mechanics.time_layers(lengths, width)
        assert set(mechanics.time_layers([4], 16)) == {"gru", "attention"}


class TestHeads:
    def test_matrices_or_reshape(self) -> None:
        rng = np.random.default_rng(8)
        T, d, h = 5, 12, 3  # T ≠ h: equal numbers would hide a swapped axis
        X, *W = (rng.standard_normal(s) for s in ((T, d), *[(d, d)] * 4))
        out, weights = A.multi_head_attention(X, tuple(W), h)  # type: ignore[arg-type]
        each = [A.attend(X, tuple(w[:, 4 * i : 4 * i + 4] for w in W[:3])) for i in range(h)]  # type: ignore[arg-type]
        np.testing.assert_allclose(np.concatenate([c.output for c in each], 1) @ W[3], out)
        np.testing.assert_allclose(np.stack([c.weights for c in each]), weights)
        assert weights.shape == (h, T, T)

    def test_ablation(self) -> None:
        rng = np.random.default_rng(9)
        X, *W = (rng.standard_normal(s) for s in ((5, 12), *[(12, 12)] * 4))
        none, _ = A.multi_head_attention(X, tuple(W), 3, keep=np.zeros(3, bool))  # type: ignore[arg-type]
        assert not none.any()

    def test_toy_shapes(self) -> None:
        rng = np.random.default_rng(10)  # 8 heads without narrowing: [8, 8, 16] keys → 128 → 16
        x, inputs = rng.standard_normal(16), rng.standard_normal((8, 16))
        Uq, Uk, Uv = (rng.standard_normal((8, 16, 16)) for _ in range(3))
        queries, keys, values = Uq @ x, inputs @ Uk, inputs @ Uv
        assert (queries.shape, keys.shape) == ((8, 16), (8, 8, 16))
        a = A.softmax(np.einsum("hd,htd->ht", queries, keys) / 4)
        concat = np.einsum("ht,htd->hd", a, values).reshape(-1)
        assert concat.shape == (128,)
        assert (rng.standard_normal((16, 128)) @ concat).shape == (16,)

    def test_indivisible(self) -> None:
        with pytest.raises(ValueError, match="width 10 does not divide into 3 heads"):
            A.split_heads(np.ones((2, 10)), 3)


class TestPositions:
    def test_values(self) -> None:
        pe = positions.sinusoidal(4, 16)
        assert pe[1, :4] == near([0.8415, 0.5403, 0.3110, 0.9504], 4)
        assert pe[0].tolist() == [0, 1] * 8

    @pytest.mark.parametrize(
        ("d", "base", "expected", "digits"),
        [
            (20, 10_000, [10.0, 9.447, 7.520, 5.457], 3),
            (20, 2, [10, 7.26, -6.29, 1.78], 2),
        ],
    )
    def test_gram(self, d: int, base: float, expected: list[float], digits: int) -> None:
        G = positions.gram(positions.sinusoidal(100, d, base))
        assert G[0, [0, 1, 5, 20]] == near(expected, digits)
        for distance in (1, 5, 20):
            assert np.ptp(np.diag(G, distance)) < 1e-5  # Toeplitz

    def test_wide(self) -> None:
        G = positions.gram(positions.sinusoidal(128, 512))
        assert G[0, :2] == near([256, 249.1], 1)

    def test_odd_width(self) -> None:
        with pytest.raises(UserError, match="Width 15 is odd — give an even width"):
            positions.sinusoidal(4, 15)

    def test_equivariance(self) -> None:
        rng = np.random.default_rng(11)
        X, W = rng.standard_normal((6, 8)), tuple(rng.standard_normal((8, 8)) for _ in range(3))
        order = rng.permutation(6)
        plain, shuffled = (A.attend(x, W).output for x in (X, X[order]))  # type: ignore[arg-type]
        np.testing.assert_allclose(shuffled, plain[order])
        np.testing.assert_allclose(shuffled.mean(0), plain.mean(0))
        pe = positions.sinusoidal(6, 8)
        placed, moved = (A.attend(x + pe, W).output for x in (X, X[order]))  # type: ignore[arg-type]
        assert np.abs(moved - placed[order]).max() > 0.1

    def test_relative(self) -> None:
        rng = np.random.default_rng(12)
        q, k = rng.standard_normal((2, 5, 8))
        here = positions.rotary(q) @ positions.rotary(k).T
        there = positions.rotary(q, shift=40) @ positions.rotary(k, shift=40).T
        np.testing.assert_allclose(here, there, atol=1e-9)
        assert positions.relative_bias(4, 0.5)[0].tolist() == [0, -0.5, -1, -1.5]

    def test_the_others(self) -> None:
        assert positions.index(4, 2)[3].tolist() == [3, 3]
        assert positions.index_over_length(4, 2, 4).max() == 0.75
        table = positions.learned(8, 16, trained=4, seed=0)
        assert np.abs(table[4:]).max() < 0.1 < np.abs(table[:4]).max()
