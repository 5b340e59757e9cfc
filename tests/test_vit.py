"""The Vision Transformer: sizes, equality with transformers' own, what positions do, data."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from genapp import checkpoints, service
from genapp.data import cifar
from genapp.errors import UserError
from genapp.families.vit import attention, pictures, train
from genapp.families.vit.model import POSITIONS, ViT, ViTConfig
from genapp.families.vit.spec import PRESETS

TINY = {"image": 16, "patch": 4, "width": 24, "layers": 2, "heads": 3, "mlp": 40, "classes": 5}


def size(**config: object) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in ViT(ViTConfig(**config)).parameters())  # type: ignore[arg-type]


def test_sizes() -> None:
    large = {"image": 224, "patch": 16, "layers": 12, "classes": 1000}
    assert size(**PRESETS["vit-cifar"].config) == 2_693_578
    assert size(**PRESETS["vit-cifar"].config, distilled=True) == 2_695_892
    assert size(**PRESETS["vit-fashion"].config) == 141_066
    assert size(image=64, patch=8) == 2_721_226
    assert size(**large, width=192, heads=3, mlp=768) == 5_717_416
    assert size(**large, width=384, heads=6, mlp=1536) == 22_050_664
    base = {**large, "width": 768, "heads": 12, "mlp": 3072}
    assert size(**base) == 86_567_656
    assert size(**{**base, "image": 384}) == 86_859_496


@torch.no_grad()
def test_equals_transformers() -> None:
    from transformers import ViTConfig as TheirConfig
    from transformers import ViTForImageClassification

    theirs = ViTForImageClassification(
        TheirConfig(
            image_size=16,
            patch_size=4,
            hidden_size=24,
            num_hidden_layers=2,
            num_labels=5,
            num_attention_heads=3,
            intermediate_size=40,
            layer_norm_eps=1e-6,
        )
    ).eval()
    ours = ViT(ViTConfig(**TINY)).eval()  # type: ignore[arg-type]
    for p in theirs.parameters():
        p.normal_(std=0.2)
    names = dict(theirs.named_parameters())
    values = list(names.values())
    shapes = [tuple(p.shape) for p in values]
    assert sum(p.numel() for p in values) == sum(p.numel() for p in ours.parameters()), shapes
    copy(ours, names)
    x = torch.randn(2, 3, 16, 16)
    assert torch.allclose(ours(x), theirs(x).logits, atol=1e-5)


def copy(ours: ViT, theirs: dict[str, torch.Tensor]) -> None:
    """Their weights under our names; whatever their layers are called, their order is fixed."""

    def take(*words: str) -> torch.Tensor:
        (found,) = [p for n, p in theirs.items() if all(w in n for w in words)]
        return found

    ours.front.copy_(take("cls_token")[0])
    ours.positions.copy_(take("position_embeddings")[0])
    ours.patches.weight.copy_(take("projection.weight"))
    ours.patches.bias.copy_(take("projection.bias"))
    for i, block in enumerate(ours.blocks):
        at = f".{i}."
        rest = {n: p for n, p in theirs.items() if at in n}
        for kind in ("weight", "bias"):
            by = {n: p for n, p in rest.items() if n.endswith(kind)}
            qkv = [
                pick(by, w) for w in (("query", "q_proj"), ("key", "k_proj"), ("value", "v_proj"))
            ]
            getattr(block.attention.qkv, kind).copy_(torch.cat(qkv))
            getattr(block.attention.out, kind).copy_(
                pick(by, ("attention.output.dense", "o_proj", "out_proj"))
            )
            getattr(block.norm1, kind).copy_(pick(by, ("layernorm_before",)))
            getattr(block.norm2, kind).copy_(pick(by, ("layernorm_after",)))
            getattr(block.mlp[0], kind).copy_(pick(by, ("intermediate.dense", "fc1")))
            down = {n: p for n, p in by.items() if "attention" not in n}
            getattr(block.mlp[2], kind).copy_(pick(down, ("output.dense", "fc2")))
    for kind in ("weight", "bias"):
        ours_norm = [n for n in theirs if n.endswith(f"layernorm.{kind}")]
        (norm,) = ours_norm
        getattr(ours.norm, kind).copy_(theirs[norm])
        getattr(ours.head, kind).copy_(take(f"classifier.{kind}"))


def pick(names: dict[str, torch.Tensor], words: tuple[str, ...]) -> torch.Tensor:
    (found,) = [p for n, p in names.items() if any(w in n for w in words)]
    return found


@pytest.mark.parametrize("positions", POSITIONS)
@torch.no_grad()
def test_only_without_positions_the_order_of_patches_is_nothing(positions: str) -> None:
    torch.manual_seed(0)
    model = ViT(ViTConfig(**TINY, positions=positions)).eval()  # type: ignore[arg-type]
    for p in model.parameters():
        p.normal_(std=0.5)
    x = torch.randn(1, 3, 16, 16)
    patches = x.unfold(2, 4, 4).unfold(3, 4, 4).reshape(1, 3, 16, 4, 4)[:, :, torch.randperm(16)]
    rows = patches.reshape(1, 3, 4, 4, 4, 4).permute(0, 1, 2, 4, 3, 5).reshape(1, 3, 16, 16)
    moved = float((model(rows) - model(x)).abs().max())
    assert moved <= 1e-4 if positions == "none" else moved > 1e-2


@pytest.mark.parametrize(
    "bad",
    [{"image": 30}, {"heads": 5}, {"positions": "gps"}, {"pool": "max"},
     {"positions": "rotary", "width": 18}],
)  # fmt: skip
def test_impossible_sizes_name_the_remedy(bad: dict) -> None:
    with pytest.raises(ValueError, match=r"divi|choose"):
        ViTConfig(**{**TINY, **bad})


def test_augmentation_follows_its_generator_and_keeps_labels_a_distribution() -> None:
    x = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 3), np.uint8)
    a, b = (train.varied(x, np.random.default_rng(5)) for _ in range(2))
    assert (a == b).all()
    assert (a != x).any(axis=(1, 2, 3)).mean() > 0.8
    target = torch.eye(4)[torch.arange(32) % 4]
    mixed, soft = train.mixed(
        torch.from_numpy(pictures.scaled(x)), target, np.random.default_rng(1)
    )
    assert mixed.shape == (32, 3, 16, 16)
    assert torch.allclose(soft.sum(1), torch.ones(32))
    assert 0.2 < float((soft.max(1).values < 1).float().mean()) < 0.6


def test_cifar_from_sheets_and_from_the_public_archive(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    import hashlib
    import tarfile
    from dataclasses import replace

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, 32, 32, 3), np.uint8)
    labels = np.arange(8, dtype=np.uint8)
    folder = tmp_path / "data" / "cifar10"
    folder.mkdir(parents=True)
    np.savez(folder / "labels.npz", y_train=labels, y_test=labels)
    sheet = images.reshape(2, 4, 32, 32, 3).swapaxes(1, 2).reshape(64, 128, 3)
    Image.fromarray(sheet).save(folder / "train_00.webp", lossless=True)
    monkeypatch.setenv("GENAPP_DATA", str(tmp_path / "data"))
    found = cifar.load("train")
    assert (found.images == images).all()
    assert (found.labels == labels).all()
    with pytest.raises(UserError, match="does not hold"):
        cifar.load("test")

    rows = np.concatenate([labels[:, None], images.transpose(0, 3, 1, 2).reshape(8, -1)], 1)
    archive = tmp_path / "cache" / cifar.ARCHIVE.path
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as bundle:
        member = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        member.size = rows.nbytes
        bundle.addfile(member, io.BytesIO(rows.astype(np.uint8).tobytes()))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(cifar, "ARCHIVE", replace(cifar.ARCHIVE, sha256=digest))
    monkeypatch.delenv("GENAPP_DATA")
    monkeypatch.setenv("GENAPP_CACHE", str(tmp_path / "cache"))
    assert (cifar.load("test").images == images).all()


@pytest.mark.parametrize(
    "bad", ["", "nowhere", "data:image/png;base64,!!!", "data:text/plain;base64,aGk=", "../etc"]
)
def test_bad_pictures_are_words(bad: str) -> None:
    with pytest.raises(UserError, match=r"."):
        pictures.opened(bad)


def test_an_upload_is_cropped_square() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (90, 40), (255, 0, 0, 255)).save(buffer, "PNG")
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    shown = pictures.pixels(pictures.opened(uri), ViTConfig())
    assert shown.shape == (32, 32, 3)
    assert (shown == (255, 0, 0)).all()


class TestAttention:
    @pytest.fixture
    def loaded(self) -> service.Loaded:
        torch.manual_seed(0)
        model = ViT(ViTConfig(**TINY)).eval()  # type: ignore[arg-type]
        for p in model.parameters():
            p.data.normal_(std=0.3)
        meta = checkpoints.Meta(
            family="vit", preset="micro", config=TINY, step=0, steps=0, seed=0, data=(),
            metrics={}, hardware="", seconds=0, parameters=0,
        )  # fmt: skip
        return service.Loaded(model=model, meta=meta, files={}, device=torch.device("cpu"))

    def test_the_explicit_pass_is_the_model(self, loaded: service.Loaded) -> None:
        (maps,) = attention.attention(loaded, "china", {})
        model: ViT = loaded.model  # type: ignore[assignment]
        pixels = pictures.pixels(pictures.opened("china"), model.config)[None]
        with torch.inference_mode():
            scores = model(torch.from_numpy(pictures.scaled(pixels)))[0].log_softmax(0)
        assert maps.readout is not None
        assert np.abs(maps.readout.logp(0)[-1] - scores.numpy()).max() <= 1e-5
        for layer in range(2):
            A = maps.layer(layer)
            assert A.shape == (3, 17, 17)
            assert np.abs(A.sum(-1) - 1).max() <= 1e-5
        assert maps.queries.grid == (4, 4)
        assert maps.queries.tokens[0] == "[CLS]"

    def test_without_any_patch_every_picture_is_the_same(self, loaded: service.Loaded) -> None:
        hidden = {"hide": list(range(1, 17))}
        said = []
        for name in ("china", "flower"):
            (maps,) = attention.attention(loaded, name, hidden)
            assert maps.readout is not None
            said.append(maps.readout.logp(0)[-1])
        assert np.abs(said[0] - said[1]).max() <= 1e-6

    def test_a_silent_head_changes_what_is_said(self, loaded: service.Loaded) -> None:
        (whole,) = attention.attention(loaded, "china", {})
        (less,) = attention.attention(loaded, "china", {"ablate": [[0, 1]]})
        assert whole.readout is not None
        assert less.readout is not None
        assert np.abs(whole.readout.logp(0) - less.readout.logp(0))[1:].max() > 1e-4
