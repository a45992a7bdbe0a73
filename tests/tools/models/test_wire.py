"""Asks and answers come back from the wire as they went in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.models import wire
from reelwright.tools.models.kinds import (
    Heard,
    Line,
    ModelIdentity,
    PicturesAsk,
    PromptAsk,
    Said,
    Seen,
    SpeechAsk,
    Usage,
    Word,
)


@pytest.mark.parametrize(
    "value",
    [
        SpeechAsk(audio=Path("/a b/ü.flac"), start_s=0.5, end_s=2.0, language="de"),
        PicturesAsk(images=(b"\x00\xff", b""), texts=("a",)),
        Heard(words=(Word(text="wörd", start_s=0.1, end_s=0.2),), is_poor=True),
        Seen(lines=(Line(text="$", box=(0.0, 1.0, 2.0, 3.0), confidence=0.5),)),
        Said(text="", data={"$type": "x", "list": [1, [2.5, None]], "$": {"deep": True}}),
        Said(text="", data=[1, {"a": []}]),
        PromptAsk(prompt="p@1", system="", user="u", schema={"type": "object"}, images=(b"x",)),
        ModelIdentity(provider="p", model="m", dimension=3),
        Usage(input_tokens=1),
        None,
    ],
)
def test_what_goes_in_comes_out(value: Any) -> None:
    body, blocks = wire.pack(value)
    assert wire.unpack(json.loads(json.dumps(body)), blocks) == value
    assert wire.from_json(json.loads(json.dumps(wire.to_json(value)))) == value


def test_arrays_keep_their_type_and_shape() -> None:
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    body, blocks = wire.pack((rows, Usage(images=1)))
    found, usage = wire.unpack(json.loads(json.dumps(body)), blocks)
    assert found.dtype == np.float32
    assert np.array_equal(found, rows)
    assert usage == Usage(images=1)


@pytest.mark.parametrize(
    "value", [{"$": 3}, {"$type": "no_such"}, {"$type": "Said", "of": {"x": 1}}, {"other": 1}]
)
def test_what_makes_no_sense_is_refused(value: Any) -> None:
    with pytest.raises(ReelError) as raised:
        wire.unpack(value, [])
    assert raised.value.code is Code.MODEL_ANSWER_INVALID
