"""Specs, requests, checkpoints, the model cache: the parts every family stands on."""

import errno
import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genapp import checkpoints, registry, service
from genapp.errors import UserError
from genapp.spec import param, validate


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    checkpoint: str = param("a", "Checkpoint", max_length=10)
    style: str = param("plain", "Style", choices=("plain", "bold"))
    temperature: float = param(1.0, "Temperature", low=0, high=5, step=0.1)
    count: int = param(3, "Count", low=1, high=9)
    loud: bool = param(False, "Loud")


def meta(**changes: object) -> checkpoints.Meta:
    fields = {
        "family": "toy", "preset": "toy", "config": {"d": 2}, "step": 1, "steps": 2, "seed": 0,
        "data": ({"name": "x", "licence": "y", "source": "z"},), "metrics": {"val_loss": 1.0},
        "hardware": "cpu", "seconds": 1.0, "parameters": 3,
    }  # fmt: skip
    return checkpoints.Meta(**{**fields, **changes})  # type: ignore[arg-type]


class TestRequests:
    def test_numbers_take_their_type(self) -> None:
        clean = validate(Request(temperature=2, count=4.0))  # type: ignore[arg-type]
        assert clean == Request(temperature=2.0, count=4)
        assert isinstance(clean.temperature, float)
        assert isinstance(clean.count, int)

    @pytest.mark.parametrize(
        "bad",
        [
            {"temperature": float("nan")},
            {"temperature": 5.1},
            {"temperature": "hot"},
            {"temperature": None},
            {"temperature": True},
            {"count": 2.5},
            {"count": -1},
            {"style": "loud"},
            {"style": 3},
            {"checkpoint": "x" * 11},
            {"loud": "yes"},
        ],
    )
    def test_bad_values_say_what_and_what_to_try(self, bad: dict) -> None:
        with pytest.raises(UserError, match=" — ") as caught:
            validate(Request(**bad))
        assert next(iter(bad)).capitalize() in caught.value.what

    def test_long_values_are_not_echoed_whole(self) -> None:
        with pytest.raises(UserError) as caught:
            validate(Request(style="z" * 100_000))
        assert len(str(caught.value)) < 200


class TestRegistry:
    def test_unknown_family_lists_the_known(self) -> None:
        with pytest.raises(UserError, match="gpt"):
            registry.get("nope")

    def test_names_match_folders(self) -> None:
        for name, spec in registry.all_families().items():
            assert spec.name == name


class TestCheckpoints:
    def test_round_trip(self, tmp_path: Path) -> None:
        weight = torch.randn(3, 4)
        folder = checkpoints.save(tmp_path / "a", {"w": weight}, meta(), {"x.json": b"{}"})
        loaded = checkpoints.load(folder)
        assert torch.equal(loaded.tensors["w"], weight)
        assert loaded.files == {"x.json": b"{}"}
        assert replace(loaded.meta, files={}) == meta()

    def test_half_and_tied_weights(self, tmp_path: Path) -> None:
        weight = torch.randn(3, 4)
        tensors = {"a": weight, "b": weight, "n": torch.arange(3)}
        loaded = checkpoints.load(checkpoints.save(tmp_path / "a", tensors, meta(), half=True))
        assert loaded.tensors["a"].dtype == torch.float16
        assert loaded.tensors["n"].dtype == torch.int64

    def test_damage_is_named(self, tmp_path: Path) -> None:
        folder = checkpoints.save(tmp_path / "a", {"w": torch.zeros(9)}, meta())
        blob = bytearray((folder / checkpoints.WEIGHTS).read_bytes())
        blob[-1] ^= 1
        (folder / checkpoints.WEIGHTS).write_bytes(blob)
        with pytest.raises(UserError, match=r"weights.safetensors is missing or damaged — "):
            checkpoints.load(folder)
        (folder / checkpoints.WEIGHTS).unlink()
        with pytest.raises(UserError, match="missing or damaged"):
            checkpoints.load(folder)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"data": 3}', "\x00"])
    def test_unreadable_meta(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "meta.json").write_text(text)
        with pytest.raises(UserError, match=" — "):
            checkpoints.read_meta(tmp_path / "a")

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="missing — train it"):
            checkpoints.read_meta(tmp_path / "a")

    def test_a_listed_path_cannot_leave_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("s")
        folder = checkpoints.save(tmp_path / "a", {"w": torch.zeros(1)}, meta())
        raw = json.loads((folder / "meta.json").read_text())
        raw["files"]["../secret"] = "0"
        (folder / "meta.json").write_text(json.dumps(raw))
        with pytest.raises(UserError, match="checkpoint of ours"):
            checkpoints.load(folder)

    def test_full_disk_leaves_the_old_one(self, tmp_path: Path, monkeypatch) -> None:
        folder = checkpoints.save(tmp_path / "a", {"w": torch.ones(2)}, meta())

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(UserError, match=r"No space left on device — free some disk space"):
            checkpoints.save(tmp_path / "a", {"w": torch.zeros(2)}, meta())
        assert torch.equal(checkpoints.load(folder).tensors["w"], torch.ones(2))
        assert [p.name for p in tmp_path.iterdir()] == ["a"]


class TestService:
    def test_unknown_checkpoint_lists_the_known(self) -> None:
        (failure,) = service.stream("gpt", checkpoint="../../etc/passwd")
        assert isinstance(failure, service.Failure)
        assert "gpt-mini" in str(failure)

    def test_unknown_field(self) -> None:
        with pytest.raises(UserError, match="give fields among"):
            service.run("gpt", warmth=3)

    def test_live_refuses_what_is_not_finite(self) -> None:
        with pytest.raises(UserError, match="finite"):
            service.live("autoencoders", "x", "decode", np.array([[np.nan, 0]], np.float32))
        with pytest.raises(UserError, match="Unknown operation"):
            service.live("autoencoders", "x", "rm", np.zeros((1, 2), np.float32))

    def test_cache_is_bounded_and_sees_new_weights(self, monkeypatch) -> None:
        names = list(checkpoints.find("autoencoders"))[:3]
        small = service.Models(budget=1)
        loaded = [small.get("autoencoders", name) for name in names]
        assert len(small._cache) == 1
        assert small.get("autoencoders", names[-1]) is loaded[-1]
        small._stamp[("autoencoders", names[-1], "fp32")] -= 1  # as if written again
        assert small.get("autoencoders", names[-1]) is not loaded[-1]


HEAVY = ("torch", "transformers", "diffusers", "matplotlib", "sklearn", "accelerate")


@pytest.mark.parametrize(
    "code",
    [
        "import genapp, genapp.registry, genapp.service; genapp.registry.all_families()",
        "from genapp.ui import shell; shell.build()",
        "import sys; sys.argv = ['trainer', '--help']\nimport runpy\n"
        "try: runpy.run_module('genapp.trainer', run_name='__main__')\nexcept SystemExit: pass",
    ],
    ids=["package", "page", "trainer help"],
)
def test_import_budget(code: str) -> None:
    """Listing families, building the whole page and --help load nothing heavy."""
    check = f"{code}\nimport sys\nprint(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_importing_the_package_loads_only_it() -> None:
    check = "import sys; n = set(sys.modules); import genapp; print(len(set(sys.modules) - n))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 1


ON_A_SPACE = """
import sys, types
calls = []
def GPU(duration):
    def wrap(function):
        def lent(*values):
            calls.append(values)
            yield from function(*values)
        return lent
    return wrap
sys.modules["spaces"] = types.SimpleNamespace(GPU=GPU)
from genapp import service
from genapp.families.gpt.spec import GenerateRequest
ask = GenerateRequest(checkpoint="gpt-char", prompt="KING", max_new_tokens=12, seed=1)
small = [f.text for f in service.stream("gpt", ask)]
assert not calls, "a small model needs no GPU"
service.WORTH_A_GPU = 1
large = [f.text for f in service.stream("gpt", ask)]
assert calls == [("gpt", ask)], calls
assert large == small and len(large) > 10, large
"""


def test_a_large_model_runs_on_the_gpu_a_space_lends() -> None:
    env = {**os.environ, "SPACES_ZERO_GPU": "true"}
    done = subprocess.run([sys.executable, "-c", ON_A_SPACE], env=env, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
