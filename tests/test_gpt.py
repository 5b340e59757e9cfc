"""GPT: sizes, fast path == slow path, sampling, tokenizers, writing, own text, import."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genapp import checkpoints, runtime, service
from genapp.errors import UserError
from genapp.families.gpt import (
    generate,
    memory,
    model,
    pretrained,
    reader,
    sampling,
    scoring,
    tokenizer,
    train,
)
from genapp.families.gpt.sampling import Sampler
from genapp.families.gpt.spec import PRESETS, GenerateRequest, LogitsRequest, ScoreRequest
from genapp.trainer.loop import TrainConfig

SIZES = {
    "gpt-mini": 4_273_664,
    "gpt-char": 1_841_472,
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
}
STORY = "The fox saw the grapes, and the grapes were sour. 🙂 Said the fox: nay!\n\n"


def micro(**changes) -> model.GPT:
    torch.manual_seed(0)
    config = {"layers": 2, "heads": 2, "width": 32, "context": 24, "vocab": 300, **changes}
    built = model.build(config).eval()
    for p in built.parameters():  # larger than at birth, so that a difference would show
        torch.nn.init.normal_(p, std=0.15)
    return built


@pytest.fixture(scope="module")
def bpe() -> tokenizer.BPE:
    return tokenizer.train_bpe([STORY], 290, ("fable", "tale"))


@pytest.fixture
def loaded(bpe) -> service.Loaded:
    return load(micro(vocab=bpe.size), bpe)


def load(built: model.GPT, tokens: tokenizer.Tokenizer) -> service.Loaded:
    meta = checkpoints.Meta(
        family="gpt", preset="micro", config={}, step=0, steps=0, seed=0, data=(), metrics={},
        hardware="", seconds=0, parameters=0,
    )  # fmt: skip
    files = {"tokenizer.json": tokens.dump()}
    return service.Loaded(model=built, meta=meta, files=files, device=torch.device("cpu"))


def last(loaded, **fields):
    return list(generate.generate(loaded, GenerateRequest(**fields)))[-1]


# --- the model


@pytest.mark.parametrize("name", SIZES)
def test_parameters_are_those_of_the_specification(name):
    with torch.device("meta"):
        built = model.build(PRESETS[name].config)
    assert sum(p.numel() for p in built.parameters()) == SIZES[name]


def test_impossible_sizes_say_what_to_change():
    with pytest.raises(ValueError, match="width 30 does not divide into 4 heads"):
        model.build({"layers": 1, "heads": 4, "width": 30, "context": 8, "vocab": 9})
    with pytest.raises(ValueError, match="25 tokens exceed the context of 24"):
        micro()(torch.zeros(1, 25, dtype=torch.long))


@pytest.mark.parametrize("cut", [1, 7, 15])
@torch.no_grad()
def test_prefill_and_cached_steps_equal_the_full_forward(cut):
    built, tokens = micro(), torch.randint(300, (2, 16))
    full, cache = built(tokens), built.new_cache(batch=2)
    steps = [built(tokens[:, :cut], cache, 0)]
    steps += [built(tokens[:, i : i + 1], cache, i) for i in range(cut, 15)]
    steps.append(built(tokens[:, 15:], cache, 15))
    torch.testing.assert_close(torch.cat(steps, 1), full, atol=1e-5, rtol=0)
    again = built(tokens[:, 4:9], cache, 4)  # several tokens behind cached ones
    torch.testing.assert_close(again, full[:, 4:9], atol=1e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_step_without_modules_equals_the_model(precision):
    built = runtime.at_precision(micro(), precision)
    tokens, step, cache = torch.randint(300, (3, 9)), reader.Step(built), built.new_cache(batch=3)
    built(tokens[:, :5], cache)
    for i in range(5, 9):
        fast = step(tokens[:, i : i + 1], cache, i)
        slow = built(tokens[:, i : i + 1], cache, i)[:, 0]
        torch.testing.assert_close(fast, slow, atol=1e-5, rtol=0)


@torch.no_grad()
def test_no_token_sees_the_future():
    built, tokens = micro(), torch.randint(300, (1, 16))
    changed = tokens.clone()
    changed[0, 9:] = (changed[0, 9:] + 1) % 300
    a, b = built(tokens), built(changed)
    torch.testing.assert_close(a[:, :9], b[:, :9], atol=1e-6, rtol=0)
    assert (a[:, 9:] - b[:, 9:]).abs().max() > 0.1


def test_an_untrained_model_guesses_evenly():
    torch.manual_seed(0)
    built = model.build({**PRESETS["gpt-mini"].config, "layers": 2})
    loss = train.losses(built.eval(), torch.randint(4096, (2, 129)))["loss"]
    assert float(loss.detach()) == pytest.approx(math.log(4096), abs=0.15)


def test_the_output_layer_is_the_embedding_and_is_stored_once():
    built = micro()
    assert built.head.weight is built.tokens.weight
    assert "head.weight" not in built.state_dict()
    other = micro()
    torch.nn.init.zeros_(other.tokens.weight)
    other.load_state_dict(built.state_dict())
    assert torch.equal(other.head.weight, built.tokens.weight)


@torch.no_grad()
def test_int8_stays_close_and_covers_the_output_layer():
    built, tokens = micro(width=64), torch.randint(300, (1, 16))
    exact = built(tokens)
    small = runtime.at_precision(built, "int8")
    error = (small(tokens) - exact).abs().mean() / exact.abs().mean()
    assert 0 < error < 0.1
    assert "head.weight" not in dict(small.named_parameters())


# --- transformers as the judge


@pytest.fixture(scope="module")
def theirs():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(1)
    config = GPT2Config(
        vocab_size=300, n_positions=64, n_embd=32, n_layer=3, n_head=4, initializer_range=0.3,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


@torch.no_grad()
def test_copied_weights_give_transformers_logits_and_greedy_text(theirs):
    ours = model.GPT(pretrained.config_of(theirs.config.to_dict())).eval()
    ours.load_state_dict(pretrained.convert(theirs.state_dict()))
    tokens = torch.randint(1, 300, (2, 20))
    torch.testing.assert_close(ours(tokens), theirs(tokens).logits, atol=1e-5, rtol=1e-5)
    text = theirs.generate(tokens[:1], max_new_tokens=12, min_new_tokens=12, do_sample=False)
    read, given, written = reader.Reader(ours).read, tokens[0].tolist(), []
    for _ in range(12):
        logits = read(given).clone()
        logits[0] = -math.inf  # as min_new_tokens does with the end token
        given = [int(logits.argmax())]
        written += given
    assert written == text[0, 20:].tolist()


# --- tokenizers


@pytest.mark.parametrize("text", [STORY, "naïve 北京 🙂👩‍👩‍👧 \x00 <|endoftext|>", ""])
def test_bpe_writes_any_text_and_streams_whole_characters(bpe, text):
    tokens, stream = bpe.encode(text), tokenizer.StreamDecoder(bpe)
    pieces = [stream.feed(t) for t in tokens]
    assert "".join(pieces) + stream.flush() == text == tokenizer.decode(bpe, tokens)
    assert "\ufffd" not in "".join(pieces)
    assert bpe.end not in tokens


def test_a_character_cut_short_shows_as_one_mark(bpe):
    stream = tokenizer.StreamDecoder(bpe)
    assert "".join(stream.feed(t) for t in bpe.encode("é🙃")[:-1]) == "é"
    assert stream.flush() == "\ufffd"


def test_tokenizers_survive_their_file(bpe):
    assert bpe.size == 290
    assert bpe.special("tale") == 2
    for kind in (bpe, tokenizer.Characters(sorted(set(STORY)))):
        assert tokenizer.load(kind.dump()).encode(STORY) == kind.encode(STORY)
    with pytest.raises(UserError, match=r"tokenizer\.json"):
        tokenizer.load(b"{}")


# --- writing


def test_same_seed_same_text_and_the_used_seed_comes_back(loaded):
    a, b = (last(loaded, prompt="The fox", seed=7, max_new_tokens=12) for _ in "ab")
    assert (a.text, a.seed) == (b.text, 7)
    random = last(loaded, prompt="The fox", seed=-1, max_new_tokens=12)
    assert random.seed >= 0
    assert last(loaded, prompt="The fox", seed=random.seed, max_new_tokens=12).text == random.text


def test_frames_add_up(loaded):
    frames = list(
        generate.generate(loaded, GenerateRequest(prompt="The", seed=1, max_new_tokens=20))
    )
    end = frames[-1]
    assert "".join(f.delta for f in frames) == end.text
    assert end.tokens == sum(f.written is not None for f in frames)
    nats = [-math.log(f.written.probability) for f in frames if f.written]
    assert end.perplexity == pytest.approx(math.exp(np.mean(nats)), rel=1e-4)
    for f in frames[1:-1]:
        first = f.written.candidates[f.written.rank - 1] if f.written.rank <= 8 else None
        assert first is None or first.token == f.written.token
        assert 0 < f.written.chance <= 1


def test_writing_goes_on_beyond_the_context(loaded):
    end = last(loaded, prompt="The fox", seed=2, max_new_tokens=80, style="fable", banned="")
    assert end.tokens == 80 or end.finish == "end"
    greedy = Sampler(temperature=0)
    book = reader.Reader(loaded.model, head=[1])
    logits, seen = book.read([1, 9, 8]), []
    for _ in range(60):  # the cached state equals a fresh look at the same tokens, always
        seen.append(int(sampling.shape(logits, [], greedy).argmax()))
        logits = book.read(seen[-1:])
        fresh = loaded.model(torch.tensor([book.context]))[0, -1]
        torch.testing.assert_close(logits, fresh, atol=1e-4, rtol=0)
        assert book.context[0] == 1


def test_zero_temperature_is_greedy_and_forced_words_come_first(loaded):
    a, b = (last(loaded, temperature=0.0, seed=s, max_new_tokens=9).text for s in (1, 2))
    assert a == b
    assert last(loaded, forced="sour!", seed=1, max_new_tokens=30).text.startswith("sour!")


def test_banned_words_stay_out(loaded):
    word, greedy = "f", {"temperature": 0.0, "max_new_tokens": 20}
    favourite = generate.prompts.tokenizer_of(loaded).encode(word)[0]
    loaded.model.norm.bias.data = loaded.model.tokens.weight[favourite].data * 5
    assert word in last(loaded, prompt="a", **greedy).text
    assert word not in last(loaded, prompt="a", banned=word, **greedy).text


def test_long_prompts_and_unknown_styles_are_said(loaded, bpe):
    end = last(loaded, prompt=STORY * 9, max_new_tokens=2)
    assert "the model sees the last 23" in end.notice
    assert len(end.prompt_tokens) == 23
    assert "play is ignored" in last(loaded, style="play", max_new_tokens=2).notice


def test_characters_the_model_never_saw(bpe):
    letters = load(micro(vocab=5), tokenizer.Characters("\nabcd"))
    assert "🙂" in last(letters, prompt="ab🙂", max_new_tokens=2).notice
    assert last(letters, prompt="", max_new_tokens=3).tokens == 3
    with pytest.raises(UserError, match="knows none of the characters"):
        last(letters, prompt="🙂")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompt": "x" * 20_001}, "keep it to 20,000"),
        ({"temperature": 9}, "Temperature 9 is out of range"),
        ({"top_p": 0}, "Top-p 0 is out of range"),
        ({"style": "limerick"}, "choose one of auto"),
        ({"checkpoint": "nope"}, "gpt has no checkpoint 'nope'"),
        ({"max_new_tokens": 1.5}, "not a whole number"),
    ],
)
def test_bad_requests_get_a_clear_answer(fields, message):
    assert message in str(list(service.stream("gpt", **fields))[-1])


def test_scores_and_logits(loaded, bpe):
    score = next(generate.generate(loaded, ScoreRequest(text=STORY * 4, style="fable")))
    assert "".join(t.text for t in score.tokens if "\\x" not in t.text).startswith("The fox saw")
    assert score.perplexity == pytest.approx(math.exp(np.mean([t.nats for t in score.tokens])))
    tokens = torch.tensor([[bpe.special("fable"), *bpe.encode(STORY)][:20]])
    with torch.no_grad():
        logits = loaded.model(tokens[:, :-1])[0]
    direct = torch.nn.functional.cross_entropy(logits, tokens[0, 1:])
    head = score.tokens[: tokens.shape[1] - 1]
    assert np.mean([t.nats for t in head]) == pytest.approx(float(direct), rel=1e-4)
    seen = next(generate.generate(loaded, LogitsRequest(prompt="The fox")))
    live = scoring.live_logits(loaded, np.array([seen.prompt_tokens], dtype=np.float32))
    np.testing.assert_allclose(live, seen.logits, atol=1e-5)
    with pytest.raises(UserError, match="too little text"):
        scoring.score(loaded, " ")
    with pytest.raises(UserError, match="none of this model's"):
        scoring.live_logits(loaded, np.array([[999.0]]))


# --- training on one's own text


@pytest.mark.parametrize("preset", ["micro", "nano-laptop"])  # byte-level BPE, characters
def test_own_text_is_learned_in_twenty_steps(tmp_path, preset):
    text = tmp_path / "own.txt"
    text.write_text(STORY * 60, encoding="utf-8")
    config = TrainConfig(steps=20, batch=8, lr=1e-2)
    task = train.recipe(preset, config, text)
    before = task.evaluate(task.model.eval())["val_loss"]
    for k in range(20):
        task.losses(task.model, task.batch(k))["loss"].backward()
        for optimizer in task.optimizers.values():
            optimizer.step()
            optimizer.zero_grad()
    assert task.evaluate(task.model)["val_loss"] < before - 1
    assert torch.equal(task.batch(3), task.batch(3))
    assert isinstance(task.preview(task.model), str)
    metrics, _ = task.finish(task.model)
    assert metrics["bits_per_byte"]["text"] > 0
    (sample,) = json.loads(task.files["samples.json"])
    assert sample["step"] == 4  # of the latest batch asked for
    assert sample["val_loss"] < before


def test_a_text_that_is_too_short_says_how_much_is_needed(tmp_path):
    text = tmp_path / "own.txt"
    text.write_text("Too short.", encoding="utf-8")
    with pytest.raises(UserError, match="give one of"):
        train.recipe("micro", TrainConfig(steps=1, batch=1), text)


def test_large_pages_change_nothing_but_speed():
    block = torch.arange(4 << 20)  # 32 MB
    assert memory.use_large_pages() >= 0
    assert torch.equal(block, torch.arange(4 << 20))


# --- GPT-2's weights


def gpt2_folder(folder: Path, theirs, bpe) -> Path:
    folder.mkdir()
    theirs.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(bpe.dump())
    return folder


def test_a_folder_in_the_hubs_layout_becomes_a_checkpoint(tmp_path, monkeypatch, theirs, bpe):
    monkeypatch.setenv("GENAPP_HOME", str(tmp_path))
    folder = gpt2_folder(tmp_path / "hub", theirs, bpe)
    pretrained.from_folder(folder, "toy")
    frame = service.run("gpt", checkpoint="toy", prompt="The fox", seed=1, max_new_tokens=5)
    assert frame.tokens == 5 or frame.finish == "end"
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt_neo"}))
    with pytest.raises(UserError, match="model_type is 'gpt_neo'"):
        pretrained.from_folder(folder, "toy")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"lacks tokenizer\.json"):
        pretrained.from_folder(folder, "toy")


def test_config_differences_are_refused(theirs):
    with pytest.raises(ValueError, match="activation_function is 'relu'"):
        pretrained.config_of(theirs.config.to_dict() | {"activation_function": "relu"})
    assert replace(pretrained.config_of(theirs.config.to_dict())).context == 64
