"""A small grammar of captions for :mod:`genapp.data.sounds`, with many wordings for each sound.

A caption may leave properties out ("a barking dog"); what it does say, it returns as a
:class:`Said`, so that a training loop knows which sounds of a batch it is true of.
"""

import re
from dataclasses import dataclass

import numpy as np

from genapp.data.sounds import Combination

TEMPLATES = (
    "{}", "{}", "sound of {}", "sound of {}", "the sound of {}", "this is {}", "i hear {}",
    "a recording of {}", "here is {}", "this is the sound of {}", "listen to {}",
)  # fmt: skip
THINGS: dict[str, tuple[str, ...]] = {  # the first is the plain name
    "tone": (
        "tone",
        "beep",
        "sine tone",
        "beeping machine",
        "pure tone",
        "note",
        "electronic beep",
    ),
    "chirp": ("chirp", "sweep", "siren", "gliding tone", "sliding tone", "alarm"),
    "noise": ("noise", "hiss", "rain shower", "rain like noise", "wind", "rustle", "static noise"),
    "drum": ("drum", "drum beat", "kick drum", "drummer", "thump", "knock"),
    "bell": ("bell", "ringing bell", "church bell", "chime", "gong", "bell ringing"),
    "bark": ("dog", "barking dog", "bark", "dog barking", "puppy", "hound"),
    "bird": ("bird", "singing bird", "songbird", "bird singing", "bird call", "canary"),
}
STUFF: dict[str, tuple[str, ...]] = {  # without an article
    "tone": ("beeping", "beeps", "tones"),
    "chirp": ("sirens", "chirps", "sweeps"),
    "noise": ("noise", "rain", "static", "rain like noise", "wind", "rainfall", "hissing"),
    "drum": ("drumming", "drums", "percussion"),
    "bell": ("bells", "bells ringing", "chimes"),
    "bark": ("barking", "dogs", "dogs barking"),
    "bird": ("birdsong", "birds", "birds singing", "tweeting"),
}
VERBS: dict[str, tuple[str, ...]] = {
    "tone": ("beeping", "sounding"),
    "chirp": ("sweeping", "wailing"),
    "noise": ("hissing", "blowing", "rustling"),
    "drum": ("beating", "thumping"),
    "bell": ("ringing", "tolling", "chiming"),
    "bark": ("barking", "yapping"),
    "bird": ("singing", "calling", "tweeting"),
}
PITCH = {
    "low": ("low", "deep", "low pitched", "bass"),
    "middle": ("middle", "medium pitched", "mid pitched"),
    "high": ("high", "high pitched", "shrill", "bright"),
}
TEMPO = {
    "slow": (("slow", "slowly"), ("lazy", "lazily"), ("unhurried", "at a slow tempo")),
    "medium": (("steady", "steadily"), ("moderate", "moderately"),
               ("walking", "at a steady tempo")),
    "fast": (("fast", "fast"), ("quick", "quickly"), ("rapid", "rapidly"),
             ("hasty", "at a fast tempo")),
}  # fmt: skip

SAID = (
    ("kind", "pitch", "tempo"), ("kind", "pitch"), ("kind", "tempo"), ("kind",),
    ("pitch", "tempo"), ("tempo",), ("pitch",),
)  # fmt: skip
OFTEN = (0.42, 0.12, 0.13, 0.13, 0.08, 0.07, 0.05)


@dataclass(frozen=True, slots=True)
class Said:
    """A caption and what it claims; None where it is silent."""

    text: str
    kind: str | None = None
    pitch: str | None = None
    tempo: str | None = None

    def true_of(self, what: Combination) -> bool:
        """Whether nothing it says is false of the sound."""
        claims = ((self.kind, what.kind), (self.pitch, what.pitch), (self.tempo, what.tempo))
        return all(said is None or said == real for said, real in claims)


def plain(what: Combination) -> str:
    """The one caption that evaluations use: ``"sound of a high fast bird"``."""
    pitch, tempo = PITCH[what.pitch][0], TEMPO[what.tempo][0][0]
    return f"sound of a {pitch} {tempo} {THINGS[what.kind][0]}"


def describe(what: Combination, rng: np.random.Generator) -> Said:
    """One of many true captions; two in five say everything."""
    said = SAID[rng.choice(len(SAID), p=OFTEN)]
    kind = what.kind if "kind" in said else None
    pitch = what.pitch if "pitch" in said else None
    tempo = what.tempo if "tempo" in said else None
    phrase = _phrase(kind, pitch, tempo, rng)
    return Said(_pick(TEMPLATES, rng).format(phrase), kind, pitch, tempo)


def _phrase(
    kind: str | None, pitch: str | None, tempo: str | None, rng: np.random.Generator
) -> str:
    height = _pick(PITCH[pitch], rng) if pitch else ""
    pace, adverb = TEMPO[tempo][rng.integers(len(TEMPO[tempo]))] if tempo else ("", "")
    if kind is None:
        adjectives = _joined(height, pace, rng)
        return _with_article(f"{adjectives} sound")
    form = rng.integers(4)
    if form == 0:
        return f"{_joined(height, pace, rng)} {_pick(STUFF[kind], rng)}".strip()
    if form == 1:
        return _with_article(f"{height} {THINGS[kind][0]} {_pick(VERBS[kind], rng)} {adverb}")
    if form == 2 and (height or pace):
        after = " and ".join(rng.permutation([w for w in (height, pace) if w]))
        return f"{_with_article(_pick(THINGS[kind], rng))} {after}"
    return _with_article(f"{_joined(height, pace, rng)} {_pick(THINGS[kind], rng)}")


def _joined(height: str, pace: str, rng: np.random.Generator) -> str:
    words = [w for w in (height, pace) if w]
    link = " and " if rng.random() < 0.2 else " "
    return link.join(rng.permutation(words)) if words else ""


def _with_article(phrase: str) -> str:
    phrase = " ".join(phrase.split())
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[rng.integers(len(options))]


def words(text: str) -> list[str]:
    """Lower-case words of a caption; punctuation and hyphens divide."""
    return re.findall(r"[^\W_]+", text.lower())


def vocabulary() -> list[str]:
    """Every word the grammar can say, sorted."""
    tables = [*THINGS.values(), *STUFF.values(), *VERBS.values(), *PITCH.values()]
    texts = [*TEMPLATES, "a an and sound", *(t for table in tables for t in table)]
    texts += [word for pairs in TEMPO.values() for pair in pairs for word in pair]
    return sorted({w for text in texts for w in words(text)})
