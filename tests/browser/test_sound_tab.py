"""The Sound tab, used like a person would."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

BEST = "document.querySelector('#sound-bars .snd-bar.best')?.dataset.label"
OPENED = "/attention?tab=sound"


def best_is(page, label: str) -> None:  # type: ignore[no-untyped-def]
    page.wait_for_function(f"(label) => {BEST} === label", arg=label, timeout=60_000)


@pytest.mark.parametrize("visit", ["desktop", "phone"], indirect=True)
def test_opens_with_a_result(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit.open(OPENED)
    best_is(page, "a bird")
    assert page.locator("#sound-bars .snd-bar").count() == 4
    assert page.locator("#sound-map circle.mine").count() == 1
    sound = """async () => { const a = document.querySelector('#sound-heard audio');
      const bytes = new Uint8Array(await (await fetch(a.src)).arrayBuffer());
      const x = new Int16Array(bytes.buffer.slice(44)); return Math.max(...x.slice(0, 60000)); }"""
    assert page.evaluate(sound) > 3000  # not silent
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_link_brings_its_sound(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit.open(f"{OPENED}&sound.kind=bark&sound.pitch=low&sound.seed=3")
    best_is(page, "a dog barking")
    page.get_by_text("low medium dog · seed 3").wait_for()


def test_an_upload_is_resampled_and_a_text_is_refused(visit, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from genapp.data import sounds

    page = visit.open(OPENED)
    best_is(page, "a bird")
    page.locator("#sound-source").get_by_label("Your own").check()
    page.get_by_text("Upload a sound file").first.wait_for()
    x = sounds.synthesise(sounds.Combination("drum", "low", "medium"), 4)
    soundfile.write(tmp_path / "drum.wav", x, 44_100)
    page.locator("#sound-audio input[type=file]").set_input_files(tmp_path / "drum.wav")
    page.get_by_text("44.1 kHz resampled to 48 kHz").wait_for(timeout=60_000)
    best_is(page, "a drum")
    assert np.isclose(
        float(page.locator(".snd-heard").get_attribute("data-seconds")), 2 * 48 / 44.1, atol=0.01
    )


def test_endpoint(app, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from gradio_client import Client, handle_file

    from genapp.data import sounds

    x = sounds.synthesise(sounds.Combination("bark", "low", "slow"), 4)
    soundfile.write(tmp_path / "dog.flac", x, 48_000)
    client = Client(app.url, verbose=False)
    told = client.predict(audio=handle_file(str(tmp_path / "dog.flac")), labels="a bell\na dog",
                          api_name="/zero_shot_sound")  # fmt: skip
    assert told["label"] == "a dog"
    assert told["seed"] is None
    made = client.predict(kind="bell", labels="a bell\na dog", seed=2, api_name="/zero_shot_sound")
    assert (made["label"], made["seed"]) == ("a bell", 2)
    with pytest.raises(Exception, match="no labels"):
        client.predict(labels=" ", api_name="/zero_shot_sound")
