"""What is asked of a video becomes a spec of what its streams and the models allow."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from reelwright.app.understand.order import LeftOut, Means, Order, Part, Wish, order, parts_of
from reelwright.errors import Code, ReelError
from reelwright.media.info import MediaInfo
from reelwright.media.streams import AudioStream, VideoStream
from reelwright.planning.bind import bind
from reelwright.spec.parse import parse_text
from reelwright.tools.models.kinds import ModelKind

VIDEO = VideoStream(codec="h264", width_px=640, height_px=360, frame_rate=Fraction(25))
COVER = VideoStream(codec="mjpeg", width_px=300, height_px=300, is_still=True)
AUDIO = AudioStream(codec="aac", sample_rate_hz=48000)
BOX = Means(there=frozenset({ModelKind.SPEECH, ModelKind.OCR}))


def made(*streams: Any, wish: Wish | None = None, means: Means = BOX) -> Order:
    media = MediaInfo(
        demuxer="mov", duration=Fraction(60), size_bytes=1, sha256="0" * 64, streams=streams
    )
    return order("/videos/talk.mp4", media, wish or Wish(), means)


def operators(one: Order) -> dict[str, str]:
    return {o["id"]: o["op"] for o in json.loads(one.text)["operations"]}


def test_by_default_everything_that_costs_nothing() -> None:
    found = made(VIDEO, AUDIO)
    assert found.parts == (
        Part.SHOTS, Part.KEYFRAMES, Part.SPEECH, Part.TRANSCRIPT, Part.TEXT, Part.SUMMARY,
    )  # fmt: skip
    assert [one.part for one in found.left_out] == [Part.FRAMES, Part.DESCRIPTIONS]
    assert "models.image_embedding" in found.left_out[0].why


def test_the_spec_is_one_that_can_be_run() -> None:
    spec = parse_text(made(VIDEO, AUDIO).text, base=None)
    assert spec.inputs["video"].uri == "/videos/talk.mp4"
    assert {o.id for o in bind(spec).operations} >= {"shots", "transcript", "index_text"}


def test_each_part_is_indexed_apart() -> None:
    ids = operators(made(VIDEO, AUDIO))
    indexes = {name for name, op in ids.items() if op == "index"}
    assert indexes == {"index_keyframes", "index_transcript", "index_text", "index_summary"}


@pytest.mark.parametrize(
    ("streams", "missing", "why"),
    [
        ((VIDEO,), Part.TRANSCRIPT, "it has no sound"),
        ((AUDIO,), Part.TEXT, "it has no moving picture"),
        ((AUDIO, COVER), Part.SHOTS, "it has no moving picture"),
    ],
)
def test_a_video_is_understood_by_what_it_has(
    streams: tuple[Any, ...], missing: Part, why: str
) -> None:
    found = made(*streams)
    assert missing not in found.parts
    assert LeftOut(missing, why) in found.left_out


def test_what_is_named_brings_what_it_needs_and_nothing_else() -> None:
    found = made(VIDEO, AUDIO, wish=Wish(only=(Part.TRANSCRIPT,)))
    assert found.parts == (Part.SPEECH, Part.TRANSCRIPT)
    assert found.left_out == ()


def test_a_model_that_is_paid_for_is_asked_only_where_somebody_wants_it() -> None:
    kinds = {*BOX.there, ModelKind.VISION, ModelKind.LANGUAGE}
    paid = frozenset({ModelKind.VISION, ModelKind.LANGUAGE})
    means = Means(there=frozenset(kinds), paid=paid)
    plain = made(VIDEO, AUDIO, means=means)
    assert {Part.DESCRIPTIONS, Part.SUMMARY} <= {one.part for one in plain.left_out}
    asked = made(VIDEO, AUDIO, wish=Wish(describe=True, summary=True), means=means)
    assert {Part.DESCRIPTIONS, Part.SUMMARY} <= set(asked.parts)
    free = Means(there=frozenset(kinds))
    assert {Part.DESCRIPTIONS, Part.SUMMARY} <= set(made(VIDEO, AUDIO, means=free).parts)


def test_nothing_that_can_be_found_is_an_error_that_says_why() -> None:
    with pytest.raises(ReelError, match="it has no sound") as silent:
        made(VIDEO, wish=Wish(only=(Part.TRANSCRIPT,)))
    assert silent.value.code is Code.STREAM_MISSING
    with pytest.raises(ReelError, match=r"models\.vision") as blind:
        made(VIDEO, wish=Wish(only=(Part.DESCRIPTIONS,)))
    assert blind.value.code is Code.MODEL_UNAVAILABLE


def test_names_of_parts_are_checked() -> None:
    assert parts_of(["text", "shots"]) == (Part.SHOTS, Part.TEXT)
    with pytest.raises(ReelError, match="did you mean 'transcript'"):
        parts_of(["transcrpt"])


def test_a_wish_can_be_stored() -> None:
    wish = Wish(only=(Part.TEXT,), describe=True, language="de", title="T")
    assert Wish.from_json(json.loads(json.dumps(wish.to_json()))) == wish
    assert Wish().to_json() == {}


def test_signs_of_variables_in_a_path_are_part_of_it() -> None:
    media = MediaInfo(demuxer="mov", size_bytes=1, sha256="0" * 64, streams=(VIDEO,))
    text = order("/videos/a ${b} [1].mp4", media, Wish(), BOX).text
    assert parse_text(text, base=None).inputs["video"].uri == "/videos/a ${b} [1].mp4"
