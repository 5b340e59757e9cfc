"""The Sound tab over HTTP: ``zero_shot_sound``."""

from typing import Any

import gradio as gr

from genapp import service
from genapp.data import sound_files
from genapp.data.sounds import RATE
from genapp.errors import UserError
from genapp.families.clap.spec import LABELS, TEMPLATE, SoundRequest
from genapp.service import Failure
from genapp.ui.parts import unless_failed


def add() -> None:
    """Adds the endpoint; its inputs are components that no page shows."""
    audio = gr.File(visible=False, type="filepath", label="audio")
    labels = gr.Textbox(LABELS, visible=False, label="labels")
    template = gr.Textbox(TEMPLATE, visible=False, label="template")
    kind = gr.Textbox("bird", visible=False, label="kind")
    pitch = gr.Textbox("high", visible=False, label="pitch")
    tempo = gr.Textbox("medium", visible=False, label="tempo")
    seed = gr.Number(-1, visible=False, label="seed", precision=0)
    checkpoint = gr.Textbox("clap-mini", visible=False, label="checkpoint")
    reply = gr.JSON(visible=False, label="reply")
    gr.Button(visible=False).click(
        zero_shot_sound, [audio, labels, template, kind, pitch, tempo, seed, checkpoint], reply,
        api_name="zero_shot_sound", concurrency_id="model",
    )  # fmt: skip


def zero_shot_sound(
    audio: str | None = None,
    labels: str = LABELS,
    template: str = TEMPLATE,
    kind: str = "bird",
    pitch: str = "high",
    tempo: str = "medium",
    seed: int = -1,
    checkpoint: str = "clap-mini",
) -> dict[str, Any]:
    """Choose the label whose caption lies nearest to a sound; the labels can be anything.

    Args:
        audio: a sound file (WAV, FLAC, OGG or MP3, up to 20 MB, ten seconds are used), or none.
        labels: one a line, up to 24.
        template: a sentence with {} where the label goes.
        kind: without a file: tone, chirp, noise, drum, bell, bark or bird is synthesised.
        pitch: low, middle or high, of the synthesised sound.
        tempo: slow, medium or fast, of the synthesised sound.
        seed: of the synthesised sound; -1 draws one.
        checkpoint: which model listens.

    Returns:
        label (the best), labels, captions, probabilities, cosines, unknown_words, seed (of a
        synthesised sound, else null), seconds (heard).
    """
    try:
        samples = sound_files.load(audio, RATE).samples if audio else None
    except UserError as error:
        unless_failed(Failure(str(error)))
    request = SoundRequest(
        checkpoint=checkpoint, labels=labels, template=template, kind=kind, pitch=pitch,
        tempo=tempo, seed=seed, samples=samples,
    )  # fmt: skip
    (frame,) = service.stream("clap", request)
    unless_failed(frame)
    return {
        "label": frame.labels[int(frame.probabilities.argmax())],
        "labels": list(frame.labels),
        "captions": list(frame.captions),
        "probabilities": [round(float(p), 6) for p in frame.probabilities],
        "cosines": [round(float(c), 6) for c in frame.cosines],
        "unknown_words": list(frame.strangers),
        "seed": None if audio else frame.seed,
        "seconds": round(len(frame.samples) / RATE, 3),
    }
