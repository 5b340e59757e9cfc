"""Zero-shot audio: synthesis, captions, the ear, the encoders."""

from pathlib import Path

import numpy as np
import pytest
import torch

from genapp.data import sound_captions as captions
from genapp.data import sounds
from genapp.data.sounds import ALL, RATE, SEEN, UNSEEN, Combination
from genapp.errors import UserError
from genapp.families.clap import mel, model, report, train, words
from genapp.families.clap.spec import PRESETS
from genapp.trainer.loop import TrainConfig

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
