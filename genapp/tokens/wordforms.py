"""Words as a program finds them, and two ways to fold their forms together."""

import re
from collections.abc import Container
from functools import lru_cache

import snowballstemmer

WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
CYRILLIC = re.compile("[\u0400-\u04ff]")
# English endings and what stands in their place, the longest first.
ENDINGS = (
    ("iest", "y"), ("ies", "y"), ("ied", "y"), ("ier", "y"), ("ing", ""), ("ing", "e"),
    ("est", ""), ("ed", ""), ("ed", "e"), ("es", ""), ("er", ""), ("ly", ""), ("s", ""),
)  # fmt: skip


def words(text: str, punctuation: bool = True) -> list[str]:
    """Runs of letters and digits, and every other sign by itself; or whatever white space parts."""
    return WORD.findall(text) if punctuation else text.split()


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Snowball's stem (Porter 2001), lower case: Russian rules for Cyrillic, else English ones."""
    rules = _stemmer("russian" if CYRILLIC.search(word) else "english")
    return rules.stemWord(word.lower())  # type: ignore[no-any-return]


@lru_cache(maxsize=2)
def _stemmer(language: str):  # type: ignore[no-untyped-def]
    return snowballstemmer.stemmer(language)


def known_form(word: str, known: Container[str]) -> str:
    """The shorter word that ``word`` is a form of, if the corpus has it: foxes → fox, not f.

    A lemma needs a dictionary; here the corpus is the dictionary, so what it lacks stays as it is,
    and irregular forms (went, mice) do too.
    """
    low = word.lower()
    for ending, instead in ENDINGS:
        base = low.removesuffix(ending)
        if base == low or len(base) < 2:
            continue
        twin = base[:-1] if len(base) > 3 and base[-1] == base[-2] else base  # running → run
        for form in (base + instead, twin + instead):
            if form in known:
                return form
    return low if low in known else word
