"""Autoencoders: sizes of the nets, numbers of the objective, linear theory, live path, cards."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from genapp import checkpoints, service
from genapp.data.shelf import shelf
from genapp.errors import UserError
from genapp.families.autoencoders import atlas, generate, live, maps, objective, theory, train, uses
from genapp.families.autoencoders.model import Autoencoder, Config, build, wide
from genapp.families.autoencoders.spec import B_AXIS, PRESETS, SAMPLERS
from genapp.metrics.digits import judge
from genapp.trainer.loop import TrainConfig

VAE, AE = "vae-dense-b0.784", "ae-dense-2"


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def loaded(name: str) -> service.Loaded:
    return service.models.get("autoencoders", name)


def card(name: str) -> dict:
    return dict(checkpoints.read_meta(checkpoints.find("autoencoders")[name]).metrics)


def test_parameter_counts_are_the_books() -> None:
    assert count(build({"net": "deep", "z": 2})) == 469_010
    assert count(build({"net": "wide", "z": 2, "variational": True})) == 618_580
    assert sum(map(count, wide(2, 4, pixels=768))) == 593_668
    for variational, encoder in ((False, 98_946), (True, 105_220)):
        model = build({"net": "conv", "z": 2, "variational": variational})
        assert (count(model.encoder), count(model.decoder)) == (encoder, 102_017)


def test_conv_goes_28_14_7_and_back() -> None:
    model, sides = build({"net": "conv"}), []
    for layer in [*model.encoder, *model.decoder]:
        layer.register_forward_hook(lambda m, i, o: sides.append(o.shape[-1] if o.ndim == 4 else 0))
    model(torch.rand(1, 28, 28))
    assert [s for s, _ in itertools.groupby(sides)] == [28, 14, 7, 0, 7, 14, 28]


@pytest.mark.parametrize("bad", [{"net": "onion"}, {"z": 0}, {"b": -1.0}])
def test_bad_config_names_the_remedy(bad: dict) -> None:
    with pytest.raises(ValueError, match=r"choose|negative"):
        Config(**bad)


@pytest.mark.parametrize("net", ["deep", "wide", "conv"])
def test_overfits_one_batch(net: str) -> None:
    torch.manual_seed(0)
    model = Autoencoder(Config(net=net, z=8, variational=True, b=0.1))
    x = torch.from_numpy(shelf().digits[::5]).float() / 255
    noise, optimizer = torch.randn(len(x), 8), torch.optim.Adam(model.parameters(), lr=2e-3)
    losses = []
    for _ in range(20):
        loss = objective.loss(x, *model(x, noise), b=0.1)["loss"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_kl_of_one_component() -> None:
    sigma = torch.tensor([0.25, 0.5, 1.0, 2.0, 4.0])
    kl = objective.kl_per_dim(torch.zeros(5), 2 * sigma.log())
    np.testing.assert_allclose(kl, [0.9175, 0.3181, 0, 0.8069, 6.1137], atol=1e-4)
    assert objective.kl_per_dim(torch.tensor(3.0), torch.tensor(0.0)) == 4.5  # ½ μ²


def test_kl_equals_the_library() -> None:
    mu, logvar = torch.randn(2, 50, generator=torch.Generator().manual_seed(0))
    normal = torch.distributions.Normal
    theirs = torch.distributions.kl_divergence(normal(mu, (0.5 * logvar).exp()), normal(0.0, 1.0))
    torch.testing.assert_close(objective.kl_per_dim(mu, logvar), theirs)


def test_knobs_of_other_books() -> None:
    foster = objective.knobs(0.784, 784)
    assert foster["factor"] == pytest.approx(1000)
    assert foster["beta"] == pytest.approx(0.001)
    assert foster["variance"] == pytest.approx(0.392)
    assert objective.knobs(49_152 / 10_000, 49_152)["factor"] == pytest.approx(10_000)


def test_reparametrisation_has_the_moments_and_the_gradient() -> None:
    mu = torch.full((20_000,), 1.5, requires_grad=True)
    logvar = torch.full((20_000,), -1.0)
    z = objective.reparametrise(mu, logvar, torch.Generator().manual_seed(0))
    assert z.mean().item() == pytest.approx(1.5, abs=0.02)
    assert z.std().item() == pytest.approx(np.exp(-0.5), abs=0.02)
    z.square().mean().backward()
    assert mu.grad.sum().item() == pytest.approx(3.0, abs=0.05)  # ∂E[z²]/∂μ = 2μ
    again = objective.reparametrise(mu, logvar, torch.Generator().manual_seed(0))
    assert torch.equal(z, again)


@pytest.mark.parametrize("b", [0.1, 0.8, 1.5])
def test_linear_theory_equals_the_numerical_optimum(b: float) -> None:
    """Minimises E[Σ(x − Wz)²] + b·KL exactly (no sampling) over a linear encoder and decoder."""
    values = torch.tensor([2.0, 0.9, 0.3, 0.1], dtype=torch.float64)
    turn, a, w = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(1)).double()
    turn = torch.linalg.qr(turn)[0]
    cov, eye = turn @ torch.diag(values) @ turn.T, torch.eye(4).double()
    free = a, w, logvar = a[:3] / 2, w[:, :3] / 2, torch.zeros(3).double()

    def parts() -> tuple[Tensor, Tensor, Tensor]:
        rest = eye - w @ a
        at_mu = torch.trace(rest @ cov @ rest.T)
        noise = (w.square().sum(0) * logvar.exp()).sum()
        mu2 = torch.einsum("ij,jk,ik->i", a, cov, a)
        return at_mu, noise, 0.5 * (mu2 + logvar.exp() - 1 - logvar)

    optimizer = torch.optim.LBFGS(
        [p.requires_grad_() for p in free], max_iter=2000, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        at_mu, noise, kl = parts()
        loss = at_mu + noise + b * kl.sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    at_mu, _, kl = parts()
    assert kl.sum().item() == pytest.approx(theory.kl(values, b, 3).sum(), abs=1e-3)
    assert at_mu.item() == pytest.approx(theory.squared_error(values, b, 3), abs=1e-3)


def test_thresholds_of_the_digits() -> None:
    eigenvalues = judge().reference.eigenvalues
    np.testing.assert_allclose(theory.thresholds(eigenvalues)[:3], [10.2, 7.48, 6.51], atol=0.05)
    assert theory.alive(eigenvalues, 7.84, 2).tolist() == [True, False]
    assert [*theory.kl(eigenvalues, 20, 2), *theory.spread(eigenvalues, 20, 2)] == [0, 0, 1, 1]


def test_batches_follow_from_seed_and_number() -> None:
    config = TrainConfig(**PRESETS["micro"].train["cpu"])
    first, second = (train.recipe("micro", config).batch(5) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_noise_and_left_out_digit_reach_the_batches() -> None:
    pictures = train.digits(left_out=1, stand_in=True)
    assert len(pictures.train) < len(train.digits(stand_in=True).train)
    assert 1 in pictures.test_labels
    model = Autoencoder(Config(net="deep", noise=0.8))
    dirty, clean, _ = train._batches(pictures.train, model, TrainConfig(steps=1, batch=8))(0)
    assert (dirty - clean).abs().mean() > 0.05
    assert 0 <= dirty.min() <= dirty.max() <= 1


def test_own_pictures_need_a_hundred(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from PIL import Image

    rng = np.random.default_rng(0)
    for i in range(120):
        if i == 5:
            with pytest.raises(UserError, match="at least 100"):
                train.own_pictures(tmp_path)
        Image.fromarray(rng.integers(0, 256, (40, 30), np.uint8)).save(tmp_path / f"{i}.png")
    config = TrainConfig(steps=2, batch=16)
    task = train.recipe("micro", config, tmp_path)
    assert task.batch(0)[0].shape == (16, 28, 28)
    metrics, files = task.finish(task.model.eval())
    assert "samplers" not in metrics  # the digit classifier has nothing to say about these
    found = atlas.unpack(files)
    assert set(found.labels) == {atlas.UNKNOWN}
    assert found.error_digits.shape == (1, atlas.BINS)


def test_atlas_survives_the_file() -> None:
    task = train.recipe("micro", TrainConfig(steps=1, batch=8))
    metrics, files = task.finish(task.model.eval())
    found = atlas.unpack(files)
    again = atlas.unpack(atlas.pack(found))
    for name in atlas.Atlas.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(found, name), getattr(again, name))
    assert found.error_digits.sum() == len(task.batch(0)) * 99  # 297 test digits
    assert set(metrics["samplers"]) == set(SAMPLERS)
    with pytest.raises(UserError, match="no atlas"):
        atlas.unpack({})


def test_live_decode_takes_400_codes_and_clamps() -> None:
    z = np.random.default_rng(0).standard_normal((400, 2)).astype(np.float32)
    images = service.live("autoencoders", VAE, "decode", z)
    assert images.shape == (400, 28, 28)
    assert images.dtype == np.uint8
    far = service.live("autoencoders", VAE, "decode", np.float32([[100, -100], [6, -6]]))
    np.testing.assert_array_equal(far[0], far[1])
    low, high = live.bounds(loaded(AE))
    corner = service.live("autoencoders", AE, "decode", np.stack([high + 9, high]))
    np.testing.assert_array_equal(corner[0], corner[1])
    assert (high - low > 6).all()  # an autoencoder's codes know no bounds


def test_live_encode_has_the_documented_columns() -> None:
    pictures = shelf().digits[::9].reshape(-1, 784).astype(np.float32)
    for name, variational in ((VAE, True), (AE, False)):
        rows = service.live("autoencoders", name, "encode", pictures)
        assert rows.shape == (len(pictures), 2 * 2 + 784 + 1)
        mu, sigma, made, error = np.split(rows, [2, 4, 788], axis=1)
        assert (sigma > 0).all() if variational else not sigma.any()
        np.testing.assert_allclose(live.render(loaded(name), mu).reshape(-1, 784), made, atol=1)
        clamped = np.square(pictures - made).sum(1) / 255**2
        np.testing.assert_allclose(error[:, 0], clamped, rtol=0.1)


@pytest.mark.parametrize(
    ("op", "shape"),
    [("decode", (3, 5)), ("decode", (401, 2)), ("decode", (0, 2)), ("encode", (1, 783))],
)
def test_live_refuses_wrong_shapes(op: str, shape: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="send"):
        service.live("autoencoders", VAE, op, np.zeros(shape, np.float32))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_same_seed_same_digits_and_the_seed_comes_back(sampler: str) -> None:
    first, again = (
        service.run("autoencoders", checkpoint=VAE, sampler=sampler, count=12, seed=3)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.images, again.images)
    assert (first.seed, first.gauges.count) == (3, 12)
    assert service.run("autoencoders", checkpoint=VAE, sampler=sampler, count=2).seed >= 0
    if sampler != "mixture":
        cold = service.run(
            "autoencoders", checkpoint=VAE, sampler=sampler, count=4, temperature=0.0
        )
        assert (cold.images == cold.images[0]).all()


def test_samplers_have_the_moments_they_claim() -> None:
    found, rng = live.atlas_of(loaded(AE)), np.random.default_rng(0)
    for sampler in ("fitted normal", "mixture"):
        z = generate.draw(found, sampler, 20_000, 1.0, rng)
        np.testing.assert_allclose(z.mean(0), found.mean, atol=0.15)
        np.testing.assert_allclose(np.cov(z.T), found.cov, atol=0.08 * np.abs(found.cov).max())
    z = generate.draw(found, "box", 5_000, 1.0, rng)
    assert ((z >= found.box[0]) & (z <= found.box[1])).all()


def test_bad_requests_say_what_to_try() -> None:
    for fields, word in (({"count": 101}, "1 to 100"), ({"sampler": "dice"}, "prior"),
                         ({"checkpoint": "onion"}, VAE)):  # fmt: skip
        with pytest.raises(UserError, match=word):
            service.run("autoencoders", **fields)


def test_traversal_and_path() -> None:
    model = loaded(VAE)
    rows = generate.traversal(model, np.zeros(2), n=9)
    assert rows.images.shape == (2, 9, 28, 28)
    assert rows.kl[0] >= rows.kl[1]
    assert (rows.change > 0.5).all()
    a, b = np.array([-1.5, 0.5]), np.array([1.0, 1.5])
    walk = generate.path(model, a, b)
    np.testing.assert_array_equal(walk.images[[0, -1]], live.render(model, np.stack([a, b])))
    np.testing.assert_array_equal(walk.fade[[0, -1]], walk.images[[0, -1]])
    assert walk.steps.shape == (9,)
    assert walk.jump >= 1
    arc = generate.slerp(np.eye(200)[0] * 3, np.eye(200)[1] * 3, np.array([[0.5]]))
    assert np.linalg.norm(arc) == pytest.approx(3)
    still = generate.path(model, a, a, spherical=True)
    assert not still.steps.any()


def test_maps_cover_the_plane() -> None:
    model = loaded(VAE)
    found = live.atlas_of(model)
    plane, xs, ys = maps.Plane.of(found), np.linspace(-3, 3, 6), np.linspace(3, -3, 5)
    assert maps.mosaic(model, plane, xs, ys).shape == (5 * 28, 6 * 28)
    np.testing.assert_array_equal(
        maps.mosaic(model, plane, xs, ys)[28:56, :28], live.render(model, np.array([[-3, 1.5]]))[0]
    )
    holes = maps.holes(found, plane, xs, ys)
    assert holes.shape == (5, 6)
    assert holes[0, 0] > holes[2, 2]
    assert maps.density(found, plane, xs, ys).max() == 1
    assert (maps.speed(model, plane, xs, ys) > 0).any()
    labels, sure = maps.regions(model, plane, xs, ys)
    assert labels.shape == sure.shape == (5, 6)
    np.testing.assert_allclose(plane.project(plane.codes(xs, ys))[:6, 0], xs, atol=1e-6)
    assert generate.thumbnail(loaded).startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", uses.NOISES)
def test_denoise_reports_every_method(kind: str) -> None:
    digit = shelf().digits[70]
    first, again = (uses.denoise(loaded("ae-denoise"), digit, kind, 0.4, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first.noisy, again.noisy)
    assert set(first.outputs) == set(uses.CLEANERS)
    assert set(first.psnr) == {"noisy", *uses.CLEANERS}
    assert (first.noisy != digit).any()
    if kind == "gaussian":
        assert first.psnr["network"] > first.psnr["total variation"] > first.psnr["noisy"]


@pytest.mark.parametrize(("kind", "level"), [("glitter", 0.2), ("mask", 1.5)])
def test_denoise_refuses_unknown_noise(kind: str, level: float) -> None:
    with pytest.raises(UserError, match=r"choose one of|from 0 to 1"):
        uses.denoise(loaded("ae-denoise"), shelf().digits[0], kind, level, 0)


def test_total_variation_minimises_its_objective() -> None:
    rng = np.random.default_rng(0)
    square = np.zeros((28, 28))
    square[8:20, 8:20] = 1
    noisy = np.clip(square + 0.3 * rng.standard_normal(square.shape), 0, 1)

    def cost(x: np.ndarray) -> float:
        tv = np.sqrt(np.square(uses._gradient(x)).sum(0)).sum()
        return 0.5 * np.square(x - noisy).sum() + 0.15 * tv

    best = uses.total_variation(noisy, 0.15, steps=500)
    others = (best + 0.02 * rng.standard_normal(best.shape) for _ in range(20))
    assert all(cost(best) < cost(x) for x in others)
    assert uses.psnr(square, best) > uses.psnr(square, noisy) + 2


def test_intruders_are_odder_than_digits() -> None:
    model = loaded("ae-dense-32")
    digits = [uses.anomaly_score(model, x).error for x in shelf().digits[::5]]
    intruders = [uses.anomaly_score(model, x) for x in shelf().intruders]
    assert np.median([o.error for o in intruders]) > 2 * np.median(digits)
    assert np.mean([o.odd for o in intruders]) > 0.3  # letters: strokes too, so many pass
    assert intruders[0].error_map.sum() == pytest.approx(intruders[0].error, rel=1e-4)


def test_roc_of_known_errors() -> None:
    curve, auc = uses.roc(np.array([0.0, 1, 2, 3]), np.array([2.5, 4, 5, 6]))
    assert auc == pytest.approx(15 / 16)
    assert curve[0].tolist() == [0.0, 0.75]
    assert curve[-1].tolist() == [1.0, 1.0]
    assert (np.diff(curve, axis=0) >= 0).all()


def test_polish_never_raises_the_loss() -> None:
    found = uses.polish(loaded(VAE), shelf().digits[42], steps=30)
    assert (np.diff(found.losses) <= 0).all()
    assert found.losses[-1] < found.losses[0]


def test_the_b_sweep_obeys_the_table() -> None:
    cards = [card(f"vae-dense-b{b:g}") for b in B_AXIS]
    kl, sse = ([c[name] for c in cards] for name in ("test_kl", "test_sse"))
    assert (np.diff(kl) < 0).all(), kl
    assert (np.diff(sse) > 0).all(), sse
    assert max(sse[:3]) - min(sse[:3]) < 1.0  # below b 0.1 the prior costs next to nothing
    assert [c["active"] for c in cards] == [2, 2, 2, 2, 2, 1, 0]
    table = [32.40, 32.45, 32.68, 32.98, 33.79, 49.28, 52.94]
    for ours, theirs in zip(sse, table, strict=True):
        assert ours < theirs * 1.02
    sigma = [0.0008, 0.009, 0.031, 0.106, 0.194, 0.880, 0.999]
    np.testing.assert_allclose([c["sigma"] for c in cards], sigma, rtol=0.25)


def test_autoencoders_beat_pca_where_it_matters() -> None:
    for z, target in ((2, 0.0405), (8, 0.022), (32, 0.0136)):
        found = card(f"ae-dense-{z}")
        assert found["test_mse"] <= target * 1.02, z
        assert found["test_mse"] <= found["pca_mse"], z
    assert card(AE)["test_mse"] <= 0.8 * card(AE)["pca_mse"]


def test_denoiser_beats_total_variation_when_it_is_noisy() -> None:
    psnr = card("ae-denoise")["denoising"]
    for sigma in ("0.4", "0.6", "0.8"):
        assert psnr[sigma]["network"] == max(psnr[sigma].values())


def test_the_stories_hold() -> None:
    assert card(AE)["auc_intruders"] > 0.918
    assert card("ae-dense-32")["auc_intruders"] > 0.985
    assert card("ae-no-ones")["left_out"]["auc"] < 0.5  # a 1 is easy even if never seen

    assert card(AE)["path_jump"] > 1.2 * card(VAE)["path_jump"]
    assert card(AE)["distance_1_7_ratio"] > 1.2 * card(VAE)["distance_1_7_ratio"]


def test_convolutional_numbers() -> None:
    assert card("vae-conv-2")["test_sse"] <= 32
    assert card("ae-conv")["test_mse"] <= 0.04  # the target was 0.038
    sixteen = card("vae-conv-16")
    assert sixteen["test_mse"] <= 0.016
    assert sixteen["samplers"]["prior"]["classes"] >= 8.5
    np.testing.assert_allclose(sixteen["posterior_mean"], 0, atol=0.1)
    np.testing.assert_allclose(sixteen["posterior_std"], 1, atol=0.1)
