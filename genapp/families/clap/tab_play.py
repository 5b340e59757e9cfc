"""What the Sound tab's controls do: from their values to the three views."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from genapp import service
from genapp.data import sound_files
from genapp.data.sounds import RATE
from genapp.errors import UserError
from genapp.families.clap import tab_views
from genapp.families.clap.spec import SoundRequest
from genapp.service import Failure
from genapp.spec import resolve

ASKED = (
    "source", "kind", "pitch", "tempo", "seed", "audio", "labels", "template", "wrong", "model",
    "plane",
)  # fmt: skip
NOTHING = '<p class="snd-note">Upload a sound file, or record a few seconds.</p>'


@dataclass(frozen=True, slots=True)
class Asked:
    """The tab's controls, in the order of :data:`ASKED`."""

    source: str
    kind: str
    pitch: str
    tempo: str
    seed: int | None
    audio: str | None
    labels: str
    template: str
    wrong: bool
    model: str
    plane: str


def show(*values: Any) -> list[Any]:
    """Player and pictures, bars, map, and the seed that was used."""
    asked = Asked(*values)
    if asked.source == "own" and not asked.audio:
        return [NOTHING, "", "", gr.skip()]
    try:
        samples, told = own(asked.audio) if asked.source == "own" and asked.audio else (None, "")
    except UserError as error:
        return ["", trouble(error), "", gr.skip()]
    request = SoundRequest(
        checkpoint=asked.model, kind=asked.kind, pitch=asked.pitch, tempo=asked.tempo,
        labels=asked.labels or "", template=asked.template or "", wrong_rate=bool(asked.wrong),
        plane=asked.plane,
        seed=-1 if asked.seed is None else asked.seed, samples=samples,
    )  # fmt: skip
    (frame,) = service.stream("clap", request)
    if isinstance(frame, Failure):  # beside the labels, not in a corner: it may be half typed
        return [gr.skip(), trouble(frame), gr.skip(), gr.skip()]
    if samples is None:
        told = f"{asked.pitch} {asked.tempo} {tab_views.NAMES.get(asked.kind, asked.kind)}"
        told += f" · seed {frame.seed}"
    if asked.wrong:
        told += " · read at the wrong rate"
    known = resolve("genapp.families.clap.generate:atlas")(service.models.get("clap", asked.model))
    settings = {**described(asked, frame.seed), "name": "sound"}
    return [
        tab_views.heard(frame, told, settings),
        tab_views.bars(frame),
        tab_views.joint_map(frame, known, asked.plane),
        frame.seed if samples is None else gr.skip(),
    ]


def trouble(why: object) -> str:
    """What went wrong, in the place of the bars."""
    return f'<p class="snd-trouble" role="alert">{html.escape(str(why))}</p>'


def own(path: str) -> tuple[Any, str]:
    """A file's samples, and a line about it."""
    found = sound_files.load(path, RATE)
    told = f"your sound, {found.file_rate / 1000:g} kHz"
    if found.file_rate != RATE:
        told += f" resampled to {RATE / 1000:g} kHz"
    if found.file_seconds > found.used_seconds + 0.01:
        told += f", the first {found.used_seconds:.0f} s of {found.file_seconds:.0f}"
    return found.samples, told


def described(asked: Asked, seed: int) -> Mapping[str, Any]:
    """The settings that a CSV keeps."""
    made = {"kind": asked.kind, "pitch": asked.pitch, "tempo": asked.tempo, "seed": seed}
    return {
        "model": asked.model,
        "template": asked.template,
        "wrong rate": asked.wrong,
        **(made if asked.source == "made" else {"source": "own sound"}),
    }
