"""Sentence pairs from a small grammar, each with its gold alignment: the offline stand-in.

It holds what makes word order worth attending to: Russian drops articles and the copula, German
sends the infinitive to the end, French puts the adjective after its noun.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from genapp.errors import UserError


@dataclass(frozen=True, slots=True)
class Aligned:
    """A foreign sentence, its English and, for each English word, the foreign word behind it."""

    source: str  # words between spaces, the full stop one of them
    target: str
    gold: tuple[int, ...]  # (target words,) positions in the source


# English subject → person, then the same subject in Russian, German, French
SUBJECTS = {
    "i": (0, "я", "ich", "je"), "you": (1, "ты", "du", "tu"), "he": (2, "он", "er", "il"),
    "she": (2, "она", "sie", "elle"), "we": (3, "мы", "wir", "nous"),
    "tom": (2, "том", "tom", "tom"), "mary": (2, "мэри", "maria", "marie"),
}  # fmt: skip
# English verb → infinitive, then the forms of persons 0 to 3
VERBS = {
    "rus": {
        "see": "видеть вижу видишь видит видим",
        "buy": "купить покупаю покупаешь покупает покупаем",
        "love": "любить люблю любишь любит любим", "find": "найти нахожу находишь находит находим",
        "draw": "рисовать рисую рисуешь рисует рисуем",
    },
    "deu": {
        "see": "sehen sehe siehst sieht sehen", "buy": "kaufen kaufe kaufst kauft kaufen",
        "love": "lieben liebe liebst liebt lieben", "find": "finden finde findest findet finden",
        "draw": "zeichnen zeichne zeichnest zeichnet zeichnen",
    },
    "fra": {
        "see": "voir vois vois voit voyons", "buy": "acheter achète achètes achète achetons",
        "love": "aimer aime aimes aime aimons", "find": "trouver trouve trouves trouve trouvons",
        "draw": "dessiner dessine dessines dessine dessinons",
    },
}  # fmt: skip
CAN = {
    "rus": "могу можешь может можем", "deu": "kann kannst kann können",
    "fra": "peux peux peut pouvons",
}  # fmt: skip
# English noun → gender and accusative
NOUNS = {
    "rus": {
        "car": "f машину", "house": "m дом", "dog": "f собаку", "window": "n окно",
        "street": "f улицу", "table": "m стол", "apple": "n яблоко", "book": "f книгу",
    },
    "deu": {
        "car": "n auto", "house": "n haus", "dog": "m hund", "window": "n fenster",
        "street": "f straße", "table": "m tisch", "apple": "m apfel", "book": "n buch",
    },
    "fra": {
        "car": "f voiture", "house": "f maison", "dog": "m chien", "window": "f fenêtre",
        "street": "f rue", "table": "f table", "apple": "f pomme", "book": "m livre",
    },
}  # fmt: skip
# English adjective → accusative for m, f, n
ADJECTIVES = {
    "rus": {
        "red": "красный красную красное", "white": "белый белую белое",
        "green": "зелёный зелёную зелёное", "black": "чёрный чёрную чёрное",
    },
    "deu": {
        "red": "roten rote rote", "white": "weißen weiße weiße",
        "green": "grünen grüne grüne", "black": "schwarzen schwarze schwarze",
    },
    "fra": {
        "red": "rouge rouge rouge", "white": "blanc blanche blanche",
        "green": "vert verte verte", "black": "noir noire noire",
    },
}  # fmt: skip
THE = {"deu": {"m": "den", "f": "die", "n": "das"}, "fra": {"m": "le", "f": "la", "n": "le"}}
COLUMN = {"rus": 1, "deu": 2, "fra": 3}


def sentences(language: str, count: int, seed: int = 0) -> list[Aligned]:
    """``count`` different sentences, in an order that depends on the seed only.

    Raises :class:`UserError` for more than the grammar has.
    """
    everything = [
        _sentence(language, subject, verb, can, adjective, noun)
        for subject in SUBJECTS
        for verb in VERBS[language]
        for can in (False, True)
        for adjective in ("", *ADJECTIVES[language])
        for noun in NOUNS[language]
    ]
    if not 1 <= count <= len(everything):
        raise UserError(f"the grammar has {len(everything)} sentences, not {count}", "ask for less")
    return random.Random(seed).sample(everything, count)


def _sentence(
    language: str, subject: str, verb: str, can: bool, adjective: str, noun: str
) -> Aligned:
    """One sentence, built word by word: (English words it stands for, foreign word)."""
    person, who = SUBJECTS[subject][0], str(SUBJECTS[subject][COLUMN[language]])
    infinitive, *forms = VERBS[language][verb].split()
    finite = CAN[language].split()[int(person)] if can else forms[int(person)]
    what = _object(language, adjective, noun)
    verb_end = [("verb", infinitive)] if can else []
    parts = [("subject", who), ("can" if can else "verb", finite)]
    parts += [*what, *verb_end] if language == "deu" else [*verb_end, *what]
    parts.append((".", "."))
    place = {role: i for i, (role, _) in enumerate(parts)}
    place.setdefault("the", place["noun"])  # Russian has no article: the noun stands for it
    third = "" if can or person != 2 else "s"
    english = [
        (subject, "subject"), *([("can", "can")] if can else []), (verb + third, "verb"),
        ("the", "the"), *([(adjective, "adjective")] if adjective else []), (noun, "noun"),
        (".", "."),
    ]  # fmt: skip
    return Aligned(
        source=" ".join(word for _, word in parts),
        target=" ".join(word for word, _ in english),
        gold=tuple(place[role] for _, role in english),
    )


def _object(language: str, adjective: str, noun: str) -> list[tuple[str, str]]:
    gender, word = NOUNS[language][noun].split()
    form = ADJECTIVES[language][adjective].split()["mfn".index(gender)] if adjective else ""
    described = [("adjective", form)] if form else []
    named: Sequence[tuple[str, str]] = [("noun", word)]
    if language == "rus":
        return [*described, *named]
    article = [("the", THE[language][gender])]
    return [*article, *named, *described] if language == "fra" else [*article, *described, *named]
