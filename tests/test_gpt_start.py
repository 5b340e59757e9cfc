"""Going on from a checkpoint: its weights, its tokens, and the new ones behind them."""

from pathlib import Path

import pytest
import torch

from genapp import checkpoints, registry
from genapp.errors import UserError
from genapp.families.gpt import corpus, tokenizer, train
from genapp.families.gpt.spec import PRESETS
from genapp.spec import resolve
from genapp.trainer.loop import TrainConfig, Trainer

TEXT = "The fox saw the grapes, and the grapes were sour. " * 60
CONFIG = TrainConfig(steps=2, batch=2, lr=1e-3, eval_every=2, half=False)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A text of one's own, and a checkpoint ``first`` that learned it for two steps."""
    monkeypatch.setenv("GENAPP_HOME", str(tmp_path))
    text = tmp_path / "own.txt"
    text.write_text(TEXT)
    trainer = Trainer(train.recipe("micro", CONFIG, text), CONFIG, tmp_path / "run")
    trainer.fit()
    trainer.finish()
    blobs = {p.name: p.read_bytes() for p in (tmp_path / "run" / "best").iterdir()}
    checkpoints.write_folder(tmp_path / "checkpoints" / "gpt" / "first", blobs)
    return text


def after(start: str, data: Path, preset: str = "micro"):  # type: ignore[no-untyped-def]
    config = TrainConfig(steps=2, batch=2, lr=1e-3, eval_every=2, start=start)
    return train.recipe(preset, config, data)


def test_weights_and_tokens_are_taken_over(own: Path) -> None:
    first = checkpoints.load(checkpoints.get("gpt", "first"))
    task = after("first", own)
    for name, tensor in task.model.state_dict().items():
        torch.testing.assert_close(tensor, first.tensors[name])
    assert task.files["tokenizer.json"] == first.files["tokenizer.json"]
    metrics, _ = task.finish(task.model)  # type: ignore[misc]
    assert metrics["before"]["step"] == 2


def test_new_styles_stand_behind_the_known_tokens(own: Path) -> None:
    first = checkpoints.load(checkpoints.get("gpt", "first"))
    words = tokenizer.load(first.files["tokenizer.json"])
    assert isinstance(words, tokenizer.BPE)
    before, size = words.encode(TEXT), words.size
    words.learn(["story", "fable"])
    assert words.size == size + 2
    assert words.special("story") == size
    assert words.encode(TEXT) == before
    assert tokenizer.load(words.dump()).special("fable") == size + 1

    from genapp.families.gpt.model import GPT, GPTConfig

    grown = GPT(GPTConfig(**{**PRESETS["micro"].config, "vocab": size + 2}))
    train.take_over(grown, first)
    torch.testing.assert_close(grown.tokens.weight[:size], first.tensors["tokens.weight"])
    assert grown.tokens.weight[size:].std() > 0


def test_weights_of_another_shape_are_refused(own: Path) -> None:
    with pytest.raises(UserError, match="choose --preset micro"):
        after("first", own, "gpt-mini")


def test_an_unknown_start_lists_the_known(own: Path) -> None:
    with pytest.raises(UserError, match=r"no checkpoint 'second' — choose one of .*first"):
        after("second", own)


def test_families_that_start_afresh_say_so(tmp_path: Path) -> None:
    config = TrainConfig(steps=2, batch=2, start="ae-conv")
    task = resolve(registry.get("autoencoders").recipe)("micro", config, None)
    with pytest.raises(UserError, match="always starts afresh"):
        Trainer(task, config, tmp_path)


def test_every_style_has_its_share() -> None:
    assert set(corpus.SHARES) == set(corpus.VALUES) == set(corpus.texts.STYLES)
    assert sum(corpus.SHARES.values()) == pytest.approx(1)
    assert sum(corpus.VALUES.values()) == pytest.approx(1)
