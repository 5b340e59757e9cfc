"""Zero-shot audio at work: files, the hub's layout, the shipped model, the tab."""

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
from genapp.data.sounds import ALL, RATE, UNSEEN, Combination
from genapp.errors import UserError
from genapp.families.clap import generate, pretrained, report, words
from genapp.families.clap.spec import SoundRequest

SHIPPED = checkpoints.roots()[1] / "clap" / "clap-mini"
BIRD = Combination("bird", "high", "medium")


def peak_hz(x: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(x))) * RATE / len(x))


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
        assert pretrained.told() == "laion/clap-htsat-unfused: 6.3 MB to download"
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
        plane, told = known["planes"]["kinds"], known["told"]
        assert len(plane["captions"]) == len(told["captions"]) == 63
        assert len(plane["sounds"]) == len(told["sounds"]) == 189
        frame = service.run("clap", kind="drum", seed=2)

        def distance(kind: str) -> float:
            rows = zip(plane["sounds"], told["sounds"], strict=True)
            middle = np.mean([p for p, (_, k) in rows if k == kind], axis=0)
            return float(np.linalg.norm(frame.places[0] - middle))

        assert distance("drum") < distance("bird")


class TestTab:
    def asked(self, **changes: object) -> list:
        from genapp.families.clap.tab_play import Asked

        start = SoundRequest()
        base = Asked("made", start.kind, start.pitch, start.tempo, 7, None, start.labels,
                     start.template, False, "clap-mini", "kinds")  # fmt: skip
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
