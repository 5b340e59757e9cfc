"""Zero-shot classification: the labels become captions, the nearest caption wins."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genapp.data import sound_files, sounds
from genapp.data.sounds import RATE, Combination
from genapp.errors import UserError
from genapp.families.clap import encode
from genapp.families.clap.mel import log_mel
from genapp.families.clap.report import MAP
from genapp.families.clap.spec import LONGEST_LABEL, MOST_LABELS, SoundRequest
from genapp.service import Loaded

SLOW = (441, 160)  # 44.1 kHz over 16 kHz: how much longer a misread file plays

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A sound and how near each label's caption lies to it."""

    samples: Floats  # (n,) at 48 kHz, as heard
    mel: Floats  # (T, 64) dB
    labels: tuple[str, ...]
    captions: tuple[str, ...]
    strangers: tuple[str, ...]  # words of the captions the model never met
    cosines: Floats  # (N,)
    probabilities: Floats  # (N,), softmax at the learned temperature
    scale: float  # 1 / temperature
    places: Floats  # (1 + N, 2) on the map: the sound, then the captions
    seed: int
    unseen: bool  # a made sound of a combination that training never met


def generate(loaded: Loaded, request: SoundRequest) -> Iterator[Frame]:
    """Yields one frame. Raises :class:`UserError` for labels, template or sound it can't use."""
    labels = parse(request.labels)
    if "{}" not in request.template:
        raise UserError("The template has no {}", 'put {} where the label goes: "Sound of {}".')
    captions = tuple(request.template.replace("{}", label) for label in labels)
    seed = request.seed if request.seed >= 0 else int(np.random.default_rng().integers(2**31))
    what = Combination(request.kind, request.pitch, request.tempo)
    samples = given(request) if request.samples is not None else sounds.synthesise(what, seed)
    if request.wrong_rate:
        samples = sound_files.resample(samples, *SLOW[::-1])
        samples = samples[: round(sound_files.SECONDS * RATE)]
    with loaded.lock:
        heard, read = encode.hear(loaded, samples), encode.read(loaded, captions)
    cosines = read @ heard
    scale = float(loaded.model.scale)  # type: ignore[arg-type]
    odds = np.exp(scale * (cosines - cosines.max()))
    yield Frame(
        samples=samples,
        mel=log_mel(samples),
        labels=labels,
        captions=captions,
        strangers=tuple(dict.fromkeys(w for c in captions for w in encode.strangers(loaded, c))),
        cosines=cosines,
        probabilities=odds / odds.sum(),
        scale=scale,
        places=place(atlas(loaded), request.plane, np.concatenate([heard[None], read])),
        seed=seed,
        unseen=request.samples is None and what in sounds.UNSEEN and not request.wrong_rate,
    )


def parse(text: str) -> tuple[str, ...]:
    """One label a line, each once; :class:`UserError` if there is none, or too many."""
    labels = tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not labels:
        raise UserError("There are no labels", "write one on each line.")
    if len(labels) > MOST_LABELS:
        raise UserError(f"There are {len(labels)} labels", f"give at most {MOST_LABELS}.")
    if long := [label for label in labels if len(label) > LONGEST_LABEL]:
        raise UserError(
            f"The label “{long[0][:30]}…” has {len(long[0])} characters",
            f"keep it to {LONGEST_LABEL}.",
        )
    return labels


def given(request: SoundRequest) -> Floats:
    """The request's own samples, checked and cut to ten seconds."""
    try:
        samples = np.asarray(request.samples, np.float32)
    except (TypeError, ValueError):
        raise UserError("The samples are not numbers", "give floats at 48 kHz.") from None
    if samples.ndim != 1:
        raise UserError(f"The samples have shape {samples.shape}", "give one channel.")
    return sound_files.checked(samples[: round(sound_files.SECONDS * RATE)], RATE)


def atlas(loaded: Loaded) -> Mapping[str, Any] | None:
    """The checkpoint's map of sounds and captions; a model from the hub has none."""
    if MAP not in loaded.files:
        return None
    if "map" not in loaded.memo:
        loaded.memo["map"] = json.loads(loaded.files[MAP])
    return loaded.memo["map"]  # type: ignore[no-any-return]


def place(known: Mapping[str, Any] | None, plane: str, vectors: Floats) -> Floats:
    """Unit vectors (N, D) on a plane of the map; without a map, on their own two main axes."""
    if known is not None:
        axes = np.asarray(known["planes"][plane]["axes"], np.float32)
        return (vectors - np.asarray(known["mean"], np.float32)) @ axes.T
    middle = vectors.mean(0)
    _, _, axes = np.linalg.svd(vectors - middle, full_matrices=False)
    found = (vectors - middle) @ axes[:2].T
    return np.pad(found, ((0, 0), (0, 2 - found.shape[1]))).astype(np.float32)
