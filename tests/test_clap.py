"""Zero-shot audio: synthesis, captions, the ear, the encoders, the hub's layout, files, the tab."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from genapp import checkpoints, hub, registry, service
from genapp.data import sound_captions as captions
from genapp.data import sound_files, sounds
from genapp.data.sounds import ALL, RATE, SEEN, UNSEEN, Combination
from genapp.errors import UserError
from genapp.families.clap import generate, mel, model, pretrained, report, train, words
from genapp.families.clap.spec import PRESETS, SoundRequest
from genapp.trainer.loop import TrainConfig

SHIPPED = checkpoints.roots()[1] / "clap" / "clap-mini"
BIRD = Combination("bird", "high", "medium")


def peak_hz(x: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(x))) * RATE / len(x))


class TestSounds:
    @pytest.mark.parametrize("kind", sounds.KINDS)
    def test_seeded_finite_and_loud(self, kind: str) -> None:
        what = Combination(kind, "middle", "fast")
        x = sounds.synthesise(what, 3)
        assert x.dtype == np.float32
        assert len(x) == 2 * RATE
        assert 0.3 < np.abs(x).max() <= 1
        assert np.array_equal(x, sounds.synthesise(what, 3))
        assert not np.array_equal(x, sounds.synthesise(what, 4))

    @pytest.mark.parametrize("pitch", sounds.PITCHES)
    def test_a_tone_has_the_pitch_it_is_called(self, pitch: str) -> None:
        low, high = sounds.BANDS["tone"][sounds.PITCHES.index(pitch)]
        for seed in range(4):
            x = sounds.synthesise(Combination("tone", pitch, "medium"), seed)
            assert 0.98 * low < peak_hz(x) < 1.02 * high

    def test_a_fast_drum_has_more_strokes(self) -> None:
        def strokes(tempo: str) -> int:
            x = np.abs(sounds.synthesise(Combination("drum", "high", tempo), 1))
            loud = x[: len(x) // 480 * 480].reshape(-1, 480).max(1) > 0.3 * x.max()
            return int((np.diff(loud.astype(int)) == 1).sum())

        slow, medium, fast = (strokes(t) for t in sounds.TEMPOS)
        assert slow < medium < fast
        assert slow <= 4
        assert fast >= 9

    def test_unseen_triples_have_seen_pairs(self) -> None:
        assert len(ALL) == 63
        assert len(UNSEEN) == 14
        assert not set(UNSEEN) & set(SEEN)
        for a, b in (("kind", "pitch"), ("kind", "tempo"), ("pitch", "tempo")):
            met = {(getattr(w, a), getattr(w, b)) for w in SEEN}
            assert met >= {(getattr(w, a), getattr(w, b)) for w in UNSEEN}

    def test_unknown_kind_is_told(self) -> None:
        with pytest.raises(UserError, match="Unknown kind 'cat' — choose one of tone"):
            sounds.synthesise(Combination("cat", "high", "fast"), 0)


class TestCaptions:
    def test_many_wordings_all_true_and_all_in_the_vocabulary(self) -> None:
        rng = np.random.default_rng(0)
        said = [captions.describe(BIRD, rng) for _ in range(400)]
        assert len({s.text for s in said}) > 200
        assert all(s.true_of(BIRD) for s in said)
        known = set(captions.vocabulary())
        assert all(w in known for s in said for w in captions.words(s.text))

    def test_a_claim_is_false_of_another_sound(self) -> None:
        said = captions.Said("a fast bird", kind="bird", tempo="fast")
        assert said.true_of(Combination("bird", "low", "fast"))
        assert not said.true_of(Combination("bird", "low", "slow"))
        assert not said.true_of(Combination("bark", "low", "fast"))

    def test_plain_captions_are_distinct(self) -> None:
        assert len({captions.plain(w) for w in ALL}) == 63
        assert captions.plain(BIRD) == "sound of a high steady bird"

    def test_everyday_labels_are_known_words(self) -> None:
        ids = words.index(captions.vocabulary())
        for label in ("a dog barking", "a bird", "a drum", "rain-like noise", "Sound of a dog"):
            assert words.strangers(label, ids) == []
        assert words.strangers("a piano, a Piano", ids) == ["piano"]


class TestEar:
    def test_equals_the_extractor_of_transformers(self) -> None:
        from transformers import ClapFeatureExtractor

        theirs = ClapFeatureExtractor(truncation="rand_trunc")
        assert np.abs(mel.bank() - theirs.mel_filters_slaney).max() < 1e-7
        x = sounds.synthesise(BIRD, 0)
        from genapp.families.clap.htsat import ten_seconds

        padded = theirs(x, sampling_rate=RATE, return_tensors="np")["input_features"][0, 0]
        ours = mel.log_mel(ten_seconds(x))
        assert ours.shape == padded.shape == (1001, 64)
        assert np.abs(ours - padded).max() < 0.05  # dB

    def test_hertz_undoes_mel(self) -> None:
        f = np.array([0.0, 500, 1000, 6400, 14000])
        assert np.allclose(mel.hertz(mel.mel(f)), f)

    def test_a_tone_lights_its_band(self) -> None:
        t = np.arange(RATE) / RATE
        seen = mel.log_mel(np.sin(2 * np.pi * 3000 * t).astype(np.float32)).mean(0)
        edges = mel.hertz(np.linspace(0, mel.mel(mel.HIGH), mel.BANDS + 2))
        assert edges[seen.argmax()] < 3000 < edges[seen.argmax() + 2]


class TestModel:
    @pytest.fixture(scope="class")
    def micro(self) -> model.Clap:
        torch.manual_seed(0)
        return model.build(PRESETS["micro"].config).eval()  # type: ignore[return-value]

    def test_size_as_specified(self) -> None:
        mini = model.build(PRESETS["clap-mini"].config)
        assert sum(p.numel() for p in mini.parameters()) <= 1_000_000

    def test_unit_vectors_whatever_the_length_and_loudness(self, micro: model.Clap) -> None:
        x = torch.from_numpy(mel.log_mel(sounds.synthesise(BIRD, 0)))[None]
        for part in (x, x[:, :60], x - 20):
            assert micro.sound(part).norm(dim=1).item() == pytest.approx(1, abs=1e-5)
        assert torch.allclose(micro.sound(x), micro.sound(x - 20), atol=1e-5)

    def test_padding_changes_no_caption(self, micro: model.Clap) -> None:
        ids = torch.tensor([[5, 9, 4]])
        padded = torch.tensor([[5, 9, 4, 0, 0], [3, 3, 3, 3, 3]])
        assert torch.allclose(micro.caption(ids)[0], micro.caption(padded)[0], atol=1e-6)

    def test_modulation_hears_the_tempo(self) -> None:
        for rate in (1.4, 3.0, 7.0):
            t = torch.arange(200) / model.FRAMES
            pulse = (torch.sin(2 * torch.pi * rate * t))[None, :, None].repeat(1, 1, 64)
            level = model.modulation(pulse)[0, len(model.MODULATIONS) :]
            assert model.MODULATIONS[int(level.argmax())] == pytest.approx(rate, rel=0.15)

    def test_vague_captions_share_the_target(self) -> None:
        """Two birds, "a bird" twice: no pull apart, so logits alike are optimal."""

        class Fixed(torch.nn.Module):
            def forward(self, sound: torch.Tensor, caption: torch.Tensor) -> torch.Tensor:
                return sound @ caption

        true = torch.ones(2, 2)
        even = train.losses(Fixed(), (torch.zeros(2, 2), torch.eye(2), true))["loss"]
        torn = train.losses(Fixed(), (5 * torch.eye(2), torch.eye(2), true))["loss"]
        assert even.item() == pytest.approx(np.log(2))
        assert torn > even

    def test_bad_config_is_told(self) -> None:
        with pytest.raises(ValueError, match="channels"):
            model.ClapConfig(vocab=10, channels=(1, 2))

    def test_batches_never_hold_an_unseen_combination(self) -> None:
        pool = train.Pool(512)
        assert {pool.what(i) for i in range(512)} == set(SEEN)
        task = train.recipe("micro", TrainConfig(steps=4, batch=6), None)
        heard, read, true = task.batch(3)
        assert heard.shape[0] == read.shape[0] == 6
        assert bool((true.diagonal() == 1).all())
        again = train.recipe("micro", TrainConfig(steps=4, batch=6), None).batch(3)
        assert all(torch.equal(a, b) for a, b in zip((heard, read, true), again, strict=True))

    def test_own_data_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="makes its own sounds"):
            train.recipe("micro", TrainConfig(steps=4, batch=6), tmp_path)


def test_retrieval_counts_ranks() -> None:
    """Of three sounds, the third lies nearer to the first caption than to its own."""
    eye = np.eye(3, dtype=np.float32)
    heard = eye.copy()
    heard[2] = (0.9, 0.0, 0.4)
    found = report.retrieval(heard, eye)
    assert found["sound_to_caption_at_1"] == pytest.approx(2 / 3)
    assert found["caption_to_sound_at_1"] == pytest.approx(1)
    assert found["sound_to_caption_at_5"] == 1


class TestFiles:
    def write(self, path: Path, x: np.ndarray, rate: int, **about: object) -> Path:
        soundfile.write(path, x, rate, **about)
        return path

    def test_resampled_from_the_header_and_cut(self, tmp_path: Path) -> None:
        t = np.arange(44_100 * 12) / 44_100
        stereo = np.stack([np.sin(2 * np.pi * 1000 * t)] * 2, axis=1) * 0.5
        found = sound_files.load(self.write(tmp_path / "a.flac", stereo, 44_100), RATE)
        assert found.file_rate == 44_100
        assert len(found.samples) == 10 * RATE
        assert found.file_seconds == pytest.approx(12)
        assert peak_hz(found.samples) == pytest.approx(1000, abs=1)

    @pytest.mark.parametrize(
        ("x", "words"),
        [
            (np.zeros(48_000), "silent"),
            (np.full(48_000, np.nan), "NaN"),
            (np.zeros(0), "lasts 0.00 s"),
            (np.ones(100), "at least 0.1 s"),
        ],
    )
    def test_useless_sounds(self, tmp_path: Path, x: np.ndarray, words: str) -> None:
        path = self.write(tmp_path / "a.wav", x, RATE, subtype="FLOAT")
        with pytest.raises(UserError, match=words):
            sound_files.load(path, RATE)

    def test_no_sound_at_all(self, tmp_path: Path) -> None:
        (tmp_path / "a.mp3").write_bytes(b"this is a text" * 50)
        (tmp_path / "b.wav").touch()
        for name, told in (("a.mp3", "can't be read as sound — save it as WAV"),
                            ("b.wav", "empty"), ("c.wav", "gone")):  # fmt: skip
            with pytest.raises(UserError, match=told):
                sound_files.load(tmp_path / name, RATE)

    def test_too_large(self, tmp_path: Path) -> None:
        with (tmp_path / "a.wav").open("wb") as file:
            file.truncate(sound_files.MAX_BYTES + 1)
        with pytest.raises(UserError, match="at most 20 MB"):
            sound_files.load(tmp_path / "a.wav", RATE)

    def test_wav_round_trip(self, tmp_path: Path) -> None:
        x = sounds.synthesise(BIRD, 0)
        (tmp_path / "a.wav").write_bytes(sound_files.wav(x, RATE))
        assert np.abs(sound_files.load(tmp_path / "a.wav", RATE).samples - x).max() < 1e-4


# --- the hub's layout -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A micro CLAP of transformers, saved as the hub holds one."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import ClapConfig, ClapModel

    names = ["<s>", "<pad>", "</s>", "<unk>", "sound", "of", "a", "bird", "dog", "drum"]
    tokens = Tokenizer(models.WordLevel({n: i for i, n in enumerate(names)}, unk_token="<unk>"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    tokens.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    config = ClapConfig(
        text_config={
            "vocab_size": 10, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 16, "max_position_embeddings": 90, "pad_token_id": 1,
        },
        audio_config={
            "patch_embeds_hidden_size": 8, "depths": [1, 1], "num_attention_heads": [1, 2],
            "hidden_size": 16, "num_hidden_layers": 2, "enable_fusion": False,
        },
        projection_dim=12,
    )  # fmt: skip
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("micro-clap")
    ClapModel(config).eval().save_pretrained(folder)
    tokens.save(str(folder / "tokenizer.json"))
    return folder


class TestHub:
    def test_as_a_checkpoint_it_answers_like_transformers(self, hub_folder: Path) -> None:
        from transformers import ClapFeatureExtractor, ClapModel

        pretrained.from_folder(hub_folder)
        x = sounds.synthesise(BIRD, 0)
        frame = service.run(
            "clap", checkpoint=pretrained.NAME, labels="bird\ndog", template="sound of a {}",
            samples=x,
        )  # fmt: skip
        theirs = ClapModel.from_pretrained(hub_folder).eval()
        heard = ClapFeatureExtractor(truncation="rand_trunc")(
            x, sampling_rate=RATE, return_tensors="pt"
        )["input_features"]
        ids = torch.tensor([[0, 4, 5, 6, 7, 2], [0, 4, 5, 6, 8, 2]])
        with torch.no_grad():
            out = theirs(
                input_features=heard, input_ids=ids, attention_mask=torch.ones_like(ids)
            ).logits_per_audio.softmax(-1)
        assert np.allclose(frame.probabilities, out[0].numpy(), atol=2e-3)
        assert frame.strangers == ()

    def test_the_revision_is_pinned_and_offline_is_told(self, monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
        monkeypatch.setenv("GENAPP_OFFLINE", "1")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *a, **k: None)
        with pytest.raises(UserError, match=r"not on this machine.* — unset GENAPP_OFFLINE"):
            pretrained.told()

    def test_both_parts_are_announced_before_a_byte_comes(self, monkeypatch, hub_folder) -> None:  # type: ignore[no-untyped-def]
        asked = []

        def announce(repo: str, revision: str, files: tuple[str, ...]) -> hub.Download:
            asked.append((repo, len(revision), files))
            found = [hub.RemoteFile(name=f, size=2 << 20, sha256="", here=None) for f in files]
            return hub.Download(repo=repo, revision=revision, files=tuple(found))

        monkeypatch.setattr(hub, "announce", announce)
        monkeypatch.setattr(hub, "fetch", lambda download: hub_folder)
        assert "6.0 MB" in pretrained.told() or "6 MB" in pretrained.told()
        assert ("laion/clap-htsat-unfused", 40, ("model.safetensors",)) in asked
        assert checkpoints.load(pretrained.from_hub()).meta.data[0]["licence"] == "Apache-2.0"

    def test_other_folders_are_refused(self, hub_folder: Path, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"lacks config\.json"):
            pretrained.from_folder(tmp_path)
        for path in hub_folder.iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
        with pytest.raises(UserError, match="holds no CLAP"):
            pretrained.from_folder(tmp_path)


# --- the shipped model ----------------------------------------------------------------------------


class TestShipped:
    def test_reaches_the_goal_and_fits(self) -> None:
        meta = checkpoints.read_meta(SHIPPED)
        assert meta.metrics["unseen_top1_of_63"] >= 0.9
        assert meta.metrics["unseen_kind_top1_of_7"] >= 0.95
        assert meta.metrics["retrieval"]["sound_to_caption_at_1"] > 0.9
        assert meta.parameters <= 1_000_000
        assert (SHIPPED / "weights.safetensors").stat().st_size <= 2 << 20

    def test_fresh_sounds_of_unseen_combinations(self) -> None:
        """Other seeds than the card's; 56 sounds, so 0.8 leaves four standard errors."""
        loaded = service.models.get("clap", "clap-mini")
        test = report.Test.of(UNSEEN, 4, 900_000)
        ids = words.load(loaded.files[words.FILE])
        close = (
            report.hear(loaded.model, test.mels)
            @ report.read(loaded.model, [captions.plain(c) for c in ALL], ids).T
        )
        right = [ALL[i] == w for i, w in zip(close.argmax(1), test.what, strict=True)]
        assert np.mean(right) > 0.8

    @pytest.mark.parametrize(
        ("kind", "label"),
        [("bird", "a bird"), ("bark", "a dog barking"), ("drum", "a drum"),
         ("noise", "rain-like noise")],
    )  # fmt: skip
    def test_everyday_labels(self, kind: str, label: str) -> None:
        frame = service.run("clap", kind=kind, seed=11)
        assert frame.labels[int(frame.probabilities.argmax())] == label
        assert frame.probabilities.sum() == pytest.approx(1, abs=1e-5)

    def test_the_wrong_rate_is_slower_and_lower(self) -> None:
        right = service.run("clap", kind="tone", pitch="high", seed=1)
        wrong = service.run("clap", kind="tone", pitch="high", seed=1, wrong_rate=True)
        assert len(wrong.samples) / len(right.samples) == pytest.approx(44.1 / 16, rel=1e-3)
        ratio = peak_hz(wrong.samples) / peak_hz(right.samples)
        assert ratio == pytest.approx(16 / 44.1, rel=0.01)

    def test_own_samples_and_strange_words(self) -> None:
        x = sounds.synthesise(BIRD, 5, seconds=12)
        frame = service.run("clap", samples=x, labels="a piano\na bird", template="Sound of {}")
        assert len(frame.samples) == 10 * RATE
        assert frame.strangers == ("piano",)
        assert frame.labels[int(frame.probabilities.argmax())] == "a bird"
        assert not frame.unseen

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"labels": " \n "}, "There are no labels — write one on each line."),
            ({"labels": "\n".join(map(str, range(30)))}, "There are 30 labels"),
            ({"labels": "x" * 90}, "keep it to 80"),
            ({"template": "Sound of"}, "The template has no {}"),
            ({"kind": "cat"}, "choose one of tone"),
            ({"samples": np.zeros(48_000)}, "silent"),
            ({"samples": np.full(48_000, np.inf)}, "NaN or infinity"),
            ({"samples": np.zeros((2, 48_000))}, "one channel"),
            ({"samples": "noise"}, "not numbers"),
        ],
    )
    def test_bad_requests(self, fields: dict, told: str) -> None:
        with pytest.raises(UserError) as error:
            service.run("clap", **fields)
        assert told in str(error.value)

    def test_map_holds_all_combinations(self) -> None:
        loaded = service.models.get("clap", "clap-mini")
        known = generate.atlas(loaded)
        assert known is not None
        assert len(known["captions"]) == 63
        assert len(known["sounds"]) == 189
        frame = service.run("clap", kind="drum", seed=2)
        drums = np.mean([p[:2] for p in known["sounds"] if p[3] == "drum"], axis=0)
        birds = np.mean([p[:2] for p in known["sounds"] if p[3] == "bird"], axis=0)
        near, far = (np.linalg.norm(frame.places[0] - c) for c in (drums, birds))
        assert near < far


class TestTab:
    def asked(self, **changes: object) -> list:
        from genapp.families.clap.tab_play import Asked

        start = SoundRequest()
        base = Asked("made", start.kind, start.pitch, start.tempo, 7, None, start.labels,
                     start.template, False, "clap-mini")  # fmt: skip
        asked = replace(base, **changes)
        return [getattr(asked, name) for name in asked.__dataclass_fields__]

    def test_opens_with_a_bird(self) -> None:
        from genapp.families.clap.tab_play import show

        heard, bars, plane, seed = show(*self.asked())
        assert "data:audio/wav;base64," in heard
        assert "data:image/png;base64," in heard
        assert 'best" data-label="a bird"' in bars
        assert 'class="mine"' in plane
        assert seed == 7

    def test_minus_one_writes_the_seed_back(self) -> None:
        from genapp.families.clap.tab_play import show

        seeds = {show(*self.asked(seed=-1))[3] for _ in range(2)}
        assert len(seeds) == 2
        assert min(seeds) >= 0

    def test_errors_stand_where_the_bars_were(self, tmp_path: Path) -> None:
        from genapp.families.clap.tab_play import show

        (tmp_path / "a.txt").write_text("no sound")
        assert 'role="alert"' in show(*self.asked(labels=""))[1]
        assert "save it as WAV" in show(*self.asked(source="own", audio=str(tmp_path / "a.txt")))[1]

    def test_labels_are_escaped(self) -> None:
        from genapp.families.clap.tab_play import show

        _, bars, plane, _ = show(*self.asked(labels="<img src=x onerror=alert(1)>"))
        assert "<img" not in bars
        assert "<img" not in plane

    def test_thumbnail_is_a_picture(self) -> None:
        from genapp.families.clap.thumbnail import thumbnail

        png = thumbnail(lambda name: service.models.get("clap", name))
        assert png.startswith(b"\x89PNG")
        assert len(png) > 3000


def test_the_tab_stands_last_on_its_page() -> None:
    from genapp.ui.pages import PAGES

    page = next(p for p in PAGES if p.title == "Attention")
    assert page.tabs(registry.all_families().values())[-1].name == "sound"
