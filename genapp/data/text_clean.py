"""Turn raw book files into clean documents: one fable, scene, chapter, tale or article each.

Every function is pure (text or bytes in, list of documents out) and knows one layout. A document
is plain text: a title line where the source has one, a blank line, then paragraphs separated by
blank lines. Punctuation is folded to ASCII so that a small model spends no capacity on the three
kinds of quotation mark; only ``£`` and ``€`` stay.
"""

from __future__ import annotations

import html
import re
import struct
import unicodedata
import zlib

_FOLD = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "´": "'", "`": "'", "“": '"', "”": '"', "„": '"', "«": '"',
        "»": '"', "–": "-", "‐": "-", "−": "-", "—": "--", "―": "--", "…": "...", "•": "*",
        "\u00a0": " ", "\u00ad": "", "Æ": "Ae", "æ": "ae", "Œ": "Oe", "œ": "oe", "ß": "ss",
        "ø": "o", "Ø": "O", "½": "1/2", "¼": "1/4", "¾": "3/4", "×": "x",
    }
)  # fmt: skip
_SMALL = {"a", "an", "and", "as", "at", "but", "by", "for", "from", "in", "of", "on", "or", "that",
          "the", "to", "who", "with"}  # fmt: skip


def to_ascii(text: str) -> str:
    """Fold quotes, dashes, ligatures and accents to ASCII; keep ``£`` and ``€``; drop the rest.

    C1 control characters, the usual sign of cp1252 bytes read as Latin-1, are read as cp1252.
    """
    text = re.sub("[\x80-\x9f]", lambda m: m[0].encode("latin-1").decode("cp1252", "ignore"), text)
    text = unicodedata.normalize("NFKD", text.translate(_FOLD)).translate(_FOLD)
    return re.sub(r"[^\n\x20-\x7e£€]", "", text.replace("\t", " "))


def tidy(text: str) -> str:
    """ASCII text with single spaces, at most one blank line in a row and no ragged line ends."""
    text = to_ascii(text.replace("\r\n", "\n"))
    text = re.sub(r" *\n *", "\n", re.sub(r" {2,}", " ", text))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def title_case(title: str) -> str:
    """``THE FOX AND THE GRAPES`` → ``The Fox and the Grapes``; roman numerals stay upper case."""
    words = title.lower().split()
    for i, word in enumerate(words):
        if re.fullmatch(r"[ivx]+[.,]?", word):
            words[i] = word.upper()
        elif i == 0 or word not in _SMALL:
            words[i] = re.sub(r"(^|[-(])([a-z])", lambda m: m[1] + m[2].upper(), word)
    return " ".join(words)


def unwrap(text: str) -> str:
    """Join the lines of each paragraph (paragraphs are separated by blank lines)."""
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n\n".join(" ".join(p.split()) for p in paragraphs if p.strip())


def gutenberg_body(text: str) -> str:
    """The text between Project Gutenberg's start and end marks, or all of it without marks."""
    text = text.replace("\r\n", "\n").lstrip("\ufeff")
    start = re.search(r"\*\*\* ?START OF TH[^\n]*\n", text)
    end = re.search(r"(End of (the )?Project Gutenberg|\*\*\* ?END OF TH)", text)
    return text[start.end() if start else 0 : end.start() if end else len(text)]


def fables(book: str) -> list[str]:
    """Fables of the 1912 Vernon Jones translation: title, text, moral (as its own paragraph)."""
    body = gutenberg_body(book)
    body = body[body.rindex("SOP'S FABLES\n") :]  # after the introduction and the two lists
    body = body.split("\nILLUSTRATIONS\n")[0]
    docs = []
    for part in re.split(r"\n{4,}", body)[1:]:
        title, _, text = part.strip().partition("\n\n")
        text = unwrap(text.replace("_", ""))
        if text and title.isupper():
            docs.append(tidy(f"{title_case(to_ascii(' '.join(title.split())))}\n\n{text}"))
        elif text and docs:  # a fable whose paragraphs stand wide apart
            docs[-1] += "\n\n" + tidy(unwrap(part))
    return docs


def tales(table: str) -> list[str]:
    """Tales of a tab-separated table with three header lines and columns Title and Content.

    Two spaces mark a paragraph. British quotation (single outside, double inside) is swapped to
    the American kind, so that all tales open their speech alike.
    """
    lines = table.splitlines()
    header = lines[0].split("\t")
    i_title, i_text = header.index("Title"), header.index("Content")
    docs = []
    for line in lines[3:]:
        cells = line.split("\t")
        if len(cells) <= max(i_title, i_text):
            continue
        text = cells[i_text].strip().strip('"').replace('""', '"')
        text = re.sub(r"\[\*\]|_", "", text)  # footnote marks, emphasis
        if text.count("‘") > text.count("“"):
            text = text.replace("“", "\x01").replace("”", "\x02")
            text = re.sub(r"(?<=[.,!?;:\-—\x01\x02])’(?![a-z])", "”", text).replace("‘", "“")
            text = text.replace("\x01", "‘").replace("\x02", "’")
        docs.append(tidy(f"{cells[i_title].strip()}\n\n{re.sub(r' {2,}', chr(10) * 2, text)}"))
    return docs


_SCENE = re.compile(
    r"^(?:(?:ACT|Act)\s+(?P<act>\w+)\.?[ ]*)?"
    r"(?:(?:SCENE|Scene)[ ]+(?P<scene>[IVXL]+|\d+)\b[^\n]*)?$"
)
_NUMBERS = {"FIRST": "I", "SECOND": "II", "THIRD": "III", "FOURTH": "IV", "FIFTH": "V",
            "1": "I", "2": "II", "3": "III", "4": "IV", "5": "V", "6": "VI", "7": "VII",
            "8": "VIII", "9": "IX"}  # fmt: skip
_ALIASES = {"GLOU": "GLOUCESTER", "HOT": "HOTSPUR", "LADY P": "LADY PERCY",
            "P. KING": "PLAYER KING", "P. QUEEN": "PLAYER QUEEN"}  # fmt: skip
_NAME = r"[A-Z][A-Za-z']*\.?(?:(?:,? (?:and|of|&))? [A-Z0-9][A-Za-z0-9']*\.?){0,4}"
_SPEAKER = re.compile(rf"^(?P<name>{_NAME}(?<![.]))(?P<dot>[.:]?)$")
_SPEAKER_INLINE = re.compile(
    r"^(?P<name>[A-Z][A-Z']{2,}(?: [A-Z][A-Z']+){0,3})\.[ ]+(?P<line>\S.*)$"
)


def _without_directions(play: str) -> str:
    """Remove ``[Enter …]`` and its broken forms: ``{Aside.]``, a bracket never closed."""
    for _ in range(2):  # twice for the nested ones
        play = re.sub(r"[\[{][^\]}\[{]*[\]}]", "", play)
    play = re.sub(r"^[ ]*[\[{].*?(?=\n\s*\n|\Z)", "", play, flags=re.MULTILINE | re.DOTALL)
    play = re.sub(r"[\[{][^\n]*", "", play)
    return re.sub(r"^[^\n]*\]", "", play, flags=re.MULTILINE)


def _cast(play: str) -> set[str]:
    """Names in upper case from the list of persons (before Act I) and the stage directions."""
    front = re.split(r"\n\s*(?:ACT|Act)\s", play, maxsplit=1)[0]
    names = re.findall(r"^\s*(?:A |An |The )?([A-Z][A-Za-z]{2,})", front, re.MULTILINE)
    for direction in re.findall(r"\[(?:Re-)?[Ee]nter ([^\]]*)\]", play):
        names += re.findall(r"\b[A-Z][A-Za-z]{2,}", direction)
    return {name.upper() for name in names}


def _full_name(name: str, cast: set[str]) -> str:
    """``Ber.`` → ``BERNARDO`` where exactly one of the cast begins so; else the name as it is."""
    short = name.upper().rstrip(".:")
    if short in _ALIASES:
        return _ALIASES[short]
    hits = [full for full in cast if full.startswith(short) and full != short + "S"]
    return hits[0] if len(hits) == 1 and short not in cast else short


def _speech(line: str, after_blank: bool, loud: bool) -> tuple[str, str] | None:
    """(speaker, rest of the line) where ``line`` opens a speech; ``loud``: names in capitals."""
    alone = _SPEAKER.match(line)
    if alone and after_blank:
        name = alone["name"]
        if re.fullmatch(r"[IVX]+|GARDEN", name):  # stray headings
            return None
        shout = re.sub(r"\b(and|of)\b", "", name).isupper()
        if shout if loud else (alone["dot"] and len(name) < 24):
            return name, ""
    inline = _SPEAKER_INLINE.match(line)
    return (inline["name"], inline["line"]) if inline and loud else None


def scenes(play: str, title: str) -> list[str]:
    """Scenes of a Gutenberg play as ``Title, Act I, Scene II``, then ``SPEAKER:`` and the lines.

    Stage directions go: they are half of the text's mark-up and none of its verse.
    """
    play = play.replace("\r\n", "\n").replace("_", "").replace("THE END", "")
    lines = [line.strip() for line in _without_directions(play).split("\n")]
    first = next((i for i, x in enumerate(lines) if re.match(r"(ACT|Act)\s+(I|1|FIRST)\b", x)), 0)
    cast, act, scene = _cast(play), "I", "I"
    after_blank = [b for a, b in zip(lines[first:], lines[first + 1 :], strict=False) if not a]
    names = [m["name"] for line in after_blank if (m := _SPEAKER.match(line)) and m["dot"]]
    loud = sum(name.isupper() for name in names) * 2 > len(names)
    docs: list[str] = []
    block: list[str] = []

    def close() -> None:
        body = tidy("\n".join(block))
        if body.count("\n") > 6:
            docs.append(f"{title}, Act {act}, Scene {scene}\n\n{body}")
        block.clear()

    heading, blank = True, True
    for line in lines[first:]:
        mark = _SCENE.match(line) if line else None
        if mark and (mark["act"] or mark["scene"]):
            close()
            if mark["act"]:
                act = _NUMBERS.get(mark["act"].upper(), mark["act"].upper())
            scene = _NUMBERS.get(mark["scene"] or "I", mark["scene"] or "I")
            heading = True  # the place may go on for a line or two
            continue
        speech = _speech(line, blank, loud)
        if speech:
            block += ["", _full_name(speech[0], cast) + ":", *filter(None, speech[1:])]
            heading = False
        elif not heading:
            block.append(line)
        blank = not line
    close()
    return docs


def chapters(blocks: bytes, index: bytes, verses: bytes) -> list[str]:
    """Chapters of a SWORD *zText* testament, verse numbers and notes removed.

    Args are the three files of one testament: ``.bzz`` (zlib blocks), ``.bzs`` (12-byte entries:
    offset, size, unpacked size) and ``.bzv`` (10-byte entries: block, offset, size). The text is
    OSIS XML in fragments, so it is read with patterns, not with an XML parser.
    """
    table = list(struct.iter_unpack("<III", index))
    books = [zlib.decompress(blocks[at : at + size]) for at, size, _ in table]
    pieces = []
    for block, at, size in struct.iter_unpack("<IIH", verses):
        if size and block < len(books):
            pieces.append(books[block][at : at + size].decode("utf-8", "replace"))
    docs = []
    text = " ".join(pieces)
    marks = list(re.finditer(r'<chapter [^>]*?osisID="(\w+)\.(\d+)"[^>]*>', text))
    for mark, after in zip(marks, [*marks[1:], None], strict=True):
        book = CANON.get(mark[1])
        if book is None:
            continue
        raw = text[mark.end() : after.start() if after else len(text)]
        docs.append(tidy(f"{book} {mark[2]}\n\n{_osis_text(raw.split('<chapter eID')[0])}"))
    return docs


def _osis_text(raw: str) -> str:
    """Plain text of OSIS: paragraphs as blank lines, lines of verse as lines."""
    raw = re.sub(r"<(note|title|speaker)\b[^>]*>.*?</\1>", " ", raw, flags=re.DOTALL)
    raw = raw.replace("</w><w", "</w> <w").replace("\n", " ")
    raw = re.sub(r'<(div|lb)\b[^>]*type="x-p"[^>]*>|<lg\b[^>]*>', "\n\n", raw)
    raw = re.sub(r"<l\b[^>]*sID[^>]*>", "\n", raw)
    raw = html.unescape(re.sub(r"<[^>]+>", "", raw))
    raw = re.sub(r" *\n *", "\n", raw)
    raw = re.sub(r" +([,.;:?!])", r"\1", raw)
    return re.sub(r"\n{2,}", "\n\n", raw)


def review(text: str) -> str:
    """A film review without HTML; ``<br />`` pairs become paragraphs."""
    text = re.sub(r"(<br ?/?>\s*)+", "\n\n", text)
    return tidy(re.sub(r"</?[A-Za-z]+[^>]{0,40}>", "", html.unescape(text)))


def article(title: str, body: str) -> str:
    """A news article: headline, blank line, text."""
    return tidy(f"{html.unescape(title).strip()}\n\n{unwrap(html.unescape(body))}")


CANON = {
    "Gen": "Genesis", "Exod": "Exodus", "Lev": "Leviticus", "Num": "Numbers", "Deut": "Deuteronomy",
    "Josh": "Joshua", "Judg": "Judges", "Ruth": "Ruth", "1Sam": "1 Samuel", "2Sam": "2 Samuel",
    "1Kgs": "1 Kings", "2Kgs": "2 Kings", "1Chr": "1 Chronicles", "2Chr": "2 Chronicles",
    "Ezra": "Ezra", "Neh": "Nehemiah", "Esth": "Esther", "Job": "Job", "Ps": "Psalm",
    "Prov": "Proverbs", "Eccl": "Ecclesiastes", "Song": "Song of Solomon", "Isa": "Isaiah",
    "Jer": "Jeremiah", "Lam": "Lamentations", "Ezek": "Ezekiel", "Dan": "Daniel", "Hos": "Hosea",
    "Joel": "Joel", "Amos": "Amos", "Obad": "Obadiah", "Jonah": "Jonah", "Mic": "Micah",
    "Nah": "Nahum", "Hab": "Habakkuk", "Zeph": "Zephaniah", "Hag": "Haggai", "Zech": "Zechariah",
    "Mal": "Malachi", "Matt": "Matthew", "Mark": "Mark", "Luke": "Luke", "John": "John",
    "Acts": "Acts", "Rom": "Romans", "1Cor": "1 Corinthians", "2Cor": "2 Corinthians",
    "Gal": "Galatians", "Eph": "Ephesians", "Phil": "Philippians", "Col": "Colossians",
    "1Thess": "1 Thessalonians", "2Thess": "2 Thessalonians", "1Tim": "1 Timothy",
    "2Tim": "2 Timothy", "Titus": "Titus", "Phlm": "Philemon", "Heb": "Hebrews", "Jas": "James",
    "1Pet": "1 Peter", "2Pet": "2 Peter", "1John": "1 John", "2John": "2 John", "3John": "3 John",
    "Jude": "Jude", "Rev": "Revelation",
}  # fmt: skip
