"""`embed_text`: what was read in a video as vectors, by the model in the box."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageDraw

from tests.features import writing
from tests.features.jobs import Studio, states

SPEC = """\
inputs: {talk: talk.mp4}
operations:
  - {id: read, op: read_text, input: talk}
  - {id: meant, op: embed_text, input: read}
outputs:
  - {from: meant.meanings, to: meanings.json}
  - {from: meant.text-vectors, to: vectors.npy}
"""


def _slides(on: ImageDraw.ImageDraw, second: float) -> None:
    text = "A happy person" if second < 3 else "Engine oil and gaskets"
    on.text((60, 140), text, font=writing.font(), fill="white")


@pytest.fixture
def written(studio: Studio) -> Studio:
    writing.video(studio.ffmpeg, studio.path("talk.mp4"), 6, _slides)
    return studio


def test_each_text_has_its_times_and_a_vector(written: Studio) -> None:
    written.run(SPEC)
    found = json.loads(written.path("meanings.json").read_text())
    vectors = np.load(written.path("vectors.npy"), allow_pickle=False)
    assert [one["text"] for one in found["texts"]] == ["A happy person", "Engine oil and gaskets"]
    assert [one["row"] for one in found["texts"]] == [0, 1]
    assert {one["label"] for one in found["texts"]} == {"text"}
    assert found["texts"][1]["start"] == pytest.approx(3, abs=1)
    assert vectors.shape == (2, found["dimension"]) == (2, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert abs(float(vectors[0] @ vectors[1])) < 0.4
    assert found["identity"]["provider"] == "minilm"
    again = written.run(SPEC, "--overwrite")
    assert set(states(again).values()) == {"cached", "expanded"}


def test_without_texts_there_is_nothing_to_embed(written: Studio) -> None:
    spec = SPEC.replace("op: read_text", "op: shots")
    done = written.run(spec, code=2)
    assert "read_text" in json.dumps(done.lines[-1])
    assert not Path(written.path("meanings.json")).exists()
