"""What the GPT family offers, before anything heavy is loaded: requests, samplers, presets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genapp.spec import FamilySpec, Preset, Tab, param

STYLES = ("story", "fable", "tale", "play", "scripture", "review", "news")
PROMPT = 20_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest:
    """Write on from ``prompt``. Streams :class:`genapp.families.gpt.generate.Frame`."""

    checkpoint: str = param("gpt-mini", "Model", max_length=64)
    prompt: str = param("", "Prompt", max_length=PROMPT, help="empty: the model begins by itself")
    style: str = param("auto", "Style", choices=("auto", *STYLES), help="auto: none is asked for")
    temperature: float = param(0.8, "Temperature", low=0, high=5, step=0.01, help="0 = greedy")
    top_k: int = param(0, "Top-k", low=0, high=100_000, step=1, help="0 = off")
    top_p: float = param(0.9, "Top-p", low=0.01, high=1, step=0.01, help="1 = off")
    min_p: float = param(0.0, "Min-p", low=0, high=1, step=0.01, help="0 = off")
    typical_p: float = param(1.0, "Typical-p", low=0.01, high=1, step=0.01, help="1 = off")
    repetition_penalty: float = param(
        1.0, "Repetition penalty", low=0.5, high=2, step=0.01, help="1 = off"
    )
    presence_penalty: float = param(0.0, "Presence penalty", low=-2, high=2, step=0.05)
    frequency_penalty: float = param(0.0, "Frequency penalty", low=-2, high=2, step=0.05)
    no_repeat_ngram: int = param(
        0, "No repeated n-grams of", low=0, high=20, step=1, help="0 = off"
    )
    banned: str = param("", "Banned words", max_length=1_000, help="separated by commas")
    forced: str = param(
        "", "Forced beginning", max_length=2_000, help="what the answer starts with"
    )
    max_new_tokens: int = param(200, "Tokens to write", low=1, high=4_096, step=1)
    seed: int = param(-1, "Seed", low=-1, high=2**31 - 1, step=1, help="-1 = random")
    precision: str = param("fp32", "Precision", choices=("fp32", "bf16", "int8"))
    candidates: int = param(8, "Candidates shown", low=0, high=50, step=1, help="per token")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest:
    """How surprised the model is by each token of ``text``. One :class:`~.scoring.Score`."""

    checkpoint: str = param("gpt-mini", "Model", max_length=64)
    text: str = param("", "Text", max_length=PROMPT)
    style: str = param("auto", "Style", choices=("auto", *STYLES))
    precision: str = param("fp32", "Precision", choices=("fp32", "bf16", "int8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogitsRequest:
    """The raw scores of every next token. One :class:`~.scoring.NextLogits`."""

    checkpoint: str = param("gpt-mini", "Model", max_length=64)
    prompt: str = param("", "Prompt", max_length=PROMPT)
    style: str = param("auto", "Style", choices=("auto", *STYLES))
    precision: str = param("fp32", "Precision", choices=("fp32", "bf16", "int8"))


SAMPLERS: Mapping[str, Mapping[str, float]] = {
    "Precise": {"temperature": 0.3, "top_k": 0, "top_p": 0.9, "repetition_penalty": 1.1},
    "Story": {"temperature": 0.8, "top_k": 0, "top_p": 0.9, "repetition_penalty": 1.0},
    "Wild": {"temperature": 1.5, "top_k": 0, "top_p": 1.0, "min_p": 0.02},
    "Lecture": {"temperature": 1.3, "top_k": 20, "top_p": 0.8},
    "Fables, cold": {"temperature": 0.2, "top_k": 0, "top_p": 1.0},  # Foster, ch. 9
    "Fables, warm": {"temperature": 1.0, "top_k": 0, "top_p": 1.0},
}


def _size(*sizes: int, dropout: float = 0.0) -> dict[str, Any]:
    names = ("layers", "heads", "width", "context", "vocab")
    return dict(zip(names, sizes, strict=True)) | {"dropout": dropout}


def _schedule(steps: int, batch: int, lr: float, **more: Any) -> dict[str, Any]:
    wait = max(1, steps // 20)
    base = {"warmup": min(100, steps // 10), "decay": 0.8, "min_lr": 0.03, "eval_every": wait}
    return {"steps": steps, "batch": batch, "lr": lr, "precision": "bf16", **base, **more}


BY_CHARACTER = ("gpt-char", "nano-laptop")  # the others read byte-level BPE
PRESETS: Mapping[str, Preset] = {
    "gpt-mini": Preset(
        title="GPT-mini",
        config=_size(4, 8, 256, 256, 4096, dropout=0.1),
        train={"cpu": _schedule(3_750, 16, 3e-3), "gpu": _schedule(20_000, 64, 3e-3)},
        about="Writes stories, fables, tales, plays, scripture, reviews, news; byte-level tokens.",
    ),
    "gpt-char": Preset(
        title="GPT-char",
        config=_size(4, 6, 192, 256, 65, dropout=0.1),
        train={"cpu": _schedule(5_000, 8, 3e-3), "gpu": _schedule(10_000, 64, 3e-3)},
        about="Writes Shakespeare letter by letter.",
    ),
    "nano-laptop": Preset(
        title="nanoGPT, laptop",
        config=_size(4, 4, 128, 64, 65),
        train={"cpu": _schedule(2_000, 12, 1e-3), "gpu": _schedule(2_000, 12, 1e-3)},
        about="nanoGPT's settings for a laptop: Shakespeare by letters, 1.5 M tokens seen.",
    ),
    "micro": Preset(
        title="Micro",
        config=_size(2, 2, 32, 32, 320),
        train={"cpu": _schedule(200, 8, 3e-3, precision="no"), "gpu": _schedule(200, 8, 3e-3)},
        about="For tests and first steps on a text of your own.",
    ),
    **{
        name: Preset(
            title=title,
            config=_size(layers, heads, width, 1024, 50257, dropout=0.1),
            train={"cpu": _schedule(1_000, 1, 3e-5), "gpu": _schedule(10_000, 8, 1e-4)},
            about="GPT-2's size (Radford et al. 2019); its weights come from the hub.",
        )
        for name, title, layers, heads, width in (
            ("gpt2", "GPT-2 small", 12, 12, 768),
            ("gpt2-medium", "GPT-2 medium", 24, 16, 1024),
            ("gpt2-large", "GPT-2 large", 36, 20, 1280),
            ("gpt2-xl", "GPT-2 XL", 48, 25, 1600),
        )
    },
}

SPEC = FamilySpec(
    name="gpt",
    title="GPT",
    blurb="A small transformer writes a story; how it picks each next word is yours to turn.",
    page="Text",
    tabs=(Tab(name="studio", title="Studio", build="genapp.families.gpt.tab:build"),),
    presets=PRESETS,
    request=GenerateRequest,
    model="genapp.families.gpt.model:build",
    generate="genapp.families.gpt.generate:generate",
    recipe="genapp.families.gpt.train:recipe",
    thumbnail="genapp.families.gpt.tab:thumbnail",
    own_data="text",
    live={"logits": "genapp.families.gpt.scoring:live_logits"},
    attention="genapp.families.gpt.attention:attention",
    vectors="genapp.families.gpt.vectors:vectors",
)
