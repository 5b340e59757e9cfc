"""The texts of the GPT family: cleaning, sources, splits, and a person's own file."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from genapp.data import text_clean, text_sources, texts
from genapp.data.source import DataFile
from genapp.errors import UserError

pytestmark = pytest.mark.usefixtures("empty_machine")


def test_to_ascii() -> None:
    assert text_clean.to_ascii("“Æsop’s” café — £5…\x92\u200b") == "\"Aesop's\" cafe -- £5...'"
    assert text_clean.title_case("THE OLD WOMAN AND THE DOCTOR") == "The Old Woman and the Doctor"


def test_fables() -> None:
    book = (
        "The Project Gutenberg EBook\n*** START OF THIS PROJECT GUTENBERG EBOOK ***\n"
        "ÆSOP'S FABLES\n\n\n\n\nINTRODUCTION\n\n\n_Long._\n\n\n\n\nÆSOP'S FABLES\n\n\n\n\n"
        "THE FOX AND THE GRAPES\n\n\nA hungry Fox\nsaw some.\n\n    Moral of\n    two lines."
        "\n\n\n\n\n"
        "THE CAT\n\n\nA Cat.\n\n\n\n\nILLUSTRATIONS\n\n\n[x]\nEnd of the Project Gutenberg EBook\n"
    )
    assert text_clean.fables(book) == [
        "The Fox and the Grapes\n\nA hungry Fox saw some.\n\nMoral of two lines.",
        "The Cat\n\nA Cat.",
    ]


def test_tales_speak_american() -> None:
    story = "He said: ‘I can’t say “no” now.’ ‘Why?’  So it was."
    table = f"Title\tContent\nstring\tstring\n\t\nOld\t{story}\n"
    assert text_clean.tales(table) == [
        'Old\n\nHe said: "I can\'t say \'no\' now." "Why?"\n\nSo it was.'
    ]


PLAY = """PERSONS

Bernardo, an officer.
Francisco, a soldier.

ACT I.

Scene I. Elsinore.
A platform.

[Enter Bernardo and Francisco, in
haste.]

Ber.
Who's there?

Fran.
Nay, answer me: [Aside.] stand,
and unfold yourself.

[Exit.

Ber.
Long live the king!
One.
Two.

SCENE II. Elsewhere.

Fran.
He.
One,
two,
three,
four,
five,
six.
THE END"""


def test_scenes() -> None:
    first, second = text_clean.scenes(PLAY, "Hamlet")
    assert first == (
        "Hamlet, Act I, Scene I\n\nBERNARDO:\nWho's there?\n\nFRANCISCO:\nNay, answer me: stand,\n"
        "and unfold yourself.\n\nBERNARDO:\nLong live the king!\nOne.\nTwo."
    )
    assert second.startswith("Hamlet, Act I, Scene II\n\nFRANCISCO:\nHe.")
    assert second.endswith("six.")
    loud = PLAY.replace("Ber.", "KING HENRY.").replace("Fran.\nNay", "FRANCISCO. Nay")
    loud = loud.replace("Fran.", "MRS. PAGE.")
    assert "\n\nFRANCISCO:\nNay, answer me" in text_clean.scenes(loud, "X")[0]
    assert "MRS. PAGE:\nHe." in text_clean.scenes(loud, "X")[1]


def test_chapters_of_a_sword_module() -> None:
    verses = [
        '<title>x</title><chapter osisID="Gen.1" sID="Gen.1"/><w a="1">In</w> <w>God</w><w>made'
        "</w> it,<note>a note</note><w>so</w>.",
        'Then rest.<div eID="g" type="x-p"/><chapter eID="Gen.1"/>',
        '<chapter osisID="Ps.2" sID="Ps.2"/><lg sID="a"/><l sID="b"/>One “line”;<l eID="b"/> '
        '<l sID="c"/>two.<l eID="c"/><lg eID="a"/>',
        '<chapter osisID="Tob.1" sID="Tob.1"/>Not in the canon.',
    ]
    raw = "".join(verses).encode()
    packed = zlib.compress(raw)
    index, at = b"", 0
    for verse in verses:
        size = len(verse.encode())
        index += struct.pack("<IIH", 0, at, size)
        at += size
    docs = text_clean.chapters(packed, struct.pack("<III", 0, len(packed), len(raw)), index)
    assert docs == [
        "Genesis 1\n\nIn God made it, so. Then rest.",
        'Psalm 2\n\nOne "line";\ntwo.',
    ]


def test_deb_is_read_without_tools() -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as tar:
        info = tarfile.TarInfo("./usr/x/ot.bzz")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
    deb = b"!<arch>\n"
    for name, body in (("debian-binary", b"2.0"), ("data.tar.xz", data.getvalue())):
        deb += f"{name:<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(body):<10}`\n".encode()
        deb += body + b"\n" * (len(body) % 2)
    assert text_sources._from_deb(deb, "usr/x/", ["ot.bzz"]) == {"ot.bzz": b"abc"}
    with pytest.raises(UserError, match="holds no data"):
        text_sources._from_deb(b"!<arch>\n", "usr/x/", ["ot.bzz"])


def test_reviews_and_news(empty_machine: Path) -> None:
    assert text_clean.review("A &quot;film&quot;.<br /><br />Bad <i>one</i>.") == (
        'A "film".\n\nBad one.'
    )
    with pytest.raises(UserError, match=r"bbc-fulltext\.zip"):
        texts.load(["news"])
    (empty_machine / "text_extra").mkdir(parents=True)
    with zipfile.ZipFile(empty_machine / text_sources.BBC_ZIP, "w") as archive:
        archive.writestr("bbc/README.TXT", "no")
        archive.writestr("bbc/sport/001.txt", b"Win\n\nThey won \xa35.\nWell.\n")
    assert texts.load(["news"]) == {"news": ["Win\n\nThey won £5. Well."]}


def test_load_raises_or_skips(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match=r"unknown style \['poem'\]: choose from fable"):
        texts.load(["poem"])
    with pytest.raises(UserError, match="Aesop"):
        texts.load(["fable"])
    with pytest.raises(UserError, match="Aesop"):
        texts.load(["fable"], missing="skip")
    assert set(texts.STYLES) <= set(texts.SOURCES)
    assert all(s.licence and s.name and s.url for s in texts.SOURCES.values())


def test_load_skips_what_is_missing(
    empty_machine: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    raw = "One day.\n<|endoftext|>\n\nTwo “days”.\n<|endoftext|>\n".encode()
    file = DataFile(name="s", path="s.txt", sha256=hashlib.sha256(raw).hexdigest(), size=len(raw))
    monkeypatch.setattr(text_sources, "TINY_STORIES", file)
    empty_machine.mkdir()
    (empty_machine / "s.txt").write_bytes(raw)
    corpus = texts.load(["tinystory", "fable"], missing="skip")
    assert corpus == {"tinystory": ["One day.", 'Two "days".']}
    assert "'fable' is left out" in caplog.text


def test_split_is_by_document_and_repeatable() -> None:
    docs = [str(i) for i in range(100)]
    train, held = texts.split(docs, seed=3)
    assert len(held) == 5
    assert sorted(train + held, key=int) == docs
    assert texts.split(docs, seed=3) == (train, held)
    assert texts.split(docs, seed=4) != (train, held)
    assert [len(part) for part in texts.split(["a", "b"])] == [1, 1]
    with pytest.raises(ValueError, match="at least 2"):
        texts.split(["a"])
    with pytest.raises(ValueError, match="held_out"):
        texts.split(docs, held_out=1)


def test_own_file(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_bytes(b"\xef\xbb\xbfOne \xff\r\n<|endoftext|>\r\n\r\nTwo\r\nlines\n")
    assert texts.own_file(path) == ["One \ufffd", "Two\nlines"]
    path.write_text("\n\n".join(f"Line {i} " + "word " * 50 for i in range(100)))
    pieces = texts.own_file(path)
    assert len(pieces) > 5
    assert all(piece.startswith("Line") and len(piece) < 4_500 for piece in pieces)
    path.write_text("x" * 30_000)
    assert "".join(texts.own_file(path)) == "x" * 30_000
    for raw, words in (
        (b"", "empty"), (b" \n ", "empty"), (b"PK\x03\x04\x00\x00", "not a plain text file"),
        (bytes(range(128, 256)), "not a plain text file"), (b"x" * 20_000_001, "more than 20.0 MB"),
    ):  # fmt: skip
        path.write_bytes(raw)
        with pytest.raises(UserError, match=words):
            texts.own_file(path)
    with pytest.raises(UserError, match="does not exist"):
        texts.own_file(tmp_path / "no.txt")
