"""How the Transformer is trained."""

from pathlib import Path

from genapp.families.transformer.model import build
from genapp.families.transformer.spec import PLANS, PRESETS
from genapp.trainer.loop import Task, TrainConfig
from genapp.translation import task


def recipe(preset: str, config: TrainConfig, data: Path | None = None) -> Task:
    """The training task of ``preset``, or on a file of one's own pairs.

    Raises :class:`UserError` when the sentence pairs cannot be had.
    """
    return task.recipe(
        "transformer", preset, PLANS[preset], config, build, PRESETS[preset].config,
        PRESETS[preset].about, (0.9, 0.98), data,
    )  # fmt: skip
