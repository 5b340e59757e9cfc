"""Little stories from a grammar of our own: the offline stand-in for TinyStories.

Plots, shared wordings and words are plain text in ``stories/*.txt``:

| line | meaning |
|---|---|
| ``@toy: ball \\| doll`` | a list of words |
| ``$thing/made: ball/rubber \\| @doll`` | facts of a story; ``/`` draws several at once |
| ``= name`` | a plot begins |
| ``hero: child small`` | who it may be about; ``friend:`` and ``helper:`` likewise |
| ``tell: open want \\| trouble help?`` | its beats: ``\\|`` new paragraph, ``?`` not always |
| ``- want`` | a beat begins; each line below is one wording of it |

In a wording ``[a\\|b]`` draws one and ``{he}`` is a fact; ``{He}`` the same with a capital letter.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "stories"
WORDS = (80, 220)  # of a story
PRONOUNS = {"m": ("he", "him", "his", "himself"), "f": ("she", "her", "her", "herself")}
KIN = ["mom", "dad", "mother", "father", "grandma", "grandpa", "aunt", "uncle"]
NAMELESS = 0.35  # of the animals: "the fox" instead of "Rusty"


@dataclass
class Plot:
    """Who, what, and every wording of every beat; "" holds what all plots share."""

    facts: list[tuple[list[str], str]] = field(default_factory=list)
    cast: dict[str, list[str]] = field(default_factory=dict)
    tell: list[str] = field(default_factory=list)
    beats: dict[str, list[str]] = field(default_factory=dict)


@cache
def _library() -> tuple[Mapping[str, Plot], Mapping[str, list[str]]]:
    """(plots by name, lists of words by name)."""
    plots, lists = {"": Plot()}, {}
    for path in sorted(FOLDER.glob("*.txt")):
        plot, beat = plots[""], ""
        for line in map(str.strip, path.read_text(encoding="utf-8").splitlines()):
            key, _, value = line.partition(":")
            if not line or line[0] == "#":
                continue
            if line[0] == "@":
                lists[key[1:]] = _choices(value)
            elif line[0] == "$":
                plot.facts.append((key[1:].split("/"), value))
            elif line[0] == "=":
                plot = plots[line[2:]] = Plot()
            elif line[0] == "-":
                beat = line[2:]
                plot.beats.setdefault(beat, [])
            elif key in ("hero", "friend", "helper"):
                plot.cast[key] = value.split()
            elif key == "tell":
                plot.tell = value.split()
            else:
                plot.beats[beat].append(line)
    return plots, lists


@cache
def _choices(text: str) -> list[str]:
    return [part.strip() for part in text.split("|")]


def plot_names() -> list[str]:
    """Every plot that can be told."""
    return [name for name in _library()[0] if name]


def stories(count: int, seed: int = 0) -> list[str]:
    """``count`` different stories of 80 to 220 words; the same ones for the same seed.

    A longer list begins with the shorter one. Paragraphs are separated by one newline.
    """
    rng = random.Random(seed)
    told: dict[str, None] = {}
    names = plot_names()
    while len(told) < count:
        text = tell(rng.choice(names), rng)
        if WORDS[0] <= len(text.split()) <= WORDS[1]:
            told.setdefault(text)
    return list(told)


def tell(name: str, rng: random.Random) -> str:
    """One telling of the plot ``name``, however long it turns out."""
    return _Telling(_library()[0][name], rng).text()


class _Telling:
    """The facts of one story, and the wordings it has used."""

    def __init__(self, plot: Plot, rng: random.Random) -> None:
        plots, self.lists = _library()
        self.plot, self.rng = plot, rng
        self.beats = plots[""].beats | plot.beats
        self.facts: dict[str, str] = {}
        self.used: set[str] = set()
        self.habitat = "forest"
        hero = self._join("", "hero", ())
        friend = self._join("f", "friend", (hero,))
        self._join("k", "helper", (hero, friend))
        for names, value in [*plots[""].facts, *plot.facts]:
            options = [o for c in _choices(value) for o in self._expand(c)]
            if options:
                self.facts |= zip(
                    names, map(str.strip, rng.choice(options).split("/")), strict=True
                )
        kin = rng.choice(KIN)
        sex = "f" if kin in ("mom", "mother", "grandma", "aunt") else "m"
        self._pronouns("g", sex)
        self.facts |= {"g": f"{self.facts['his']} {kin}", "gv": kin.capitalize(), "kin": kin}

    def _expand(self, option: str) -> list[str]:
        """``@list`` or ``@list.habitat`` (the hero's) as its entries, anything else as it is."""
        if option[0] != "@":
            return [option]
        name = option[1:].replace(".habitat", "." + self.habitat)
        return self.lists.get(name, [])

    def _join(self, role: str, part: str, others: tuple[str, ...]) -> str:
        """Cast a hero, friend or helper of a kind that is not taken; return the kind."""
        rng = self.rng
        group = rng.choice(self.plot.cast.get(part, ["child" if part == "hero" else "same"]))
        if group == "same":
            group = "child" if self.habitat == "child" else "animal"
        kinds = self.lists.get(group, [group.replace("_", " ")])
        kind = rng.choice([k for k in kinds if k not in others or group == "child"] or kinds)
        if role == "":
            homes = ("child", "forest", "farm", "water")
            self.habitat = next((h for h in homes if kind in self.lists[h]), self.habitat)
        sex = {"girl": "f", "hen": "f", "cow": "f", "boy": "m"}.get(kind) or rng.choice("mf")
        child = kind in self.lists["child"]
        pool = self.lists[("child " if child else "animal ") + sex]
        name = rng.choice([n for n in pool if n not in self.facts.values()])
        nameless = not child and (role == "k" or rng.random() < NAMELESS)
        called = rng.choice(["named", "called"])
        self._pronouns(role, sex)
        self.facts |= {
            role or "h": f"the {kind}" if nameless else name,
            (role or "h") + "v": kind.title() if nameless else name,
            role + "kind": kind,
            role + "intro": f"a {kind}" if nameless else f"a {kind} {called} {name}",
            role + "called": "" if nameless else f" {called} {name}",
        }
        return kind

    def _pronouns(self, role: str, sex: str) -> None:
        for word, value in zip(("he", "him", "his", "self"), PRONOUNS[sex], strict=True):
            self.facts[role + word] = value

    def text(self) -> str:
        paragraphs: list[list[str]] = [[]]
        for beat in self.plot.tell:
            if beat == "|":
                paragraphs.append([])
            elif not beat.endswith("?") or self.rng.random() < 0.5:
                paragraphs[-1].append(self._beat(beat.rstrip("?"), " ".join(paragraphs[-1])))
        return "\n".join(_polish(" ".join(p)) for p in paragraphs if p)

    def _beat(self, beat: str, before: str = "") -> str:
        """A wording of ``beat``; "he" begins it only after talk of the hero alone."""
        fresh = [w for w in self.beats[beat] if w not in self.used] or self.beats[beat]
        wording = self.rng.choice(fresh)
        self.used.add(wording)
        hero, *others = (self.facts[who].lower() in before.lower() for who in "hfkg")
        alone = hero and not any(others)
        text = self._fill(re.sub(r"^{(h|He)} ", "{He} " if alone else "{h} ", wording))
        return text[0].upper() + text[1:]

    def _fill(self, text: str) -> str:
        while "[" in text:
            text = re.sub(r"\[([^\[\]]*)\]", lambda m: self.rng.choice(m[1].split("|")), text)
        return re.sub(r"\{([^{}]+)\}", self._slot, text)

    def _slot(self, match: re.Match[str]) -> str:
        name = match[1]
        if name[0] == "@":
            return self._beat(name[1:])
        value = self._fill(self.facts[name.lower()])
        return value[0].upper() + value[1:] if name[0].isupper() else value


_TWICE = re.compile(r"\b[Tt]he (\w+), an? ((?:\w+ ){0,2}\1)\b,?")  # "the owl, an old owl,"
_CHILD = re.compile(r"\b([A-Z]\w+), (a (?:girl|boy)),")  # "Tom, a boy, saw it"
_AN = re.compile(r"\b([Aa])n? (?=(\w+))")


def _polish(text: str) -> str:
    """Capital letters where sentences begin, a or an, single spaces."""
    text = re.sub(r" {2,}", " ", text).strip()
    text = re.sub(r" ([,.!?])", r"\1", text)
    text = _TWICE.sub(r"a \2", text)
    text = _CHILD.sub(r"\2 named \1", text)
    text = re.sub(r'([.!?]")\.', r"\1", text)
    text = _AN.sub(lambda m: m[1] + ("n " if _vowel(m[2]) else " "), text)
    return re.sub(r'(^"?|[.!?] "?|[.!?]" ")([a-z])', lambda m: m[1] + m[2].upper(), text)


def _vowel(word: str) -> bool:
    return (word[0] in "aeiouAEIOU" and not re.match("use|uni|one|eu", word)) or word == "hour"
