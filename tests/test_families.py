"""One suite over the registry: what every family owes, checked on its ``micro`` preset.

A family gets these tests for free by having a ``micro`` preset that trains without any download
(on a stand-in data set) in a second or two.
"""

from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genapp import checkpoints, registry, service
from genapp.spec import params, resolve
from genapp.trainer.loop import TrainConfig, Trainer

FAMILIES = sorted(registry.all_families())


def task_of(family: str, **changes: object):  # type: ignore[no-untyped-def]
    spec = registry.get(family)
    config = TrainConfig(**{**spec.presets["micro"].train["cpu"], **changes})  # type: ignore[arg-type]
    return resolve(spec.recipe)("micro", config, None), config


@pytest.fixture(scope="module")
def micro(request, tmp_path_factory):  # type: ignore[no-untyped-def]
    """A checkpoint of the micro preset under a home of its own: (family, home)."""
    family = request.param
    home = tmp_path_factory.mktemp(family)
    task, config = task_of(family, steps=20, eval_every=20)
    trainer = Trainer(task, config, home / "run")
    trainer.fit()
    trainer.finish()
    (home / "checkpoints" / family).mkdir(parents=True)
    (home / "run" / "best").rename(home / "checkpoints" / family / "micro")
    return family, home


@pytest.mark.parametrize("family", FAMILIES)
class TestSpec:
    def test_says_what_it_is(self, family: str) -> None:
        spec = registry.get(family)
        assert spec.title
        assert spec.blurb.endswith(".")
        for tab in spec.tabs:
            assert callable(resolve(tab.build))

    def test_requests_carry_their_limits(self, family: str) -> None:
        for name, about in params(registry.get(family).request).items():
            assert about.label, name
        assert "seed" in params(registry.get(family).request)

    def test_presets_name_both_scales(self, family: str) -> None:
        for name, preset in registry.get(family).presets.items():
            for scale, train in preset.train.items():
                assert scale in {"cpu", "gpu"}, name
                TrainConfig(**train)

    def test_every_shipped_checkpoint_loads_and_has_its_numbers(self, family: str) -> None:
        found = checkpoints.find(family)
        assert found, "a family ships at least one checkpoint"
        for name, folder in found.items():
            meta = checkpoints.load(folder).meta
            assert meta.preset in registry.get(family).presets, name
            assert meta.metrics, name
            assert all(d["licence"] and d["source"] for d in meta.data), name
            assert meta.seconds > 0, name
            assert (folder / checkpoints.WEIGHTS).stat().st_size <= 16 << 20, name
            model = resolve(registry.get(family).model)(meta.config)
            assert sum(p.numel() for p in model.parameters()) == meta.parameters, name


@pytest.mark.parametrize("family", FAMILIES)
class TestTraining:
    def test_loss_falls_on_one_batch(self, family: str) -> None:
        task, _ = task_of(family, steps=20)
        batch, model = task.batch(0), task.model.train()
        losses = []
        for _ in range(20):
            torch.manual_seed(0)
            loss = task.losses(model, batch)["loss"]
            loss.backward()
            for optimizer in task.optimizers.values():
                optimizer.step()
                optimizer.zero_grad()
            losses.append(float(loss.detach()))
        assert losses[-1] < 0.97 * losses[0], losses

    def test_resumed_equals_never_stopped(self, family: str, tmp_path: Path) -> None:
        def train(folder: str, stop: int | None = None) -> Trainer:
            task, config = task_of(family, steps=6, eval_every=3)
            trainer = Trainer(task, config, tmp_path / folder)
            trainer.resume()
            if stop:
                trainer.hooks.should_stop = lambda step: step >= stop
            trainer.fit()
            return trainer

        whole = train("whole")
        train("parts", stop=3)
        resumed = train("parts")
        pairs = zip(
            whole.raw_model.state_dict().items(),
            resumed.raw_model.state_dict().items(),
            strict=True,
        )
        for (name, a), (_, b) in pairs:
            assert torch.equal(a, b), name


@pytest.mark.parametrize("micro", FAMILIES, indirect=True)
class TestServing:
    @pytest.fixture(autouse=True)
    def _home(self, micro, monkeypatch):  # type: ignore[no-untyped-def]
        self.family, home = micro
        monkeypatch.setenv("GENAPP_HOME", str(home))
        monkeypatch.setattr(service, "models", service.Models())

    def test_same_seed_same_result(self, micro) -> None:  # type: ignore[no-untyped-def]
        frames = [list(service.stream(self.family, checkpoint="micro", seed=7)) for _ in range(2)]
        assert not any(isinstance(f, service.Failure) for f in frames[0]), frames[0]
        assert _timeless(frames[0]) == _timeless(frames[1])

    def test_saved_weights_are_the_trained_ones(self, micro) -> None:  # type: ignore[no-untyped-def]
        loaded = service.models.get(self.family, "micro")
        again = service.Models().get(self.family, "micro")
        for a, b in zip(loaded.model.parameters(), again.model.parameters(), strict=True):
            assert torch.equal(a, b)

    @pytest.mark.parametrize("seed", [float("nan"), "x", 2**40, None])
    def test_bad_seed_is_a_failure_in_words(self, micro, seed: object) -> None:  # type: ignore[no-untyped-def]
        (failure,) = service.stream(self.family, checkpoint="micro", seed=seed)
        assert isinstance(failure, service.Failure)
        assert " — " in str(failure)

    def test_damaged_checkpoint_is_a_failure_in_words(self, micro, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
        folder = checkpoints.find(self.family)["micro"]
        copy = tmp_path / "checkpoints" / self.family / "broken"
        checkpoints.write_folder(copy, {p.name: p.read_bytes() for p in folder.iterdir()})
        (copy / checkpoints.WEIGHTS).write_bytes(b"not weights")
        monkeypatch.setenv("GENAPP_HOME", str(tmp_path))
        (failure,) = service.stream(self.family, checkpoint="broken")
        assert "damaged — " in str(failure)

    def test_config_from_elsewhere_is_a_failure_in_words(
        self, micro, tmp_path, monkeypatch
    ) -> None:  # type: ignore[no-untyped-def]
        checkpoint = checkpoints.load(checkpoints.find(self.family)["micro"])
        wrong = replace(checkpoint.meta, config={"layers_of_onion": 3})
        checkpoints.save(
            tmp_path / "checkpoints" / self.family / "wrong",
            checkpoint.tensors,
            wrong,
            checkpoint.files,
        )
        monkeypatch.setenv("GENAPP_HOME", str(tmp_path))
        (failure,) = service.stream(self.family, checkpoint="wrong")
        assert "doesn't fit" in str(failure)


def _timeless(frames: list) -> list:
    """Frames without what the clock decides."""
    return [_plain(frame) for frame in frames]


def _plain(value: object) -> object:
    if is_dataclass(value):
        clock = {"tokens_per_s", "seconds"}
        return {
            f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.name not in clock
        }
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    return value
