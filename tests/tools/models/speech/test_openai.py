"""Speech from a server that speaks OpenAI's wire format."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import Heard, ModelKind, SpeechAsk, Usage
from reelwright.tools.models.providers import ModelSpec, make
from tests.audio_server import Asked, AudioServer, audio_server, words_of
from tests.tools.models.speech import tiny


def _hear(
    server: AudioServer, tmp_path: Path, model: str = "whisper-1", **more: Any
) -> tuple[Heard, Usage]:
    spec = ModelSpec(
        kind=ModelKind.SPEECH, provider="local", model=model, url=server.url, timeout_s=60.0
    )
    ask = SpeechAsk(audio=tiny.sound(tmp_path / "a.flac", 9.0), start_s=5.0, end_s=7.5, **more)
    provider: Any = make(spec)
    found: tuple[Heard, Usage] = asyncio.run(provider.answer(ask))
    return found


def _said(heard: Heard) -> list[tuple[str, float, float]]:
    return [(w.text, round(w.start_s, 3), round(w.end_s, 3)) for w in heard.words]


def test_words_have_the_texts_punctuation_and_the_files_times(tmp_path: Path) -> None:
    with audio_server() as server:
        heard, usage = _hear(server, tmp_path, language="en-GB", prompt="Reelwright")
    assert _said(heard) == [("W0,", 5.1, 5.6), ("W1,", 6.1, 6.6)]
    assert heard.language == "en"
    assert not heard.is_poor
    assert all(w.confidence == pytest.approx(0.905, abs=1e-3) for w in heard.words)
    assert usage.audio_s == 2.5
    (asked,) = server.asked
    assert asked.duration_s == 2.5
    assert asked.fields == {
        "model": ["whisper-1"],
        "response_format": ["verbose_json"],
        "timestamp_granularities[]": ["word", "segment"],
        "language": ["en"],
        "prompt": ["Reelwright"],
    }


def test_a_model_without_times_shares_its_span(tmp_path: Path) -> None:
    def reply(asked: Asked) -> tuple[int, Any]:
        usage = {"type": "tokens", "input_tokens": 25, "output_tokens": 4, "total_tokens": 29}
        return 200, {"text": "ab, abcdef.", "usage": usage}

    with audio_server(reply) as server:
        heard, usage = _hear(server, tmp_path, "gpt-4o-mini-transcribe")
    assert _said(heard) == [("ab,", 5.0, 5.75), ("abcdef.", 5.75, 7.5)]
    assert all(w.is_interpolated and w.confidence is None for w in heard.words)
    assert (usage.input_tokens, usage.output_tokens) == (25, 4)
    assert server.asked[0].fields["response_format"] == ["json"]


def test_a_server_that_knows_no_times_is_asked_for_text(tmp_path: Path) -> None:
    def reply(asked: Asked) -> tuple[int, Any]:
        if asked.fields["response_format"] == ["verbose_json"]:
            return 400, {"error": {"message": "response_format 'verbose_json' is not supported"}}
        return 200, {"text": "well"}

    with audio_server(reply) as server:
        heard, _ = _hear(server, tmp_path, "parakeet")
    assert _said(heard) == [("well", 5.0, 7.5)]
    assert len(server.asked) == 2


def test_segments_without_words_share_their_spans(tmp_path: Path) -> None:
    def reply(asked: Asked) -> tuple[int, Any]:
        body = words_of(asked)
        segments = [
            {"start": 0.0, "end": 1.0, "text": " one two", "avg_logprob": -0.2},
            {"start": 1.0, "end": 2.0, "text": " thanks", "avg_logprob": -2, "no_speech_prob": 0.9},
        ]
        return 200, {**body, "words": None, "segments": segments}

    with audio_server(reply) as server:
        heard, _ = _hear(server, tmp_path)
    # What was said while nobody spoke is not taken.
    assert _said(heard) == [("one", 5.0, 5.5), ("two", 5.5, 6.0)]


def test_words_of_a_segment_in_which_nobody_speaks_are_not_taken(tmp_path: Path) -> None:
    def reply(asked: Asked) -> tuple[int, Any]:
        body = words_of(asked)
        body["segments"][0] |= {"avg_logprob": -1.5, "no_speech_prob": 0.9}
        return 200, body

    with audio_server(reply) as server:
        heard, _ = _hear(server, tmp_path)
    assert heard.words == ()


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, {"no": "text"}, Code.MODEL_ANSWER_INVALID),
        (200, {"text": 3}, Code.MODEL_ANSWER_INVALID),
        (200, {"text": "a", "words": [{"word": "a"}]}, Code.MODEL_ANSWER_INVALID),
        (200, b"nonsense", Code.MODEL_ANSWER_INVALID),
        (400, {"error": {"message": "audio file is too short"}}, Code.MODEL_REFUSED),
        (401, {"error": {"message": "no"}}, Code.MODEL_UNAVAILABLE),
        (429, {"error": {"message": "slowly"}}, Code.MODEL_RATE_LIMITED),
        (500, {"error": {"message": "oh"}}, Code.MODEL_FAILED),
    ],
)
def test_what_goes_wrong(tmp_path: Path, status: int, body: Any, code: Code) -> None:
    with audio_server(lambda _: (status, body)) as server, pytest.raises(ReelError) as caught:
        _hear(server, tmp_path)
    assert caught.value.code is code
    assert len(server.asked) == 1
