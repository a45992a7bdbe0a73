"""Pictures and texts as vectors of one space, by exports of the forms that are published."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import ModelKind, PicturesAsk
from reelwright.tools.models.pictures import clip
from reelwright.tools.models.providers import ModelSpec
from tests.tools.models.pictures import tiny_clip

RNG = np.random.default_rng(11)


def _spec(folder: Path, model: str = "") -> ModelSpec:
    return ModelSpec(
        kind=ModelKind.IMAGE_EMBEDDING, provider="clip", model=model, folder=folder, threads=1
    )


def _noise(height: int, width: int) -> NDArray[np.uint8]:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


def _png(values: NDArray[np.uint8]) -> bytes:
    to = BytesIO()
    Image.fromarray(values).save(to, "PNG")
    return to.getvalue()


def _rows(model: clip.Clip, ask: PicturesAsk) -> NDArray[np.float32]:
    vectors, _ = asyncio.run(model.answer(ask))
    return vectors.rows


def _of_length_1(vector: Any) -> Any:
    values = np.asarray(vector, np.float32)
    return values / np.linalg.norm(values)


def _seen(values: Any) -> Any:
    """What the vision half gives for values 0 to 1, height x width x 3."""
    normal = (values - np.array(tiny_clip.MEAN)) / np.array(tiny_clip.STD)
    return _of_length_1(normal.mean(axis=(0, 1)))


@pytest.mark.parametrize("shape", [(8, 8), (8, 21), (21, 8)])
def test_the_middle_of_a_picture_is_seen_as_its_configuration_says(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    """No side has to be scaled: what is seen can be cut out by hand."""
    model = clip.make(_spec(tmp_path, str(tiny_clip.hugging_face(tmp_path / "model"))))
    picture = _noise(*shape)
    top, left = (shape[0] - 8) // 2, (shape[1] - 8) // 2
    middle = picture[top : top + 8, left : left + 8].astype(np.float32) / 255
    (row,) = _rows(model, PicturesAsk(images=(_png(picture),)))
    np.testing.assert_allclose(row, _seen(middle), atol=1e-5)


def test_a_picture_is_scaled_with_antialiasing(tmp_path: Path) -> None:
    """Lines of one pixel become gray where they are shrunk by eight, and do not vanish."""
    model = clip.make(_spec(tmp_path, str(tiny_clip.siglip(tmp_path / "model"))))
    lines = np.zeros((32, 64, 3), np.uint8)
    lines[:, ::2] = 255
    (row,) = _rows(model, PicturesAsk(images=(_png(lines),)))
    gray = np.full((4, 4, 3), 0.5, np.float32)
    np.testing.assert_allclose(row, _seen(gray), atol=0.01)


def test_a_square_is_squeezed_where_the_configuration_says_so(tmp_path: Path) -> None:
    model = clip.make(_spec(tmp_path, str(tiny_clip.siglip(tmp_path / "model"))))
    halves = np.zeros((4, 40, 3), np.uint8)
    halves[:, :20, 0] = 255  # the middle alone would show a strip of it
    (row,) = _rows(model, PicturesAsk(images=(_png(halves),)))
    small = np.asarray(Image.fromarray(halves).resize((4, 4), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(row, _seen(small.astype(np.float32) / 255), atol=1e-5)


def test_words_are_in_the_same_space(tmp_path: Path) -> None:
    model = clip.make(_spec(tmp_path, str(tiny_clip.hugging_face(tmp_path / "model"))))
    red = np.zeros((8, 8, 3), np.uint8)
    red[:, :, 0] = 255
    rows = _rows(model, PicturesAsk(images=(_png(red),), texts=("red", "green blue")))
    assert rows.shape == (3, 3)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(rows[1], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(rows[2], _of_length_1([0, 1, 1]), atol=1e-6)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]


def test_a_text_is_cut_at_the_length_that_the_model_takes(tmp_path: Path) -> None:
    model = clip.make(_spec(tmp_path, str(tiny_clip.hugging_face(tmp_path / "model"))))
    (row,) = _rows(model, PicturesAsk(texts=("red red red red green green",)))
    np.testing.assert_allclose(row, [1, 0, 0], atol=1e-6)


def test_siglip_takes_small_letters_and_all_texts_of_one_length(tmp_path: Path) -> None:
    model = clip.make(_spec(tmp_path, str(tiny_clip.siglip(tmp_path / "model"))))
    (row,) = _rows(model, PicturesAsk(texts=("RED Green",)))
    filled_up = 4 * tiny_clip.TABLE[0]
    np.testing.assert_allclose(row, _of_length_1(np.add(filled_up, [1, 1, 0])), atol=1e-6)


def test_exports_of_openclip(tmp_path: Path) -> None:
    folder = tiny_clip.open_clip(tmp_path / "ViT-B-32__openai")
    model = clip.make(_spec(tmp_path, folder.name))
    assert model.identity.dimension == 3
    picture = _noise(8, 30)
    rows = _rows(model, PicturesAsk(images=(_png(picture),), texts=("blue",)))
    middle = picture[:, 11:19].astype(np.float32) / 255
    np.testing.assert_allclose(rows[0], _seen(middle), atol=1e-5)
    filled_up = 4 * tiny_clip.TABLE[0] + [0, 0, 1]
    np.testing.assert_allclose(rows[1], _of_length_1(filled_up), atol=1e-6)


def test_openclips_siglip_squeezes_pictures_and_cleans_texts(tmp_path: Path) -> None:
    folder = tiny_clip.open_clip(tmp_path / "ViT-B-16-SigLIP2__webli", cleans=True)
    model = clip.make(_spec(tmp_path, folder.name))
    halves = np.zeros((8, 80, 3), np.uint8)
    halves[:, :40, 0] = 255
    rows = _rows(model, PicturesAsk(images=(_png(halves),), texts=("  Red_GREEN! ",)))
    small = np.asarray(Image.fromarray(halves).resize((8, 8), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(rows[0], _seen(small.astype(np.float32) / 255), atol=1e-5)
    filled_up = 3 * tiny_clip.TABLE[0] + [1, 1, 0]
    np.testing.assert_allclose(rows[1], _of_length_1(filled_up), atol=1e-6)


def test_a_text_half_of_one_length_is_filled_up(tmp_path: Path) -> None:
    folder = tiny_clip.hugging_face(tmp_path / "model")
    tiny_clip.text(folder / "onnx" / "text_model.onnx", "text_embeds", length=6)
    (row,) = _rows(clip.make(_spec(tmp_path, "model")), PicturesAsk(texts=("red blue",)))
    filled_up = 4 * tiny_clip.TABLE[0] + [1, 0, 1]
    np.testing.assert_allclose(row, _of_length_1(filled_up), atol=1e-6)


@pytest.mark.parametrize("make", [tiny_clip.hugging_face, tiny_clip.siglip])
def test_many_pictures_are_each_what_they_are_alone(tmp_path: Path, make: object) -> None:
    assert callable(make)
    model = clip.make(_spec(tmp_path, str(make(tmp_path / "model"))))
    pictures = tuple(_png(_noise(10 + n, 30 - n)) for n in range(11))
    together = _rows(model, PicturesAsk(images=pictures))
    alone = [_rows(model, PicturesAsk(images=(one,)))[0] for one in pictures]
    np.testing.assert_allclose(together, np.stack(alone), atol=1e-6)


def test_its_identity_is_its_weights_and_its_preparation(tmp_path: Path) -> None:
    one = clip.identify(_spec(tmp_path, str(tiny_clip.hugging_face(tmp_path / "a" / "model"))))
    same = clip.identify(_spec(tmp_path, str(tiny_clip.hugging_face(tmp_path / "b" / "model"))))
    assert one == same
    assert (one.provider, one.model, one.dimension) == ("clip", "model", 3)
    other = tiny_clip.hugging_face(tmp_path / "c" / "model", resample=2)
    assert clip.identify(_spec(tmp_path, str(other))) != one
    tiny_clip.text(other / "onnx" / "text_model.onnx", "text_embeds")
    weights = tiny_clip.hugging_face(tmp_path / "d" / "model")
    tiny_clip.text(weights / "onnx" / "text_model.onnx", "text_embeds")
    assert clip.identify(_spec(tmp_path, str(weights))).revision != one.revision


def test_without_a_name_it_is_what_lies_among_the_weights(tmp_path: Path) -> None:
    with pytest.raises(ReelError, match="no such model") as raised:
        clip.identify(_spec(tmp_path))
    assert raised.value.code is Code.MODEL_UNAVAILABLE
    assert "models.image_embedding" in (raised.value.problem.hint or "")
    (tmp_path / "other").mkdir()
    tiny_clip.siglip(tmp_path / "siglip2-base")
    assert clip.identify(_spec(tmp_path)).model == "siglip2-base"


@pytest.mark.parametrize(
    "missing",
    [
        "onnx/vision_model.onnx",
        "onnx/text_model.onnx",
        "tokenizer.json",
        "preprocessor_config.json",
    ],
)
def test_a_part_that_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    folder = tiny_clip.hugging_face(tmp_path / "model")
    (folder / missing).unlink()
    with pytest.raises(ReelError, match=missing.rpartition("/")[2]) as raised:
        clip.identify(_spec(tmp_path, "model"))
    assert raised.value.code is Code.MODEL_UNAVAILABLE


@pytest.mark.parametrize(
    ("part", "content", "ask"),
    [
        ("onnx/vision_model.onnx", b"no weights", PicturesAsk(images=(_png(_noise(9, 9)),))),
        ("tokenizer.json", b"{}", PicturesAsk(texts=("red",))),
        ("preprocessor_config.json", b"[1, 2", PicturesAsk(texts=("red",))),
        ("preprocessor_config.json", b'{"do_resize": true, "size": {}}', PicturesAsk()),
        ("config.json", json.dumps([1]).encode(), PicturesAsk()),
    ],
)
def test_a_part_that_is_damaged_is_named(
    tmp_path: Path, part: str, content: bytes, ask: PicturesAsk
) -> None:
    folder = tiny_clip.hugging_face(tmp_path / "model")
    (folder / part).write_bytes(content)
    with pytest.raises(ReelError) as raised:
        _rows(clip.make(_spec(tmp_path, "model")), ask)
    assert raised.value.code is Code.MODEL_UNAVAILABLE


def test_a_picture_that_is_damaged_is_refused(tmp_path: Path) -> None:
    model = clip.make(_spec(tmp_path, str(tiny_clip.hugging_face(tmp_path / "model"))))
    with pytest.raises(ReelError) as raised:
        _rows(model, PicturesAsk(images=(b"no picture",)))
    assert raised.value.code is Code.DECODE_FAILED


def test_nothing_asked_is_nothing_answered(tmp_path: Path) -> None:
    model = clip.make(_spec(tmp_path, str(tiny_clip.hugging_face(tmp_path / "model"))))
    assert _rows(model, PicturesAsk()).shape == (0, 3)
