"""What zero-shot audio offers: presets, the request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genapp.data.sound_captions import vocabulary
from genapp.data.sounds import KINDS, PITCHES, TEMPOS
from genapp.spec import FamilySpec, Preset, Tab, param

HERE = "genapp.families.clap"
LABELS = "a bird\na dog barking\na drum\nrain-like noise"
TEMPLATE = "Sound of {}"
MOST_LABELS, LONGEST_LABEL = 24, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundRequest:
    """A sound, made or given, and the labels to choose from."""

    checkpoint: str = "clap-mini"
    kind: str = param("bird", "Sound", choices=KINDS)
    pitch: str = param("high", "Pitch", choices=PITCHES, help="relative to the kind of sound")
    tempo: str = param("medium", "Tempo", choices=TEMPOS, help="events a second: 1–1.5, 3, 6–8.5")
    labels: str = param(LABELS, "Labels", max_length=2000, help="one a line")
    template: str = param(TEMPLATE, "Template", max_length=120, help="{} is where the label goes")
    wrong_rate: bool = param(
        False, "Read 44.1 kHz as 16 kHz", help="the slip of a file passed without its rate"
    )
    plane: str = param("kinds", "Map", choices=("kinds", "widest"))
    seed: int = param(7, "Seed", low=-1, high=2**31 - 1, step=1, help="−1 draws a new one")
    samples: Any = None  # float32 (n,) at 48 kHz instead of a made sound


def _schedule(steps: int, batch: int, **more: Any) -> Mapping[str, Any]:
    return {"steps": steps, "batch": batch, "lr": 3e-3, "warmup": 40, "min_lr": 0.02,
            "log_every": 20, "eval_every": 100, **more}  # fmt: skip


WORDS = len(vocabulary()) + 2

PRESETS: Mapping[str, Preset] = {
    "clap-mini": Preset(
        title="CLAP mini",
        config={"vocab": WORDS},
        train={"cpu": _schedule(700, 64), "gpu": _schedule(4000, 256)},
        about="CNN and GRU on synthesised sounds; 14 of 63 combinations kept from it.",
    ),
    "micro": Preset(
        title="Micro",
        config={"vocab": WORDS, "channels": (4, 8, 8, 16), "pieces": 32, "rhythm": 16, "word": 16,
                "gru": 32, "joint": 32},
        train={"cpu": _schedule(60, 12, lr=4e-3, warmup=5, eval_every=20)},
        about="A few seconds on two dozen sounds: for trying things out, and for tests.",
    ),
}  # fmt: skip

SPEC = FamilySpec(
    name="clap",
    title="Zero-shot audio",
    blurb="Hear a sound, type any labels, and see which one it matches: no classifier was trained.",
    page="Attention",
    tabs=(Tab(name="sound", title="Sound", build=f"{HERE}.tab:build"),),
    presets=PRESETS,
    request=SoundRequest,
    model=f"{HERE}.model:build",
    generate=f"{HERE}.generate:generate",
    recipe=f"{HERE}.train:recipe",
    thumbnail=f"{HERE}.thumbnail:thumbnail",
)
