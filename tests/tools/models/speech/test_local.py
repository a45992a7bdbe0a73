"""Models in folders: the real libraries on tiny weights in the real layouts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import Heard, ModelKind, SpeechAsk
from reelwright.tools.models.providers import ModelSpec, identify, make
from tests.tools.models.speech import tiny

SAID = ["\u2581he", "l", "lo", None, None, "\u2581wor", "ld", "."]


def _spec(provider: str, folder: Path, model: str = "") -> ModelSpec:
    return ModelSpec(kind=ModelKind.SPEECH, provider=provider, folder=folder, model=model)


def _hear(spec: ModelSpec, ask: SpeechAsk) -> Heard:
    async def asked() -> Heard:
        provider: Any = make(spec)
        try:
            heard, usage = await provider.answer(ask)
            assert usage.audio_s == pytest.approx(ask.end_s - ask.start_s)
            found: Heard = heard
            return found
        finally:
            await provider.close()

    return asyncio.run(asked())


def _times(heard: Heard) -> list[tuple[str, float, float]]:
    return [(word.text, round(word.start_s, 3), round(word.end_s, 3)) for word in heard.words]


@pytest.mark.parametrize("kind", ["ctc", "tdt"])
def test_onnx_asr_gives_words_with_times(tmp_path: Path, kind: str) -> None:
    build = {"ctc": tiny.conformer_ctc, "tdt": tiny.parakeet_tdt}[kind]
    build(tmp_path / "models" / "parakeet", SAID)
    ask = SpeechAsk(audio=tiny.sound(tmp_path / "a.flac", 12.0), start_s=2.0, end_s=6.0)
    heard = _hear(_spec("onnx-asr", tmp_path / "models", "parakeet"), ask)
    # Pieces begin words where they begin with a space; a word lasts until the next piece, but not
    # over a silence.
    assert _times(heard) == [("hello", 2.0, 2.4), ("world.", 2.4, 2.8)]
    assert all(w.confidence is not None and 0.9 < w.confidence <= 1 for w in heard.words)


def test_onnx_asr_hears_no_more_than_its_span(tmp_path: Path) -> None:
    tiny.conformer_ctc(tmp_path / "m", SAID)
    ask = SpeechAsk(audio=tiny.sound(tmp_path / "a.flac", 3.0), start_s=1.0, end_s=1.3)
    assert _times(_hear(_spec("onnx-asr", tmp_path), ask)) == [("hello", 1.0, 1.3)]


def test_faster_whisper_gives_words_with_times(tmp_path: Path) -> None:
    tiny.whisper(tmp_path / "models" / "tiny-whisper", ["hello", "world."], 2.0)
    spec = _spec("faster-whisper", tmp_path / "models")
    ask = SpeechAsk(audio=tiny.sound(tmp_path / "a.flac", 9.0), start_s=4.0, end_s=7.0)
    heard = _hear(spec, ask)
    assert _times(heard) == [("hello", 4.0, 5.0), ("world.", 5.0, 5.5)]
    assert heard.language == "en"
    assert all(word.confidence is not None for word in heard.words)
    with pytest.raises(ReelError) as caught:
        _hear(spec, SpeechAsk(audio=ask.audio, start_s=0, end_s=1, language="de-AT"))
    assert caught.value.code is Code.MODEL_REFUSED


@pytest.mark.parametrize("provider", ["onnx-asr", "faster-whisper", "pocketsphinx"])
@pytest.mark.parametrize("span", [(1.99, 2.0), (3.0, 4.0)])
def test_next_to_no_sound_has_no_words(
    tmp_path: Path, provider: str, span: tuple[float, float]
) -> None:
    tiny.conformer_ctc(tmp_path / "ctc", SAID)
    tiny.whisper(tmp_path / "whisper", ["x"], 1.0)
    model = {"onnx-asr": "ctc", "faster-whisper": "whisper"}.get(provider, "")
    audio = tiny.sound(tmp_path / "a.flac", 2.0)
    ask = SpeechAsk(audio=audio, start_s=span[0], end_s=span[1])
    assert _hear(_spec(provider, tmp_path, model), ask).words == ()


def test_pocketsphinx_knows_english_only_and_says_that_it_is_poor(tmp_path: Path) -> None:
    spec = _spec("pocketsphinx", tmp_path)
    audio = tiny.sound(tmp_path / "a.flac", 1.0)
    heard = _hear(spec, SpeechAsk(audio=audio, start_s=0.0, end_s=1.0, language="en-GB"))
    assert (heard.is_poor, heard.language) == (True, "en")
    with pytest.raises(ReelError) as caught:
        _hear(spec, SpeechAsk(audio=audio, start_s=0.0, end_s=1.0, language="fr"))
    assert caught.value.code is Code.MODEL_REFUSED
    with pytest.raises(ReelError) as caught:
        identify(_spec("pocketsphinx", tmp_path, "de-de"))
    assert caught.value.code is Code.MODEL_UNAVAILABLE


@pytest.mark.parametrize("provider", ["onnx-asr", "faster-whisper"])
def test_what_is_missing_is_named(tmp_path: Path, provider: str) -> None:
    for model, told in [("", "no such model is in"), ("nowhere", "there is no folder")]:
        with pytest.raises(ReelError) as caught:
            identify(_spec(provider, tmp_path, model))
        assert caught.value.code is Code.MODEL_UNAVAILABLE
        assert told in str(caught.value)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "model.bin").write_bytes(b"x")
    with pytest.raises(ReelError, match=r"has no config\.json"):
        identify(_spec(provider, tmp_path, "half"))


def test_weights_that_cannot_be_loaded(tmp_path: Path) -> None:
    tiny.conformer_ctc(tmp_path / "a", SAID)
    (tmp_path / "a" / "model.onnx").write_bytes(b"no onnx")
    tiny.whisper(tmp_path / "b", ["x"], 1.0)
    (tmp_path / "b" / "model.bin").write_bytes(b"no weights")
    for provider in ("onnx-asr", "faster-whisper"):
        with pytest.raises(ReelError) as caught:
            make(_spec(provider, tmp_path))
        assert caught.value.code is Code.MODEL_UNAVAILABLE
        assert "cannot be loaded" in str(caught.value)


def test_other_weights_are_another_model(tmp_path: Path) -> None:
    tiny.conformer_ctc(tmp_path / "a", SAID)
    tiny.conformer_ctc(tmp_path / "b", [*SAID, "!"])
    one, other = (identify(_spec("onnx-asr", tmp_path, name)) for name in "ab")
    assert one.revision != other.revision
    assert identify(_spec("onnx-asr", tmp_path, "a")) == one
