"""The translators: sizes, masks, fast path == slow path, search, data, scores, preparation."""

from pathlib import Path

import pytest
import torch
from torch import nn

from genapp.data import pair_grammar, pairs
from genapp.data.pairs import Pair
from genapp.errors import UserError
from genapp.families.seq2seq import model as gru
from genapp.families.seq2seq import spec as gru_spec
from genapp.families.transformer import model as transformer
from genapp.families.transformer import spec as transformer_spec
from genapp.translation import batches, lecture, scores, search, task, vocab

SOURCES = torch.tensor([[5, 6, 7, 8, 2], [9, 4, 2, 0, 0], [7, 2, 0, 0, 0]])
WRITTEN = torch.tensor([[1, 4, 5, 6], [1, 7, 8, 0], [1, 6, 0, 0]])


def size(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def recurrent(**changes) -> gru.Seq2Seq:
    torch.manual_seed(0)
    config = {"source_vocab": 20, "target_vocab": 18, "width": 16, "dropout": 0.0, **changes}
    return gru.build(config).eval()


def attentive(**changes) -> transformer.Transformer:
    torch.manual_seed(0)
    sizes = {"source_vocab": 20, "target_vocab": 18, "layers": 2, "heads": 2, "width": 16}
    built = transformer.build({**sizes, "inner": 32, "dropout": 0.0, **changes}).eval()
    for p in built.parameters():  # larger than at birth, so that a difference would show
        nn.init.normal_(p, std=0.3)
    return built


MODELS = {
    "plain": lambda: recurrent(summary="last"),
    "mean": lambda: recurrent(summary="mean"),
    "additive": recurrent,
    "dot": lambda: recurrent(score="dot"),
    "bilinear": lambda: recurrent(score="bilinear"),
    "both ways": lambda: recurrent(bidirectional=True),
    "transformer": attentive,
    "post-norm": lambda: attentive(pre_norm=False, learned_final_norm=True),
}


class TestSizes:
    @pytest.mark.parametrize(("source", "target"), [(4500, 3000), (700, 900)])
    def test_recurrent(self, source: int, target: int) -> None:
        shape = {"source_vocab": source, "target_vocab": target}
        attention = gru.build({**shape, "summary": "attention"})
        plain = gru.build({**shape, "summary": "last"})
        assert size(attention.encoder) == size(plain.encoder) == 128 * source + 99_072
        assert size(attention) - size(attention.encoder) == 257 * target + 181_377
        assert size(plain) - size(plain.encoder) == 257 * target + 99_072
        assert size(attention.attention) == 33_153
        assert size(attention.gru) == 148_224

    def test_shipped(self) -> None:
        build, presets = gru.build, gru_spec.PRESETS
        assert size(build(presets["mt-gru-attn"].config)) == 1_627_449
        config = transformer_spec.PRESETS["mt-transformer"].config
        assert size(transformer.build(config)) == 2_416_544

    def test_base_equals_torch(self) -> None:
        with torch.device("meta"):
            base = transformer.build(transformer_spec.PRESETS["base"].config)
            encoder = nn.TransformerEncoderLayer(512, 8, 2048)
            decoder = nn.TransformerDecoderLayer(512, 8, 2048)
        assert size(base.encoder[0]) == size(encoder) == 3_152_384
        assert size(base.decoder[0]) == size(decoder) == 4_204_032
        embeddings = size(base.source) + size(base.target) + base.bias.numel()
        assert size(base) - embeddings == 44_140_544

    @pytest.mark.parametrize(
        ("changes", "word"),
        [({"summary": "x"}, "summary"), ({"score": "x"}, "score"), ({"dropout": 2}, "dropout"),
         ({"width": 15, "bidirectional": True}, "width")],
    )  # fmt: skip
    def test_impossible(self, changes: dict, word: str) -> None:
        with pytest.raises(ValueError, match=word):
            recurrent(**changes)

    def test_impossible_transformer(self) -> None:
        with pytest.raises(ValueError, match="heads"):
            attentive(heads=3)


@pytest.mark.parametrize("name", MODELS)
class TestModels:
    def test_stepwise_equals_batched(self, name: str) -> None:
        model = MODELS[name]()
        whole = model(SOURCES, WRITTEN)
        state = model.start(SOURCES)
        for t in range(WRITTEN.shape[1]):
            logits, _, state = model.step(state, WRITTEN[:, t])
            assert torch.allclose(logits, whole[:, t], atol=1e-5), t

    def test_pads_change_nothing(self, name: str) -> None:
        """A sentence alone and among longer ones: the same logits."""
        model = MODELS[name]()
        whole = model(SOURCES, WRITTEN)
        alone = model(SOURCES[1:2, :3], WRITTEN[1:2, :3])
        assert torch.allclose(alone[0], whole[1, :3], atol=1e-5)

    def test_later_words_leave_earlier_logits_alone(self, name: str) -> None:
        model = MODELS[name]()
        other = WRITTEN.clone()
        other[:, 2:] = 9
        before, after = model(SOURCES, WRITTEN), model(SOURCES, other)
        assert torch.allclose(before[:, :2], after[:, :2], atol=1e-6)
        assert not torch.allclose(before[:, 2], after[:, 2], atol=1e-3)

    def test_attention_is_a_distribution_over_real_words(self, name: str) -> None:
        model = MODELS[name]()
        _, weights, _ = model.step(model.start(SOURCES), WRITTEN[:, 0])
        if weights is None:
            assert name in {"plain", "mean"}
            return
        assert weights.min() >= 0
        assert torch.allclose(weights.sum(-1), torch.ones(()), atol=1e-5)
        assert float(weights[2, :, :, 2:].detach().abs().max()) == 0

    def test_beam_of_one_is_greedy(self, name: str) -> None:
        model = MODELS[name]()
        *_, best = search.write(model, SOURCES[:1], beam=1)
        (greedy,) = search.greedy(model, SOURCES[:1])
        assert [t for t in best[0].tokens if t != vocab.EOS] == greedy

    def test_a_wider_beam_finds_nothing_worse(self, name: str) -> None:
        model = MODELS[name]()
        found = []
        for beam in (1, 8):
            *_, best = search.write(model, SOURCES[:1], beam=beam)
            assert best == sorted(best, key=lambda h: -h.score)
            found.append(best[0].score)
        assert found[1] >= found[0] - 1e-4

    def test_forced_equals_teacher_forcing(self, name: str) -> None:
        model = MODELS[name]()
        told = search.forced(model, SOURCES[:1], [4, 5, 6])
        logp = model(SOURCES[:1], WRITTEN[:1])[0].log_softmax(1)
        wanted = sum(float(logp[t, w].detach()) for t, w in enumerate([4, 5, 6, vocab.EOS]))
        assert told.logp == pytest.approx(wanted, abs=1e-4)
        assert len(told.rows) == (0 if name in {"plain", "mean"} else 4)


class TestTransformer:
    def test_open_attention_equals_fused(self) -> None:
        model, maps = attentive(), ([], [], [])
        fused, seen = model(SOURCES, WRITTEN), model(SOURCES, WRITTEN, maps)
        assert torch.allclose(fused, seen, atol=1e-5)
        assert [len(m) for m in maps] == [2, 2, 2]
        own = maps[1][0]  # (B, H, T, T)
        assert float(own.detach().triu(1).abs().max()) == 0

    def test_positions(self) -> None:
        table = transformer.sinusoids(2, 16)
        assert torch.allclose(table[0, :4], torch.tensor([0.0, 1, 0, 1]))
        wanted = torch.tensor([0.8415, 0.5403, 0.3110, 0.9504])
        assert torch.allclose(table[1, :4], wanted, atol=1e-4)

    def test_too_long(self) -> None:
        with pytest.raises(ValueError, match="positions"):
            attentive()(SOURCES, torch.ones(3, 300, dtype=torch.long))


class TestTeacherForcing:
    def test_ratio_one_draws_nothing(self) -> None:
        model = recurrent(teacher_forcing=1.0).train()
        before = torch.random.get_rng_state()
        model(SOURCES, WRITTEN)
        assert torch.equal(before, torch.random.get_rng_state())

    def test_ratio_zero_ignores_the_truth(self) -> None:
        model = recurrent(teacher_forcing=0.0).train()
        other = WRITTEN.clone()
        other[:, 1:] = 3
        assert torch.equal(model(SOURCES, WRITTEN), model(SOURCES, other))


class TestBatches:
    def test_loss_ignores_pads(self) -> None:
        model = recurrent()
        pairs_ = [([5, 6, 7], [4, 5]), ([8], [6, 7, 8, 9, 10])]
        losses = [task.losses(model, batches.tensors([p]))["loss"] for p in pairs_]
        together = task.losses(model, batches.tensors(pairs_))["loss"]
        wanted = (3 * losses[0] + 6 * losses[1]) / 9
        assert float(together.detach()) == pytest.approx(float(wanted.detach()), abs=1e-5)

    def test_every_sentence_once_an_epoch(self) -> None:
        coded = [([4 + i], [4 + i] * (1 + i % 7)) for i in range(40)]
        made = batches.Bucketed(coded, 8, seed=3, hide=0.0)
        seen = [int(s) for k in range(5) for s in made(k)["source"][:, 0]]
        assert sorted(seen) == [4 + i for i in range(40)]
        again = batches.Bucketed(coded, 8, seed=3, hide=0.0)
        assert torch.equal(again(7)["wanted"], made(7)["wanted"])

    def test_hidden_words_are_never_the_wanted_ones(self) -> None:
        made = batches.Bucketed([([9] * 30, [8] * 30)] * 8, 8, seed=0, hide=0.5)(0)
        share = float((made["source"] == vocab.UNK).float().mean())
        assert 0.35 < share < 0.6
        assert bool((made["source"][:, -1] == vocab.EOS).all())
        assert not bool((made["wanted"] == vocab.UNK).any())


class TestVocabulary:
    TEXTS = ("Я не знаю, почему ёж — мой друг.", "Don't go!", "Der Fuß, den ich sah…") * 3

    @pytest.mark.parametrize("units", ["bpe", "words"])
    def test_joins_back(self, units: str) -> None:
        made = vocab.learn(self.TEXTS, 300, units)
        for text in self.TEXTS:
            assert made.text(made.encode(text)) == vocab.normalise(text)
        source, target = vocab.load(vocab.dump(made, made))
        assert source.encode(self.TEXTS[0]) == target.encode(self.TEXTS[0])

    def test_cyrillic_letters_survive(self) -> None:
        assert vocab.normalise("Й и Ё") == "й и ё"
        assert lecture.normalise("Йод, ёлка!") == "йод ёлка !"

    def test_unknown_words(self) -> None:
        made = vocab.learn(self.TEXTS, 300)
        assert made.unknown("мой 猫 друг") == ["猫"]

    def test_damaged(self) -> None:
        with pytest.raises(UserError, match="fetch or train"):
            vocab.load(b"{}")


class TestLecture:
    def test_stages(self) -> None:
        names = [s.text for s in lecture.stages("Qué? Я УМЁН, 5!")]
        assert names[1] == "qué? я умён, 5!"
        assert names[2] == "que? я умён, 5!"
        assert names[-1] == "que ? я умён !"

    @pytest.mark.parametrize(
        ("source", "target", "word"),
        [("я умен", "i m smart", ""), ("я вижу", "i see it", "twelve"), ("", "i m", "empty"),
         (" ".join("я" * 10), "i m smart", "10 words")],
    )  # fmt: skip
    def test_verdict(self, source: str, target: str, word: str) -> None:
        said = lecture.verdict(source, target)
        assert word in said
        assert bool(said) == bool(word)


class TestPairs:
    @pytest.mark.parametrize("language", pairs.LANGUAGES)
    def test_grammar_and_its_gold(self, language: str) -> None:
        for made in pair_grammar.sentences(language, 200, 1):
            assert len(made.gold) == len(made.target.split())
            assert max(made.gold) == len(made.source.split()) - 1

    def test_orders_of_words(self) -> None:
        german = {s.target: s for s in pair_grammar.sentences("deu", 2_800)}
        told = german["you can buy the green apple ."]
        assert told.source == "du kannst den grünen apfel kaufen ."
        assert told.gold == (0, 1, 5, 2, 3, 4, 6)
        french = {s.target: s.gold for s in pair_grammar.sentences("fra", 2_800)}
        assert french["you can buy the green apple ."] == (0, 1, 2, 3, 5, 4, 6)
        with pytest.raises(UserError, match="sentences"):
            pair_grammar.sentences("rus", 10_000)

    def test_no_held_out_sentence_in_training(self) -> None:
        train = [Pair(f"да {i}", f"yes {i}") for i in range(200)]
        test = [Pair("Да, 3!", "anything"), Pair("что угодно", "Yes 4.")]
        parts = pairs.split(train, test, pairs.GRAMMAR)
        held = [*parts.validation, *parts.test]
        assert {p.source for p in parts.train}.isdisjoint({"да 3", "да 4"})
        assert len(parts.validation) == 6
        for side in (0, 1):
            keys = {pairs.key(p[side]) for p in parts.train}
            assert keys.isdisjoint(pairs.key(p[side]) for p in held)

    def test_absent_data_says_where_to_get_it(self) -> None:
        with pytest.raises(UserError, match="manythings"):
            pairs.load("rus")
        found, real = pairs.load_or_stand_in("deu")
        assert not real
        assert len(found.train) > 1_000
        with pytest.raises(ValueError, match="rus, deu, fra"):
            pairs.load("eng")

    def test_own_file(self, tmp_path: Path) -> None:
        path = tmp_path / "own.tsv"
        path.write_text("".join(f"word {i}\tслово {i}\n" for i in range(80)), "utf-8")
        parts = pairs.own_file(path)
        assert parts.train[0].target.startswith("word")
        assert len(parts.test) == 8
        path.write_text("no tab here\n" * 80)
        with pytest.raises(UserError, match="tab"):
            pairs.own_file(path)


class TestScores:
    def test_known_values(self) -> None:
        assert scores.bleu(["i know him well."], ["I know him well."]) == pytest.approx(100)
        of = scores.of_sentence("i see a cat.", "I see a dog.")
        assert 0 < of["bleu"] < 100
        assert 0 < of["chrf"] < 100

    def test_report_by_length(self) -> None:
        meant = ["I am.", "He sees the red car today.", "a b c d e f g h i j k l m."]
        told = scores.report([vocab.normalise(m) for m in meant], meant)
        assert told["exact_match"] == 1
        assert [row["pairs"] for row in told["by_length"].values()] == [1, 1, 1]
        assert told["bleu_longest_third"] == pytest.approx(100)
