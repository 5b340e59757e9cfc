"""What the BERT family offers, before anything heavy is loaded: request and presets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genapp.spec import FamilySpec, Preset, Tab, param

TEXT = 4_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRequest:
    """Fill the gaps of ``text``. One :class:`genapp.families.bert.generate.Filled`."""

    checkpoint: str = param("bert-mini", "Model", max_length=64)
    text: str = param(
        "The fox said to the [MASK].", "Text", max_length=TEXT, help="[MASK] marks a gap"
    )
    second: str = param("", "Sentence B", max_length=TEXT, help="empty: there is none")
    hide: float = param(
        0.15, "Words to hide", low=0, high=1, step=0.01, help="where no [MASK] is written"
    )
    top: int = param(10, "Candidates", low=1, high=50, step=1, help="per gap")
    seed: int = param(-1, "Seed", low=-1, high=2**31 - 1, step=1, help="-1 = random")


def _size(*sizes: int, dropout: float = 0.1) -> dict[str, Any]:
    names = ("layers", "heads", "width", "inner", "context", "vocab")
    return dict(zip(names, sizes, strict=True)) | {"dropout": dropout}


def _schedule(steps: int, batch: int, lr: float, **more: Any) -> dict[str, Any]:
    wait = max(1, steps // 25)
    base = {"warmup": min(150, steps // 10), "decay": 0.5, "min_lr": 0.02, "eval_every": wait}
    return {"steps": steps, "batch": batch, "lr": lr, "precision": "bf16", **base, **more}


PRESETS: Mapping[str, Preset] = {
    "bert-mini": Preset(
        title="BERT-mini",
        config=_size(4, 4, 256, 1024, 128, 6000, dropout=0.0),
        train={"cpu": _schedule(2_600, 48, 2e-3), "gpu": _schedule(40_000, 256, 1e-3)},
        about="Fables, tales, scripture, reviews and news, uncased; 6,000 word pieces.",
    ),
    "micro": Preset(
        title="Micro",
        config=_size(2, 2, 32, 64, 32, 400, dropout=0.0),
        train={"cpu": _schedule(200, 16, 3e-3, precision="no"), "gpu": _schedule(200, 16, 3e-3)},
        about="For tests and first steps on a text of your own.",
    ),
    "bert-base-uncased": Preset(
        title="BERT-base, uncased",
        config=_size(12, 12, 768, 3072, 512, 30522),
        train={"cpu": _schedule(1_000, 2, 3e-5), "gpu": _schedule(10_000, 32, 1e-4)},
        about="The paper's base size (Devlin et al. 2019); its weights come from the hub.",
    ),
    "rubert-tiny2": Preset(
        title="RuBERT-tiny2",
        config=_size(3, 12, 312, 600, 2048, 83828),
        train={"cpu": _schedule(1_000, 8, 1e-4), "gpu": _schedule(10_000, 64, 5e-4)},
        about="A small Russian and English BERT; its weights come from the hub.",
    ),
}

SPEC = FamilySpec(
    name="bert",
    title="BERT",
    blurb="Hide a word and BERT reads both sides of the gap; one word, two sentences, two vectors.",
    page="Attention",
    tabs=(Tab(name="bert", title="BERT", build="genapp.families.bert.tab:build"),),
    presets=PRESETS,
    request=FillRequest,
    model="genapp.families.bert.model:build",
    generate="genapp.families.bert.generate:generate",
    recipe="genapp.families.bert.train:recipe",
    thumbnail="genapp.families.bert.tab_thumbnail:thumbnail",
    own_data="text",
    attention="genapp.families.bert.attention:attention",
    vectors="genapp.families.bert.vectors:vectors",
)
