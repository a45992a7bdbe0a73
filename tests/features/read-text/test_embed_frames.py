"""`embed_frames`: the pictures of a video as vectors, by a model that the test makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.features.jobs import Studio, states
from tests.tools.models.pictures import tiny_clip

SPEC = """\
inputs: {film: scenes.mp4}
operations:
  - {id: faces, op: keyframes, input: film, per_shot: 2}
  - {id: looks, op: embed_frames, input: faces}
outputs:
  - {from: looks.frames, to: frames.json}
  - {from: looks.frame-vectors, to: frames.npy}
  - {from: faces.keyframes, to: keyframes.json}
"""


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture
def film(studio: Studio, scenes: Path) -> Studio:
    studio.bring(scenes)
    return studio


def test_each_picture_has_a_time_and_a_vector(
    film: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_clip.hugging_face(tmp_path / "tiny")
    monkeypatch.setenv("REEL_MODELS__IMAGE_EMBEDDING", f"clip:{folder}")
    film.run(SPEC)
    found, chosen = _json(film.path("frames.json")), _json(film.path("keyframes.json"))
    vectors = np.load(film.path("frames.npy"), allow_pickle=False)
    assert [(f["time"], f["shot"]) for f in found["frames"]] == [
        (f["time"], f["shot"]) for f in chosen["keyframes"]
    ]
    assert [f["row"] for f in found["frames"]] == list(range(len(vectors)))
    assert len(vectors) >= 2
    assert vectors.dtype == np.dtype("<f4")
    assert vectors.shape[1] == found["dimension"] == found["identity"]["dimension"] == 3
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert (found["identity"]["provider"], found["identity"]["model"]) == ("clip", "tiny")
    assert len(np.unique(vectors.round(3), axis=0)) > 1
    again = film.run(SPEC, "--overwrite")
    assert set(states(again).values()) == {"cached", "expanded"}


def test_another_model_makes_them_anew(
    film: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "REEL_MODELS__IMAGE_EMBEDDING", f"clip:{tiny_clip.hugging_face(tmp_path / 'one')}"
    )
    film.run(SPEC)
    first = np.load(film.path("frames.npy"))
    monkeypatch.setenv("REEL_MODELS__IMAGE_EMBEDDING", f"clip:{tiny_clip.siglip(tmp_path / 'two')}")
    film.run(SPEC, "--overwrite")
    assert _json(film.path("frames.json"))["identity"]["model"] == "two"
    assert not np.allclose(np.load(film.path("frames.npy")), first)


def test_without_a_model_it_refuses_and_says_what_to_do(film: Studio) -> None:
    done = film.run(SPEC, code=4)
    error = done.lines[-1]["error"]
    assert error["code"] == "model_unavailable"
    assert "models.image_embedding" in json.dumps(error)
    assert not film.path("frames.json").exists()
