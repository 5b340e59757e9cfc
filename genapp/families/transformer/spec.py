"""What the Transformer translator offers, before anything heavy is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from genapp.spec import FamilySpec, Preset, param
from genapp.translation.plan import Plan, schedule, toy_plan
from genapp.translation.request import TranslateRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(TranslateRequest):
    """A translation by the Transformer."""

    checkpoint: str = param("mt-transformer", "Model", max_length=64)


_schedule = partial(schedule, warmup=400)  # attention needs more of it than a GRU


def _config(vocab: int, *sizes: int, **more: Any) -> dict[str, Any]:
    named = dict(zip(("layers", "heads", "width", "inner"), sizes, strict=True))
    return {"source_vocab": vocab, "target_vocab": vocab, **named, **more}


TOYS = ("reverse", "copy", "sort", "date")
ALL = ("rus", "deu", "fra")  # into English: the decoder learns from all three
PLANS: Mapping[str, Plan] = {
    "mt-transformer": Plan(languages=ALL, source_vocab=4000, target_vocab=4000),
    "base": Plan(languages=ALL, source_vocab=4000, target_vocab=4000),
    "multi30k-en-de": Plan(languages=("multi30k",), source_vocab=6000, target_vocab=6000),
    "micro": Plan(source_vocab=200, target_vocab=200, hide=0.0, smoothing=0.0, grammar=True),
    **{f"toy-{toy}": toy_plan(toy) for toy in TOYS},
}
PRESETS: Mapping[str, Preset] = {
    "mt-transformer": Preset(
        title="Transformer",
        config=_config(4000, 3, 4, 128, 512, dropout=0.2),
        train={"cpu": _schedule(6_000, 64, 2e-3), "gpu": _schedule(20_000, 128, 2e-3)},
        about="Three layers each: Russian, German or French to English; 4,000 + 4,000 pieces.",
    ),
    "base": Preset(
        title="Transformer, base",
        config=_config(4000, 6, 8, 512, 2048, pre_norm=False, learned_final_norm=True),
        train={"gpu": _schedule(10_000, 256, 5e-4)},
        about="The paper's base size and its norms after each addition.",
    ),
    "multi30k-en-de": Preset(
        title="Transformer, captions into German",
        config=_config(6000, 3, 8, 256, 1024, dropout=0.3),
        train={"gpu": _schedule(12_000, 128, 1e-3)},
        about="English to German, 29,000 captions of photos; 6,000 + 6,000 pieces.",
    ),
    "micro": Preset(
        title="Micro",
        config=_config(200, 1, 2, 32, 64, dropout=0.0),
        train={
            "cpu": _schedule(200, 32, 5e-3, warmup=20, precision="no"),
            "gpu": _schedule(200, 32, 5e-3, warmup=20),
        },
        about="For tests: sentences of a small grammar.",
    ),
    **{
        f"toy-{toy}": Preset(
            title=f"{toy.title()}, Transformer",
            config=_config(20, 2, 4, 40, 96, dropout=0.0),
            train={
                "cpu": _schedule(3_000, 64, 2e-3, precision="no"),
                "gpu": _schedule(3_000, 64, 2e-3, precision="no"),
            },
            about="Sequences of up to 20 letters; measured to 64.",
        )
        for toy in TOYS
    },
}

SPEC = FamilySpec(
    name="transformer",
    title="Transformer translator",
    blurb="Attention is all it has: an encoder and a decoder of three layers each translate.",
    page="Attention",
    tabs=(),
    presets=PRESETS,
    request=Request,
    model="genapp.families.transformer.model:build",
    generate="genapp.translation.generate:generate",
    recipe="genapp.families.transformer.train:recipe",
    thumbnail="genapp.families.transformer.thumbnail:thumbnail",
    attention="genapp.families.transformer.attention:attention",
)
