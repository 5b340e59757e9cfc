"""What the recurrent translators offer, before anything heavy is loaded."""

from collections.abc import Mapping
from typing import Any

from genapp.spec import FamilySpec, Preset, Tab
from genapp.translation.plan import Plan, schedule, toy_plan
from genapp.translation.request import TranslateRequest


def _config(summary: str, **more: Any) -> dict[str, Any]:
    sizes = {"source_vocab": 4500, "target_vocab": 3000, "width": 128, "dropout": 0.1}
    return {**sizes, "summary": summary, **more}


TOYS = {"reverse": "Reverse", "copy": "Copy", "sort": "Sort", "date": "Dates"}
ALL = ("rus", "deu", "fra")  # into English: the decoder learns from all three
PLANS: Mapping[str, Plan] = {
    "mt-gru-attn": Plan(languages=ALL, source_vocab=4500, target_vocab=3000, hide=0.0),
    "mt-gru-plain": Plan(languages=ALL, source_vocab=4500, target_vocab=3000, hide=0.0),
    "lecture": Plan(source_vocab=4500, target_vocab=3000, units="words", hide=0.0, smoothing=0.0),
    "micro": Plan(source_vocab=200, target_vocab=200, hide=0.0, smoothing=0.0, grammar=True),
    **{f"toy-{toy}-{kind}": toy_plan(toy) for toy in TOYS for kind in ("plain", "attn")},
}
WIDTHS = {"attention": 64, "last": 76}  # of equal parameters, ± 1 %


def toy_presets() -> dict[str, Preset]:
    """Each toy task with and without attention."""
    return {
        f"toy-{toy}-{'plain' if summary == 'last' else 'attn'}": Preset(
            title=f"{title}, {'no attention' if summary == 'last' else 'attention'}",
            config={"source_vocab": 20, "target_vocab": 20, "summary": summary, "width": width,
                    "dropout": 0.0},
            train={
                "cpu": schedule(3_000, 64, 3e-3, precision="no"),
                "gpu": schedule(3_000, 64, 3e-3, precision="no"),
            },
            about="Sequences of up to 20 letters; measured to 64.",
        )
        for toy, title in TOYS.items()
        for summary, width in WIDTHS.items()
    }  # fmt: skip


PRESETS: Mapping[str, Preset] = {
    "mt-gru-attn": Preset(
        title="GRU with attention",
        config=_config("attention"),
        train={"cpu": schedule(10_000, 64, 3e-3), "gpu": schedule(20_000, 128, 3e-3)},
        about="Bahdanau's translator: Russian, German or French to English; 4,500 + 3,000 pieces.",
    ),
    "mt-gru-plain": Preset(
        title="GRU without attention",
        config=_config("last"),
        train={"cpu": schedule(10_000, 64, 3e-3), "gpu": schedule(20_000, 128, 3e-3)},
        about="The same two GRUs joined by one vector alone; 4,500 + 3,000 pieces.",
    ),
    "lecture": Preset(
        title="As in the lecture",
        config={**_config("attention"), "dropout": 0.1},
        train={"cpu": schedule(6_000, 32, 1e-3), "gpu": schedule(40_000, 32, 1e-3)},
        about="Whole words instead of pieces, Russian only, no smoothing.",
    ),
    "micro": Preset(
        title="Micro",
        config={**_config("attention"), "source_vocab": 200, "target_vocab": 200, "width": 48,
                "dropout": 0.0},
        train={
            "cpu": schedule(200, 32, 5e-3, warmup=10, precision="no"),
            "gpu": schedule(200, 32, 5e-3),
        },
        about="For tests: sentences of a small grammar.",
    ),
    **toy_presets(),
}  # fmt: skip

SPEC = FamilySpec(
    name="seq2seq",
    title="GRU translator",
    blurb="A translator that reads the whole sentence into one vector, or looks back at each word.",
    page="Attention",
    tabs=(Tab(name="translator", title="Translator", build="genapp.families.seq2seq.tab:build"),),
    presets=PRESETS,
    request=TranslateRequest,
    model="genapp.families.seq2seq.model:build",
    generate="genapp.translation.generate:generate",
    recipe="genapp.families.seq2seq.train:recipe",
    thumbnail="genapp.families.seq2seq.tab_thumbnail:thumbnail",
    attention="genapp.families.seq2seq.attention:attention",
    attends=tuple(n for n, p in PRESETS.items() if p.config["summary"] == "attention"),
)
