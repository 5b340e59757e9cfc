"""How close a text comes to a reference, by counting: words, letters, edits. No model is asked.

BLEU, chrF and TER are sacrebleu's, which keeps their many small choices comparable; ROUGE and the
rest are a few lines each. All but TER grow with quality. Percentages (0 to 100) where the paper
has them, shares (0 to 1) elsewhere, as each docstring says.
"""

import re
from collections import Counter
from collections.abc import Sequence
from statistics import mean

from genapp.errors import UserError

N = tuple[str, ...]


def bleu(candidate: str, references: Sequence[str]) -> float:
    """Sentence BLEU, 0 to 100 (Papineni et al. 2002); n-grams as long as the candidate has them."""
    from sacrebleu.metrics import BLEU

    return float(BLEU(effective_order=True).sentence_score(candidate, list(references)).score)


def chrf(candidate: str, references: Sequence[str]) -> float:
    """chrF2, 0 to 100: n-grams of one to six letters, recall counting double (Popović 2015)."""
    from sacrebleu.metrics import CHRF

    return float(CHRF().sentence_score(candidate, list(references)).score)


def ter(candidate: str, references: Sequence[str]) -> float:
    """Edits and shifts per 100 reference words (Snover et al. 2006): 0 is best, no upper end."""
    from sacrebleu.metrics import TER

    return float(TER().sentence_score(candidate, list(references)).score)


def words(text: str) -> list[str]:
    """Lower-case words without punctuation, as ROUGE counts them."""
    return re.findall(r"\w+", text.lower())


def ngrams(tokens: Sequence[str], n: int) -> Counter[N]:
    """Every run of ``n`` tokens and how often it occurs."""
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def clipped_precision(candidate: str, references: Sequence[str], n: int = 1) -> tuple[int, int]:
    """BLEU's numerator and denominator: candidate n-grams found in a reference, of how many.

    Each counts at most as often as the reference that has it most often (Papineni et al. 2002,
    2.1): "the" seven times against "the cat is on the mat" is 2 of 7.
    """
    found = ngrams(words(candidate), n)
    most: Counter[N] = Counter()
    for reference in references:
        most |= ngrams(words(reference), n)
    return (found & most).total(), found.total()


def rouge_n(candidate: str, reference: str, n: int) -> float:
    """F1 of shared n-grams, 0 to 1 (Lin 2004)."""
    found, wanted = ngrams(words(candidate), n), ngrams(words(reference), n)
    return _f1((found & wanted).total(), found.total(), wanted.total())


def rouge_l(candidate: str, reference: str) -> float:
    """F1 of the longest common subsequence of words, 0 to 1 (Lin 2004)."""
    found, wanted = words(candidate), words(reference)
    return _f1(common_subsequence(found, wanted), len(found), len(wanted))


def common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest sequence both have in this order, gaps allowed."""
    row = [0] * (len(b) + 1)
    for x in a:
        diagonal = 0
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], diagonal + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


def _f1(shared: int, found: int, wanted: int) -> float:
    return 2 * shared / (found + wanted) if shared else 0.0


def exact_match(candidate: str, reference: str) -> bool:
    """The same characters, blanks around and doubled ones aside."""
    return candidate.split() == reference.split()


def distinct(texts: Sequence[str], n: int) -> float:
    """Different n-grams among all n-grams of ``texts``, 0 to 1 (Li et al. 2016)."""
    found = sum((ngrams(words(text), n) for text in texts), Counter[N]())
    return len(found) / found.total() if found else 0.0


def self_bleu(texts: Sequence[str]) -> float:
    """How alike samples are: mean BLEU of each against all others, 0 to 100 (Zhu et al. 2018).

    Raises :class:`UserError` for fewer than two texts.
    """
    if len(texts) < 2:
        raise UserError("There is one text or none", "give two or more.")
    return mean(bleu(t, [*texts[:i], *texts[i + 1 :]]) for i, t in enumerate(texts))


def scores(candidate: str, reference: str) -> dict[str, float]:
    """Every measure of this file that takes one pair, by its name in lower case."""
    shared, of = clipped_precision(candidate, [reference])
    return {
        "bleu": bleu(candidate, [reference]),
        "chrf": chrf(candidate, [reference]),
        "ter": ter(candidate, [reference]),
        "unigram_precision": shared / of if of else 0.0,
        "rouge_1": rouge_n(candidate, reference, 1),
        "rouge_2": rouge_n(candidate, reference, 2),
        "rouge_l": rouge_l(candidate, reference),
        "exact_match": float(exact_match(candidate, reference)),
        "distinct_2": distinct([candidate], 2),
    }
