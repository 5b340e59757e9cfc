"""Text metrics against hand-computed values, BERTScore against its definition, the lab's server."""

import json
import math
from datetime import datetime

import numpy as np
import pytest
import sacrebleu

from genapp import registry, service
from genapp.errors import UserError
from genapp.metrics import bertscore, text
from genapp.ui.pages import families_map, measures, measures_scores, timeline
from genapp.ui.places import places
from genapp.ui.widgets.score_lab import widget
from genapp.vectors import Words

CAT = "the cat sat on the mat"
ENCODER = "gpt/gpt-mini"


def read(*texts: str) -> list[Words]:
    return service.vectors("gpt", "gpt-mini", texts)


class TestCounting:
    def test_clipped_precision_of_the_paper(self) -> None:
        references = ["The cat is on the mat.", "There is a cat on the mat."]
        assert text.clipped_precision("the the the the the the the", references) == (2, 7)
        assert text.clipped_precision("the cat the cat", [CAT], 2) == (1, 3)

    def test_rouge_by_hand(self) -> None:
        # shared words the, sat, on, the, mat: 5 of 6 and 5 of 6; pairs sat-on, on-the, the-mat
        assert text.rouge_n("the feline sat on the mat", CAT, 1) == pytest.approx(5 / 6)
        assert text.rouge_n("The feline sat on the mat.", CAT, 2) == pytest.approx(3 / 5)
        # Lin 2004, 3.1: "police … the gunman" is 3 of 4 words, "the gunman" 2 of 4
        police = "police killed the gunman"
        assert text.rouge_l("police kill the gunman", police) == pytest.approx(3 / 4)
        assert text.rouge_l("the gunman kill police", police) == pytest.approx(2 / 4)
        assert text.rouge_l("the gunman", police) == pytest.approx(2 * 2 / (2 + 4))
        assert text.rouge_n("dog", CAT, 1) == text.rouge_l("", CAT) == 0

    def test_common_subsequence_is_symmetric(self) -> None:
        assert text.common_subsequence("abcbdab", "bdcaba") == 4
        assert text.common_subsequence("bdcaba", "abcbdab") == 4

    def test_sacrebleu_is_asked(self) -> None:
        said = "the feline sat on the mat"
        by_hand = 100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** (1 / 4)
        assert text.bleu(said, [CAT]) == pytest.approx(by_hand)
        assert text.bleu(said, [CAT]) == pytest.approx(sacrebleu.sentence_bleu(said, [CAT]).score)
        assert text.chrf(said, [CAT]) == pytest.approx(sacrebleu.sentence_chrf(said, [CAT]).score)
        assert text.ter(said, [CAT]) == pytest.approx(100 / 6)  # one word changed
        assert text.bleu("yes", ["yes"]) == pytest.approx(100)  # n-grams end with it

    def test_repetition(self) -> None:
        assert text.distinct(["the the the"], 1) == pytest.approx(1 / 3)
        assert text.distinct(["a b a", "a b"], 2) == pytest.approx(2 / 3)  # ab ba ab
        assert text.self_bleu([CAT, CAT]) == pytest.approx(100)
        assert text.self_bleu([CAT, "birds fly south"]) < 5
        with pytest.raises(UserError, match="give two or more"):
            text.self_bleu([CAT])

    def test_a_pair_of_equals(self) -> None:
        found = text.scores(CAT, f" {CAT}  ")
        assert found["ter"] == 0
        assert found["bleu"] == pytest.approx(100)
        assert found["exact_match"] == found["rouge_2"] == found["unigram_precision"] == 1
        assert text.scores(CAT.upper(), CAT)["exact_match"] == 0


def toy(*vectors: tuple[float, ...], tokens: str = "abcdef") -> Words:
    x = np.float32(vectors)
    special = np.ones((1, 1, x.shape[1]), np.float32)
    return Words(
        tokens=("<s>", *tokens[: len(x)]),
        kinds=("special",) + ("word",) * len(x),
        layers=np.concatenate([special, x[None]], 1),
    )


class TestBertScore:
    def test_by_hand(self) -> None:
        c, r = toy((1, 0), (0, 2)), toy((3, 0), (1, 1), (-1, 0))
        # cosines: a: 1, √½, −1; b: 0, √½, 0
        h = math.sqrt(0.5)
        score = bertscore.score(c, r, 0)
        assert score.precision == pytest.approx((1 + h) / 2)
        assert score.recall == pytest.approx((1 + h + 0) / 3)
        P, R = score.precision, score.recall
        assert score.f1 == pytest.approx(2 * P * R / (P + R))
        weighted = bertscore.score(c, r, 0, {"": 0.0, "a": 3.0, "b": 1.0})
        assert weighted.precision == pytest.approx((3 * 1 + h) / 4)
        assert weighted.recall == pytest.approx((3 * 1 + h) / 4)  # "c" weighs nothing

    def test_inverse_frequency(self) -> None:
        idf = bertscore.inverse_frequency([toy((1, 0), (0, 1)), toy((1, 0))])
        assert idf == pytest.approx({"": math.log(3), "a": 0.0, "b": math.log(3 / 2)})
        assert bertscore.weights(("a", "a"), idf).tolist() == [1, 1]  # nothing rare: evenly

    def test_rescaling(self) -> None:
        one = bertscore.Score(precision=1, recall=1, f1=1, similarity=1)
        b = bertscore.Score(precision=0.5, recall=0.6, f1=0.55, similarity=0.8)
        assert one.rescaled(b) == one
        assert b.rescaled(b) == bertscore.Score(precision=0, recall=0, f1=0, similarity=0)

    @pytest.mark.parametrize("words", ["hello there", "general kenobi"])
    def test_identical_is_one(self, words: str) -> None:
        known = measures_scores.standard(ENCODER)
        a, b = read(words, words)
        for layer in range(5):
            for idf in (None, known.idf):
                score = bertscore.score(a, b, layer, idf)
                assert (score.precision, score.recall, score.f1, score.similarity) == (
                    pytest.approx((1, 1, 1, 1), abs=1e-4)
                )

    def test_swapping_swaps(self) -> None:
        a, b = read(CAT, "a kitten was lying on the old rug")
        for idf in (None, measures_scores.standard(ENCODER).idf):
            one, other = bertscore.score(a, b, 3, idf), bertscore.score(b, a, 3, idf)
            assert one.precision == pytest.approx(other.recall, abs=1e-6)
            assert one.recall == pytest.approx(other.precision, abs=1e-6)
            assert one.f1 == pytest.approx(other.f1, abs=1e-6)
            assert abs(one.precision - one.recall) > 1e-3

    def test_baseline_is_what_unrelated_pairs_get(self) -> None:
        texts = read(*bertscore.UNRELATED[:4])
        pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
        f1 = [bertscore.score(texts[i], texts[j], 2).f1 for i, j in pairs]
        assert bertscore.baseline(texts, 2).f1 == pytest.approx(np.mean(f1))
        assert 0.3 < bertscore.baseline(texts, 2).f1 < 0.9

    def test_refusals(self) -> None:
        c = toy((1, 0))
        with pytest.raises(UserError, match=r"no layer 1 — give 0 to 0"):
            bertscore.score(c, c, 1)
        empty = Words(tokens=("<s>",), kinds=("special",), layers=np.ones((1, 1, 2), np.float32))
        with pytest.raises(UserError, match="holds no word"):
            bertscore.score(c, empty, 0)
        with pytest.raises(ValueError, match="give a kind and a vector per token"):
            Words(tokens=("a",), kinds=(), layers=np.ones((1, 1, 2), np.float32))


class TestVectors:
    def test_gpt_gives_its_streams(self) -> None:
        import torch

        words = read(CAT)[0]
        loaded = service.models.get("gpt", "gpt-mini")
        assert words.kinds == ("special", *["word"] * (len(words.tokens) - 1))
        assert "".join(words.words().tokens) == CAT
        assert words.layers.shape == (5, len(words.tokens), 256)
        with torch.inference_mode():
            last = loaded.model.norm(torch.from_numpy(words.layers[-1]))
            end = service.resolve("genapp.families.gpt.prompt:tokenizer_of")(loaded)
            ids = torch.tensor([[end.end, *end.encode(CAT)]])
            np.testing.assert_allclose(last, loaded.model.hidden(ids)[0], atol=2e-4)

    @pytest.mark.parametrize(
        ("texts", "words"),
        [
            ([], "give 1 to 64"),
            (["a"] * 65, "give 1 to 64"),
            (["x" * 2_001], "keep each to 2,000 characters"),
            (["fine", "  "], "A text is empty"),
            (["word " * 390], "shorten the text"),
        ],
    )
    def test_refusals(self, texts: list[str], words: str) -> None:
        with pytest.raises(UserError, match=words):
            read(*texts)

    def test_a_family_without_vectors(self) -> None:
        with pytest.raises(UserError, match=r"gives no vectors — choose one of .*gpt"):
            service.vectors("autoencoders", "ae-conv", ["a"])


class TestLab:
    def test_compare_agrees_with_the_endpoint(self) -> None:
        shown = measures_scores.compare("the feline sat on the mat", CAT, ENCODER)
        assert shown["cosines"].shape == (5, len(shown["candidate"]), 6)
        assert json.loads(widget.value(shown)["data"])["usual"] == 3
        asked = measures_scores.text_scores(
            "the feline sat on the mat", CAT, ENCODER, idf=True, rescale=True
        )
        f1, b = shown["idf"][3][2], shown["baseline"]["idf"][3][2]
        assert asked["layer"] == 3
        assert asked["bertscore_f1"] == pytest.approx((f1 - b) / (1 - b))
        assert asked["bleu"] == shown["counted"]["bleu"]
        plain = measures_scores.text_scores("the feline sat on the mat", CAT, ENCODER, layer=0)
        assert plain["bertscore_precision"] == pytest.approx(shown["plain"][0][0])

    def test_own_references_count(self) -> None:
        ours = measures_scores.standard(ENCODER).idf
        theirs = measures_scores.standard(ENCODER, measures_scores.lines("the cat\n\nthe dog")).idf
        assert theirs[" dog"] == pytest.approx(math.log(3 / 2))
        assert theirs[""] != ours[""]
        with pytest.raises(UserError, match="up to 60 lines"):
            measures_scores.lines("a\n" * 61)

    @pytest.mark.parametrize("encoder", ["gpt/none", "nothing", "autoencoders/ae-conv"])
    def test_unknown_encoders(self, encoder: str) -> None:
        with pytest.raises(UserError, match=r"no encoder .* — choose one of .*gpt/gpt-mini"):
            measures_scores.compare(CAT, CAT, encoder)

    def test_the_first_encoder(self) -> None:
        found = [("GPT-mini", "gpt/gpt-mini"), ("BERT", "bert/bert-mini")]
        assert measures_scores.first(found) == "bert/bert-mini"
        assert measures_scores.first(found[:1]) == "gpt/gpt-mini"
        assert measures_scores.first([]) is None

    def test_presets_say_what_is_true(self) -> None:
        counted = {p.name: text.scores(p.candidate, p.reference) for p in measures.PRESETS}
        assert counted["identical"]["bleu"] == pytest.approx(100)
        assert counted["synonym"]["bleu"] == counted["cat → dog"]["bleu"] < 60
        assert counted["typo"]["chrf"] > counted["synonym"]["chrf"]
        assert counted["word order"]["rouge_1"] == 1 > counted["word order"]["rouge_2"]
        assert counted["the × 7"]["unigram_precision"] == pytest.approx(2 / 7)
        assert counted["unrelated"]["rouge_1"] == 0


class TestPlaces:
    def test_links_lead_somewhere(self) -> None:
        families = list(registry.all_families().values())
        known = places(families)
        assert known["Attention/measures"] == "attention?tab=measures"
        assert known["Text"] == "text"
        shown = timeline.timeline(known) + families_map.family_map(known)
        assert '<a href="attention?tab=mechanics">Transformer</a>' in shown
        nowhere = timeline.timeline({})
        assert "<a " not in nowhere
        assert nowhere.count("<small>") == len(timeline.PAPERS) - 1

    def test_dates_are_in_order(self) -> None:
        def when(paper):  # type: ignore[no-untyped-def]
            return datetime.strptime(f"{paper[1] or '1 Jan'} {paper[0]}", "%d %b %Y")

        assert [when(p) for p in timeline.PAPERS] == sorted(when(p) for p in timeline.PAPERS)
