"""What the autoencoder family offers: checkpoints, presets, the request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genapp.spec import FamilySpec, Preset, Tab, param

HERE = "genapp.families.autoencoders"
SAMPLERS = ("prior", "box", "fitted normal", "mixture")
MAX_CODES = 400  # a mosaic of 20×20 in one call


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRequest:
    """New digits from one decoder, their codes drawn by one of four samplers."""

    checkpoint: str = "vae-dense-b0.784"
    sampler: str = param(
        "prior",
        "Draw codes from",
        choices=SAMPLERS,
        help="prior: N(0, T²I) · box: uniform where 98 % of real codes lie · fitted normal or "
        "mixture of ten: fitted to the codes of real digits",
    )
    count: int = param(30, "How many", low=1, high=100, step=1)
    temperature: float = param(1.0, "Temperature", low=0.0, high=1.5, step=0.05)
    seed: int = param(-1, "Seed", low=-1, high=2**31 - 1, step=1, help="−1 draws a new one")


def _train(epochs: int, conv: bool) -> Mapping[str, Mapping[str, Any]]:
    """Scales for 55,000 training digits: ``epochs`` on a CPU, 60 in larger batches on a GPU."""
    batch = 64 if conv else 128
    cpu_epoch, gpu_epoch = 55_000 // batch, 55_000 // 512
    common = {"clip": 0.0, "min_lr": 0.02, "precision": "bf16" if conv else "no"}
    cpu = {"steps": epochs * cpu_epoch, "batch": batch, "lr": 1e-3, "eval_every": cpu_epoch}
    gpu = {"steps": 60 * gpu_epoch, "batch": 512, "lr": 2e-3, "eval_every": gpu_epoch}
    return {"cpu": {**cpu, "log_every": 50, **common}, "gpu": {**gpu, **common}}


def _preset(title: str, about: str, epochs: int = 0, **config: Any) -> Preset:
    conv = config["net"] == "conv"  # ten times slower, so fewer epochs
    train = _train(epochs or (8 if conv else 20), conv)
    return Preset(title=title, config=config, train=train, about=about)


def _vae(b: float, z: int = 2, net: str = "wide", **more: Any) -> Preset:
    return _preset(
        f"VAE, {net}, {z} numbers, b {b:g}",
        "Encoder to μ and σ, one sample, decoder; the prior pulls with weight b.",
        net=net, z=z, variational=True, b=b, **more,
    )  # fmt: skip


def _ae(z: int, **more: Any) -> Preset:
    return _preset(
        f"Autoencoder, {z} numbers", "Through a narrow waist and back.", net="deep", z=z, **more
    )


B_AXIS = (0.0, 0.00784, 0.0784, 0.784, 2.0, 7.84, 20.0)  # the b sweep, shipped one net each

MICRO = Preset(
    title="Micro",
    config={"net": "wide", "z": 2, "variational": True, "b": 0.784},
    train={"cpu": {"steps": 60, "batch": 64, "clip": 0.0, "eval_every": 20}},
    about="A few seconds on the digits inside scikit-learn: for trying things out, and for tests.",
)

PRESETS: Mapping[str, Preset] = {
    "micro": MICRO,
    **{f"vae-dense-b{b:g}": _vae(b) for b in B_AXIS},
    "twin-ae-2": _preset(
        "The VAE's twin without noise or prior, 2 numbers",
        "The same net and steps as the VAE; only its μ path, b = 0, no noise.",
        net="wide", z=2,
    ),
    "twin-ae-16": _preset(
        "The VAE's twin without noise or prior, 16 numbers",
        "The same net and steps as the VAE; only its μ path, b = 0, no noise.",
        net="wide", z=16,
    ),
    "twin-vae-16": _vae(0.784, z=16),
    **{f"ae-dense-{z}": _ae(z) for z in (2, 8, 32, 64)},
    "ae-denoise": _ae(64, noise=0.8),
    "ae-no-ones": _ae(8, left_out=1),
    "vae-conv-2": _vae(0.784, net="conv"),
    "ae-conv": _preset(
        "Convolutional autoencoder, 2 numbers", "Foster's first autoencoder.",
        epochs=14, net="conv", z=2,
    ),
    "vae-conv-16": _vae(0.784, z=16, net="conv"),
    "twin-ae-conv-16": _preset(
        "The convolutional VAE's twin, 16 numbers",
        "The same net and steps as the VAE; only its μ path, b = 0, no noise.",
        net="conv", z=16,
    ),
}  # fmt: skip

SPEC = FamilySpec(
    name="autoencoders",
    title="Autoencoders & VAE",
    blurb="Squeeze a digit into two numbers, then steer the numbers and watch the decoder draw.",
    page="Latent",
    tabs=(
        Tab(name="pad", title="Latent pad", build=f"{HERE}.tab_pad:build"),
        Tab(name="collapse", title="Prior strength", build=f"{HERE}.tab_collapse:build"),
        Tab(name="uses", title="Autoencoders", build=f"{HERE}.tab_uses:build"),
    ),
    presets=PRESETS,
    request=SampleRequest,
    model=f"{HERE}.model:build",
    generate=f"{HERE}.generate:generate",
    recipe=f"{HERE}.train:recipe",
    thumbnail=f"{HERE}.generate:thumbnail",
    own_data="images",
    live={"decode": f"{HERE}.live:decode", "encode": f"{HERE}.live:encode"},
)
