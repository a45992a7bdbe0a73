"""A vision model reads lines, against a server that speaks OpenAI's wire format."""

from __future__ import annotations

import asyncio
import base64
from io import BytesIO

import pytest
from PIL import Image

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import Line, ModelKind, PictureAsk, Seen, Usage
from reelwright.tools.models.ocr import vision
from reelwright.tools.models.providers import ModelSpec
from tests.wire_server import Turn, WireServer, wire_server


def _picture(width: int = 400, height: int = 200) -> bytes:
    to = BytesIO()
    Image.new("RGB", (width, height), "white").save(to, "PNG")
    return to.getvalue()


def _spec(server: WireServer, provider: str = "local") -> ModelSpec:
    return ModelSpec(
        kind=ModelKind.OCR,
        provider=provider,
        model="seer-1",
        url=f"{server.url}/v1",
        key="made-up-key",
        timeout_s=60.0,
    )


def _read(server: WireServer, ask: PictureAsk, provider: str = "local") -> tuple[Seen, Usage]:
    return asyncio.run(vision.make(_spec(server, provider)).answer(ask))


@pytest.mark.parametrize("provider", ["local", "openai"])
def test_lines_have_boxes_in_pixels_of_the_picture(provider: str) -> None:
    data = {"lines": [{"text": " Привет ", "box": [100, 250, 600, 500]}]}
    with wire_server(Turn(data=data, tokens=(900, 30))) as server:
        seen, usage = _read(server, PictureAsk(image=_picture(), languages=("ru",)), provider)
    assert seen.lines == (Line(text="Привет", box=(40, 50, 200, 50), confidence=None),)
    assert (usage.input_tokens, usage.output_tokens) == (900, 30)


def test_the_picture_and_the_languages_are_sent() -> None:
    picture = _picture()
    with wire_server(Turn(data={"lines": []})) as server:
        seen, _ = _read(server, PictureAsk(image=picture, languages=("ru", "de")))
        (asked,) = server.asked
    assert seen.lines == ()
    told = str(asked.body["messages"])
    assert base64.b64encode(picture).decode() in told
    assert "ru, de" in told


@pytest.mark.parametrize("box", [None, [600, 0, 100, 10], [0, 0, 0, 0], [2000, 2000, 3000, 3000]])
def test_a_line_without_a_place_has_the_whole_picture(box: list[int] | None) -> None:
    data = {"lines": [{"text": "somewhere", "box": box}, {"text": "  ", "box": None}]}
    with wire_server(Turn(data=data)) as server:
        seen, _ = _read(server, PictureAsk(image=_picture()))
    assert [(line.text, line.box) for line in seen.lines] == [("somewhere", (0, 0, 400, 200))]


@pytest.mark.parametrize(
    "data",
    [{"text": "no lines"}, {"lines": [{"text": 5, "box": None}]}, {"lines": [{"text": "a"}]}],
)
def test_an_answer_of_another_form_is_refused(data: object) -> None:
    with wire_server(Turn(data=data)) as server, pytest.raises(ReelError) as raised:
        _read(server, PictureAsk(image=_picture()))
    assert raised.value.code is Code.MODEL_ANSWER_INVALID


def test_what_is_no_picture_is_not_sent() -> None:
    with wire_server(Turn(data={"lines": []})) as server:
        with pytest.raises(ReelError) as raised:
            _read(server, PictureAsk(image=b"no picture"))
        assert not server.asked
    assert raised.value.code is Code.DECODE_FAILED
