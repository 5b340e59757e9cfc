"""What the ViT family offers: checkpoints, presets, the request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genapp.spec import FamilySpec, Preset, param

HERE = "genapp.families.vit"
PICTURE = 28_000_000  # characters of a data URI, for a picture of 20 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifyRequest:
    """What a picture shows. One :class:`genapp.families.vit.generate.Seen`."""

    checkpoint: str = param("vit-cifar", "Model", max_length=64)
    picture: str = param(
        "china", "Picture", max_length=PICTURE, help="a sample's name or a data:image/… URI"
    )
    seed: int = param(-1, "Seed", low=-1, high=2**31 - 1, step=1, help="nothing here is random")


def _train(epochs: int, pictures: int, batch: int = 128) -> Mapping[str, Mapping[str, Any]]:
    cpu, gpu = pictures // batch, 50_000 // 256
    common = {"warmup": 200, "min_lr": 0.01, "precision": "bf16"}
    return {
        "cpu": {"steps": epochs * cpu, "batch": batch, "lr": 1e-3, "eval_every": cpu, **common},
        "gpu": {"steps": 200 * gpu, "batch": 256, "lr": 1e-3, "eval_every": 2 * gpu, **common},
    }


def _cifar(about: str, epochs: int = 14, **config: Any) -> Preset:
    base = {"image": 32, "patch": 4, "width": 192, "layers": 6, "heads": 3, "mlp": 768}
    return Preset(
        title=about.split(":")[0], config=base | config, train=_train(epochs, 50_000), about=about
    )


PRESETS: Mapping[str, Preset] = {
    "vit-cifar": _cifar("ViT on CIFAR-10: patches of 4 × 4 pixels, six blocks of three heads."),
    "vit-fashion": Preset(
        title="ViT on Fashion-MNIST",
        config={"image": 28, "patch": 4, "width": 64, "layers": 4, "heads": 4, "mlp": 128},
        train=_train(8, 60_000),
        about="The same recipe on grey clothes: minutes on two cores.",
    ),
    "micro": Preset(
        title="Micro",
        config={"image": 32, "patch": 8, "width": 32, "layers": 2, "heads": 2, "mlp": 64,
                "classes": 2},
        train={"cpu": {"steps": 60, "batch": 32, "lr": 3e-3, "eval_every": 20}},
        about="Patches of two photographs told apart: for tests.",
    ),
}  # fmt: skip

SPEC = FamilySpec(
    name="vit",
    title="Vision Transformer",
    blurb="A picture cut into patches that look at each other: point at one to see where it looks.",
    page="Attention",
    tabs=(),
    presets=PRESETS,
    request=ClassifyRequest,
    model=f"{HERE}.model:build",
    generate=f"{HERE}.generate:generate",
    recipe=f"{HERE}.train:recipe",
    thumbnail=f"{HERE}.generate:thumbnail",
    attention=f"{HERE}.attention:attention",
    sees="picture",
)
