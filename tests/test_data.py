"""Data modules: sources and checksums, images from people, the text cleaners. No network."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from downloads import pinned, serve
from PIL import Image, ImageDraw

from genapp.data import fashion, idx, images, mnist, source
from genapp.data.source import DataFile
from genapp.errors import UserError

# --- source -------------------------------------------------------------------------------------

pytestmark = pytest.mark.usefixtures("empty_machine")


def test_import_is_light() -> None:
    code = (
        "import sys, genapp.data.texts, genapp.data.mnist, genapp.data.fashion, genapp.data.images;"
        "print({'torch', 'sklearn', 'gradio', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_data_folder_comes_before_cache(
    tmp_path: Path, empty_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = pinned(b"hello")
    for folder in (empty_machine, tmp_path / "data"):
        (folder / "a").mkdir(parents=True)
        (folder / file.path).write_bytes(b"hello")
    assert source.locate(file) == empty_machine / file.path
    monkeypatch.setenv("GENAPP_DATA", str(tmp_path / "data"))
    assert source.locate(file) == tmp_path / "data" / file.path


def test_download_is_checked_and_kept(empty_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, b"hello")
    file = pinned(b"hello", "ftp://nowhere/x", "https://example.org/x")
    assert source.locate(file).read_bytes() == b"hello"
    assert source.locate(file) == empty_machine / file.path
    assert asked == ["https://example.org/x"]  # the second call needs no download
    assert [p.name for p in (empty_machine / "a").iterdir()] == ["b.bin"]  # nothing left behind


@pytest.mark.parametrize(
    ("answer", "words"), [(b"hellO", "checksum"), (b"hello and more", "larger than")]
)
def test_wrong_download_is_refused(
    answer: bytes, words: str, empty_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, answer)
    with pytest.raises(UserError, match=words):
        source.locate(pinned(b"hello", "https://example.org/x"))
    assert source.find("a/b.bin") is None


def test_wrong_local_file_is_named(empty_machine: Path) -> None:
    (empty_machine / "a").mkdir(parents=True)
    (empty_machine / "a/b.bin").write_bytes(b"other")
    with pytest.raises(UserError, match=r"b\.bin is not the expected file.*checksum.*delete"):
        source.locate(pinned(b"hello"))


def test_offline_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"downloads are off.*GENAPP_DATA"):
        source.locate(pinned(b"x", "https://example.org/x"))
    monkeypatch.delenv("GENAPP_OFFLINE")

    def refuse(url: str, timeout: float) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(UserError, match=r"no route to host.*connect to the internet"):
        source.locate(pinned(b"x", "https://example.org/x"))


def test_pip_source_is_asked_with_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENAPP_OFFLINE")

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        folder = Path(command[command.index("--dest") + 1])
        wanted = (folder / "wanted.txt").read_text()
        assert wanted.startswith("thing==1.0 --hash=sha256:")
        assert {"--no-deps", "--require-hashes"} <= set(command)
        (folder / "thing-1.0.tar.gz").write_bytes(b"hello")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("subprocess.run", run)
    assert source.locate(pinned(b"hello", "pip:thing==1.0")).read_bytes() == b"hello"


# --- MNIST and Fashion-MNIST ----------------------------------------------------------------------


def idx_bytes(array: np.ndarray) -> bytes:
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(head + array.tobytes())


def test_idx_files_become_an_npz(empty_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    arrays = [
        rng.integers(0, 256, (6, 28, 28), np.uint8), np.arange(6, dtype=np.uint8),
        rng.integers(0, 256, (3, 28, 28), np.uint8), np.arange(3, dtype=np.uint8),
    ]  # fmt: skip
    files = []
    for i, array in enumerate(arrays):
        raw = idx_bytes(array)
        (empty_machine / "t").mkdir(parents=True, exist_ok=True)
        (empty_machine / f"t/{i}.gz").write_bytes(raw)
        digest = hashlib.sha256(raw).hexdigest()
        files.append(DataFile(name=str(i), path=f"t/{i}.gz", sha256=digest, size=len(raw)))
    prints = {
        "train": idx.fingerprint(arrays[0], arrays[1]),
        "test": idx.fingerprint(arrays[2], arrays[3]),
    }
    data = idx.IdxSet(name="T", path="t/t.npz", files=tuple(files), fingerprint=prints)
    loaded = idx.load(data, "train")
    assert np.array_equal(loaded.images, arrays[0])
    assert (empty_machine / "t/t.npz").is_file()
    assert np.array_equal(idx.load(data, "test").labels, arrays[3])
    order = np.array([2, 0, 1])
    assert idx.fingerprint(arrays[2][order], arrays[3][order]) == prints["test"]
    np.savez(empty_machine / "t/t.npz", x_test=arrays[2] + 1, y_test=arrays[3])
    with pytest.raises(UserError, match="does not hold the T test images"):
        idx.load(data, "test")
    with pytest.raises(ValueError, match="'train' or 'test'"):
        idx.load(data, "valid")  # type: ignore[arg-type]


def test_idx_reader_refuses_other_files(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(b"GIF89a..........")
    with pytest.raises(UserError, match="not an idx file"):
        idx.read_idx(path)
    path.write_bytes(struct.pack(">BBBBI", 0, 0, 8, 1, 10) + b"abc")
    with pytest.raises(UserError, match="ends early"):
        idx.read_idx(path)


def test_stand_ins_look_like_the_real_thing() -> None:
    train, real = mnist.load_or_stand_in("train")
    test, _ = mnist.load_or_stand_in("test")
    assert not real
    assert (len(train), len(test)) == (1500, 297)
    assert train.images.shape == (1500, 28, 28)
    assert train.images.dtype == np.uint8
    assert set(train.labels) == set(range(10))
    assert train.images.max() > 200
    assert 20 < train.images.mean() < 60  # MNIST: 33
    ink = train.images.sum(axis=0, dtype=np.int64)  # (28, 28)
    centre = (ink.sum(axis=1) * np.arange(28)).sum() / ink.sum()
    assert centre == pytest.approx(14, abs=0.5)
    assert ink[0].sum() == ink[:, 0].sum() == 0
    assert mnist.to_unit(test.images).shape == (297, 1, 28, 28)
    intruders, real = fashion.load_or_stand_in("test")
    assert not real
    assert intruders.images.shape == (1000, 28, 28)


# --- images ---------------------------------------------------------------------------------------


def png(image: Image.Image, kind: str = "PNG", **more: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims to be huge and holds nothing."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + b"\0" * 4


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not an image"),
        (b"%PDF-1.7 hello", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image"),  # never hand a file to Ghostscript
        (png_header(7_000, 6_000), "more than 40 million"),
        (png_header(60_000, 60_000), "too many pixels"),
        (png(Image.effect_noise((64, 64), 50))[:1500], "damaged or cut off"),
        (png(Image.effect_noise((64, 64), 50), "JPEG")[:900], "damaged or cut off"),
    ],
)
def test_bad_uploads(raw: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        images.open_image(raw)


def test_missing_and_large_uploads(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        images.open_image(tmp_path / "no.png")
    with pytest.raises(UserError, match=r"more than 0\.0001 million"):
        images.open_image(png(Image.new("L", (20, 20))), max_pixels=100)


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    image = images.open_image(png(Image.new("RGB", (40, 20)), "JPEG", exif=exif))
    assert image.size == (20, 40)


def test_load_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "deep").mkdir()
    Image.new("RGB", (40, 20), (250, 10, 10)).save(tmp_path / "a.png")
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "deep/b.png")
    (tmp_path / "c.jpg").write_bytes(b"not an image")
    (tmp_path / "notes.txt").write_text("ignored")
    with caplog.at_level("WARNING"):
        batch = images.load_folder(tmp_path, 16)
    assert batch.shape == (2, 16, 16, 3)
    assert batch.dtype == np.uint8
    assert batch[0, 8, 8].tolist() == [250, 10, 10]
    assert batch[1].min() == 255  # transparent is white
    assert "1 of 3 files" in caplog.text
    assert images.load_folder(tmp_path, 8, channels=1).shape == (2, 8, 8, 1)
    with pytest.raises(UserError, match="more than 2"):
        images.load_folder(tmp_path, 8, max_images=2)
    with pytest.raises(UserError, match="not a folder"):
        images.load_folder(tmp_path / "no", 8)
    with pytest.raises(ValueError, match="size"):
        images.load_folder(tmp_path, 0)
    with pytest.raises(ValueError, match="channels"):
        images.load_folder(tmp_path, 8, channels=2)
    for path in (tmp_path / "a.png", tmp_path / "deep/b.png"):
        path.unlink()
    with pytest.raises(UserError, match="none of 1 image files"):
        images.load_folder(tmp_path, 8)


@pytest.mark.parametrize("paper", ["white", "black", "clear", "clear, white ink", "photo"])
def test_to_digit_as_mnist_does(paper: str) -> None:
    dark = paper in ("black", "clear, white ink")
    mode, back = ("RGBA", (0, 0, 0, 0)) if "clear" in paper else ("L", 0 if dark else 255)
    image = Image.new(mode, (200, 300), back)
    ink = (255 if dark else 0) if mode == "L" else ((255,) * 4 if dark else (0, 0, 0, 255))
    ImageDraw.Draw(image).rectangle((120, 40, 139, 139), fill=ink)  # a one, off centre
    if paper == "photo":
        noise = np.random.default_rng(0).normal(0, 3, (300, 200))
        image = Image.fromarray(np.clip(np.asarray(image) * 0.5 + 60 + noise, 0, 255).astype("u1"))
    digit = images.to_digit(image)
    assert digit.shape == (28, 28)
    assert digit.dtype == np.uint8
    rows, cols = np.nonzero(digit > 60)
    assert rows.max() - rows.min() + 1 == 20  # the longest side
    assert 4 <= cols.max() - cols.min() + 1 <= 5
    assert (rows.min() + rows.max()) / 2 == pytest.approx(14, abs=0.6)
    assert (cols.min() + cols.max()) / 2 == pytest.approx(14, abs=0.6)
    assert digit[14, 14] > 200
    assert digit[:3].max() == 0


def test_to_digit_needs_ink() -> None:
    for blank in (Image.new("L", (50, 50), 255), Image.new("RGBA", (50, 50))):
        with pytest.raises(UserError, match="nothing drawn"):
            images.to_digit(blank)
