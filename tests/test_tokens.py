"""The Tokens lab's arithmetic against printed results, the tokenizers library and PyTorch."""

import random
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from genapp.data import aesop_words
from genapp.errors import UserError
from genapp.tokens import bpe, byte_level, glove, learned, lookup, splitters, tables, wordforms
from genapp.ui.pages import tokens, tokens_data

ROOT = Path(__file__).parents[1]
SENTENCE = "Unfriendly 🙂 нейросеть"
BAD = [
    ("", "is empty"),
    (" \n", "is empty"),
    ("x" * 100_000, "has 100,000 characters"),
    ("a\ud83d", "U\\+D83D, a lone surrogate"),
]


@pytest.fixture(scope="module")
def book() -> str:
    """The fables as printed, from the data folder or a cache; skipped where there is no book."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENAPP_OFFLINE", "1")
        try:
            return aesop_words.raw()
        except UserError as error:
            pytest.skip(str(error))


class TestMerges:
    def test_the_papers_example(self) -> None:
        steps = bpe.played(tokens.PAPER, 10)
        assert [(*s.pair, s.count) for s in steps] == [
            ("e", "s", 9), ("es", "t", 9), ("est", "⟂", 9), ("l", "o", 7), ("lo", "w", 7),
            ("n", "e", 6), ("ne", "w", 6), ("new", "est⟂", 6), ("low", "⟂", 5), ("w", "i", 3),
        ]  # fmt: skip
        assert [s.vocabulary for s in steps] == list(range(12, 22))
        assert steps[0].table[0] == (("e", "s"), 9)
        assert bpe.encode("lowest⟂", [s.pair for s in steps]) == ["low", "est⟂"]

    def test_a_new_word_from_known_parts(self) -> None:
        corpus, merges, _ = tokens.CORPORA["un + friend + ly"]
        steps = bpe.played(corpus.replace("unfriendly ", ""), merges, end_mark=False)
        pieces = bpe.encode("unfriendly", [s.pair for s in steps])
        assert pieces[0] == "un"
        assert "friend" in pieces[1]
        assert "".join(pieces) == "unfriendly"

    @pytest.mark.parametrize("text", ["story", "paper", "aaa aaaa ab abab"])
    def test_as_the_library_learns(self, text: str) -> None:
        if text == "story":
            text = splitters.corpus("stories", "")[:12_000]
        text = tokens.PAPER if text == "paper" else text
        steps = bpe.played(text, 150, ties="lowest")
        alphabet = len({c for word in bpe.words_of(text) for c in word})
        fast = Tokenizer(models.BPE())
        fast.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        trainer = trainers.BpeTrainer(vocab_size=alphabet + len(steps), show_progress=False)
        fast.train_from_iterator([" ".join(w + bpe.END for w in text.split())], trainer)
        for word in dict.fromkeys(text.split()[:60]):
            marked = word + bpe.END
            assert bpe.encode(marked, [s.pair for s in steps]) == fast.encode(marked).tokens
        assert fast.get_vocab_size() == steps[-1].vocabulary

    def test_ends_when_all_is_one(self) -> None:
        steps = bpe.played("ab ab", 50, end_mark=False)
        assert [(s.pair, s.tokens) for s in steps] == [(("a", "b"), 2)]

    @pytest.mark.parametrize(("text", "words"), BAD)
    def test_refuses(self, text: str, words: str) -> None:
        with pytest.raises(UserError, match=words):
            bpe.played(text, 5)

    def test_refuses_numbers(self) -> None:
        with pytest.raises(UserError, match="ask for 1 to 400"):
            bpe.played("a b", 0)
        with pytest.raises(UserError, match="choose first or lowest"):
            bpe.played("a b", 1, ties="last")  # type: ignore[arg-type]


class TestBytes:
    def test_an_emoji_is_four_tokens_that_are_no_text(self) -> None:
        found = list(byte_level.byte_tokens(byte_level.shipped(), "🙂"))
        assert [t.raw for t in found] == [b"\xf0", b"\x9f", b"\x99", b"\x82"]
        assert [t.alone for t in found] == ["\ufffd"] * 4
        assert [t.streamed for t in found] == ["", "", "", "🙂"]
        assert [len(t.waiting) for t in found] == [1, 2, 3, 0]

    def test_random_unicode_comes_back(self) -> None:
        shipped, rng = byte_level.shipped(), random.Random(0)
        for _ in range(200):
            codes = [rng.choice([rng.randrange(0x80), rng.randrange(0x110000)]) for _ in range(30)]
            text = "".join(chr(c) for c in codes if not 0xD800 <= c < 0xE000)
            assert shipped.decode(shipped.encode(text)) == text
            streamed = byte_level.byte_tokens(shipped, text)
            assert "".join(t.streamed for t in streamed) == text

    def test_totals(self) -> None:
        totals = tokens_data.utf8(SENTENCE)["totals"]
        assert totals == {"characters": 22, "bytes": 34, "tokens": 28, "lengths": [12, 9, 0, 1]}


class TestSplitters:
    def test_nine_ways(self) -> None:
        rows = {r.name: r for r in splitters.bench(SENTENCE, splitters.Options())}
        assert list(rows) == list(splitters.TITLES)
        assert (len(rows["word"].pieces), rows["word"].unknown) == (3, 3)
        assert (len(rows["character"].pieces), rows["character"].unknown) == (22, 10)
        assert [n for n, r in rows.items() if r.back == SENTENCE] == ["byte-bpe", "gpt-mini"]
        assert [p.text for p in rows["gpt-mini"].pieces[:4]] == ["Un", "f", "riend", "ly"]
        assert rows["gpt-mini"].vocabulary == 4097

    def test_all_is_known_of_its_own_text(self) -> None:
        rows = splitters.bench(SENTENCE, splitters.Options(learned_from="own"))
        assert all(r.unknown == 0 for r in rows)

    def test_options_change_what_they_say(self) -> None:
        def row(name: str, text: str = "The Fox, the fox.", **options: object) -> splitters.Row:
            given = splitters.Options(learned_from="own", **options)  # type: ignore[arg-type]
            return splitters.bench(text, given, [name])[0]

        assert row("word").vocabulary - row("word", lower=True).vocabulary == 2
        assert len(row("word", punctuation=False).pieces) == 4
        assert row("word", lower=True, least=2).unknown == 2  # the comma and the full stop
        assert row("bpe", lower=True).back == "the fox, the fox."

    def test_forms(self) -> None:
        assert [wordforms.stem(w) for w in ("сеть", "сети", "ponies")] == ["сет", "сет", "poni"]
        known = {"fox", "run", "make", "pony"}
        forms = [wordforms.known_form(w, known) for w in ("foxes", "running", "making", "ponies")]
        assert forms == ["fox", "run", "make", "pony"]
        assert wordforms.known_form("mice", known) == "mice"

    @pytest.mark.parametrize(("text", "words"), BAD)
    def test_refuses(self, text: str, words: str) -> None:
        with pytest.raises(UserError, match=words):
            splitters.bench(text, splitters.Options())
        assert "error" in tokens_data.bench(text, "stories", 1024, False, True, 1)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"learned_from": "web"}, "choose stories, fables, own"),
            ({"vocabulary": 7}, "choose 256"),
            ({"least": 0}, "give 1 to 20"),
        ],
    )
    def test_refuses_options(self, options: dict, words: str) -> None:  # type: ignore[type-arg]
        with pytest.raises(UserError, match=words):
            splitters.bench("a", splitters.Options(**options))

    def test_unknown_splitter(self) -> None:
        with pytest.raises(UserError, match="choose word, stem"):
            splitters.bench("a", splitters.Options(), ["bert"])

    def test_control_characters_are_text(self) -> None:
        rows = splitters.bench("a\x00\x1b b", splitters.Options(), ["byte-bpe", "gpt-mini"])
        assert [r.back for r in rows] == ["a\x00\x1b b"] * 2


class TestAesop:
    def test_the_stream_of_words(self, book: str) -> None:
        assert len(book) == 197_444
        stream = aesop_words.stream(book)
        words = stream.split()
        assert (len(stream), len(words), len(set(words))) == (213_716, 50_436, 4_168)
        ids = aesop_words.ids(words)
        assert list(ids)[:12] == ["|", ",", "the", "and", ".", "a", "to", '"', "of", "he", "his",
                                  "was"]  # fmt: skip
        assert [ids[w] for w in ("fox", "saw", "hungry", "grapes")] == [56, 94, 382, 940]

    @pytest.mark.parametrize(("size", "count"), [(512, 90_752), (1024, 71_918), (4096, 54_093)])
    def test_byte_bpe_of_the_fables(self, book: str, size: int, count: int) -> None:
        assert len(learned.train("byte-bpe", book, size).encode(book).ids) == count


class TestVectors:
    def test_neighbours_and_an_analogy_of_ours(self) -> None:
        table = tables.get("gpt-mini")
        assert table.vectors.shape == (4097, 256)
        near = [table.names[i] for i, _ in tables.ask(table, "king").nearest[:3]]
        assert {" prince", " queen"} <= set(near)
        answer = tables.ask(table, "king - man + woman = queen")
        assert answer.rank == 1
        assert answer.cosine == pytest.approx(0.550, abs=2e-3)
        assert tables.ask(tables.get("random"), "king - man + woman = queen").rank > 100  # type: ignore[operator]

    def test_rank_is_counted_among_the_others(self) -> None:
        table = tables.Table(
            title="toy", names=("a", "b", "c", "d"),
            vectors=np.array([[1, 0], [0.9, 0.1], [0, 1], [-1, 0]], np.float32),
        )  # fmt: skip
        answer = tables.ask(table, "a = c")
        assert (answer.rank, [i for i, _ in answer.nearest][:3]) == (2, [1, 2, 3])
        assert answer.cosine == 0
        assert tables.ask(table, "a = a").rank is None
        assert table.flat[1].sum() == pytest.approx(1)

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("", "can't be read"),
            ("+ -", "can't be read"),
            ("a b c d e f g", "can't be read"),
            ("xylophonist", "is not one token of GPT-mini"),
        ],
    )
    def test_refuses(self, query: str, words: str) -> None:
        with pytest.raises(UserError, match=words):
            tables.ask(tables.get("gpt-mini"), query)

    def test_foreign_vectors_only_where_they_lie(self) -> None:
        assert "glove-twitter" not in tables.tables()
        with pytest.raises(UserError, match="no table 'glove-twitter'"):
            tables.get("glove-twitter")
        assert not list((ROOT / "checkpoints").rglob("*glove_twitter*"))


class TestGlove:
    def test_counts_are_symmetric(self) -> None:
        counts = glove.counted("a b a c b a b", window=2)
        X = np.zeros((len(counts.words),) * 2)
        X[counts.i, counts.j] = counts.x
        assert (X == X.T).all()
        assert counts.words == ("a", "b")
        assert X[0, 1] == 4.5  # four times side by side, once two apart

    def test_loss_falls_and_counts_are_rebuilt(self) -> None:
        text = splitters.corpus("stories", "")[:40_000].lower()
        fit = glove.fit(glove.counted(text), width=30, passes=30)
        assert fit.losses[-1] < fit.losses[0] / 2
        assert fit.correlation >= 0.8
        assert fit.vectors.shape == (len(fit.words), 30)
        again = glove.fit(glove.counted(text), width=30, passes=1)
        assert again.losses[0] == fit.losses[0]

    def test_too_short(self) -> None:
        with pytest.raises(UserError, match="give a longer text"):
            glove.counted("one two three")


class TestLookUp:
    def test_equals_a_product_and_torch(self) -> None:
        import torch

        table = np.random.default_rng(0).normal(size=(4169, 100)).astype(np.float32)
        ids = np.array([[5, 7, 7], [0, 4168, 5]])
        found = lookup.look_up(table, ids)
        assert table.size == 416_900
        assert found.shape == (2, 3, 100)
        np.testing.assert_array_equal(found, lookup.as_product(table, ids))
        layer = torch.nn.Embedding.from_pretrained(torch.from_numpy(table), freeze=False)
        upstream = np.random.default_rng(1).normal(size=found.shape).astype(np.float32)
        layer(torch.from_numpy(ids)).backward(torch.from_numpy(upstream))
        ours = lookup.gradient(ids, upstream, 4169)
        np.testing.assert_allclose(ours, layer.weight.grad, atol=1e-6)
        assert set(np.flatnonzero(ours.any(1))) == {0, 5, 7, 4168}

    def test_on_the_page(self) -> None:
        shown = tokens_data.look_up("the fox the fox")
        assert (shown["tokens"], shown["parameters"], shown["read"]) == (4, 1_048_832, 3)
        assert shown["different"] == 0
