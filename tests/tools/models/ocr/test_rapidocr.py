"""PP-OCR by RapidOCR's parts: pictures that the test draws, and real ones with their text."""

from __future__ import annotations

import socket
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw, ImageFont

from reelwright.analysis.texts import edit_distance
from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import Line, ModelKind, PictureAsk
from reelwright.tools.models.ocr import rapidocr
from reelwright.tools.models.ocr.scripts import recogniser_key
from reelwright.tools.models.providers import ModelSpec

FONT = Path(rapidocr.__file__).parents[3] / "assets" / "fonts" / "DejaVuSans.ttf"


def _spec(folder: Path) -> ModelSpec:
    return ModelSpec(kind=ModelKind.OCR, provider="rapidocr", folder=folder, threads=1)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> rapidocr.RapidOcr:
    return rapidocr.make(_spec(tmp_path_factory.mktemp("weights")))


def _png(picture: Image.Image) -> bytes:
    to = BytesIO()
    picture.save(to, "PNG")
    return to.getvalue()


def _written(
    text: str,
    *,
    size: tuple[int, int] = (640, 120),
    at: tuple[int, int] = (30, 30),
    font_px: int = 40,
    ground: Any = "white",
    ink: Any = "black",
    mode: str = "RGB",
) -> Image.Image:
    picture = Image.new(mode, size, ground)
    font = ImageFont.truetype(str(FONT), font_px)
    ImageDraw.Draw(picture).text(at, text, font=font, fill=ink)
    return picture


def _lines(reader: rapidocr.RapidOcr, picture: Image.Image | bytes) -> tuple[Line, ...]:
    data = picture if isinstance(picture, bytes) else _png(picture)
    return reader.read(PictureAsk(image=data)).lines


def _texts(reader: rapidocr.RapidOcr, picture: Image.Image | bytes) -> list[str]:
    return [line.text for line in _lines(reader, picture)]


def test_a_line_has_its_text_and_a_box_around_its_letters(reader: rapidocr.RapidOcr) -> None:
    picture = _written("Hello wide world", at=(150, 30))
    (line,) = _lines(reader, picture)
    assert line.text == "Hello wide world"
    assert line.confidence is not None
    assert line.confidence > 0.9
    inked = Image.eval(picture.convert("L"), lambda value: 255 - value).getbbox()
    assert inked is not None
    left, top, right, bottom = inked
    x, y, width, height = line.box
    assert x <= left + 4
    assert y <= top + 4
    assert x + width >= right - 4
    assert y + height >= bottom - 4
    assert height < 4 * (bottom - top)


@pytest.mark.parametrize(
    "picture",
    [
        _written("See me well", ground=(0, 0, 0, 0), ink=(0, 0, 0, 255), mode="RGBA"),
        _written("See me well", ground=(0, 0, 0, 0), ink=(255, 255, 255, 255), mode="RGBA"),
        _written("See me well", ground="black", ink="white"),
        _written("See me well", ground="black", ink="blue"),
        _written("See me well", ground="white", ink="red"),
        _written("See me well").convert("P"),
        _written("See me well").convert("1"),
        _written("See me well", size=(4000, 2200), at=(1800, 1000)),
        _written("See me well", size=(140, 24), at=(4, 4), font_px=14),
    ],
    ids=["dark", "light", "black", "blue", "red", "palette", "bits", "lost", "small"],
)
def test_what_is_drawn_is_read(reader: rapidocr.RapidOcr, picture: Image.Image) -> None:
    assert _texts(reader, picture) == ["See me well"]


def test_16_bits_are_scaled_and_not_cut_off(reader: rapidocr.RapidOcr) -> None:
    gray = np.asarray(_written("Sixteen bits", ground="#808080").convert("L"))
    deep = Image.fromarray(gray.astype(np.uint16) * 257)
    assert _texts(reader, deep) == ["Sixteen bits"]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_page_is_read_however_it_lies(reader: rapidocr.RapidOcr, degrees: int) -> None:
    page = _written(
        "First comes this line\nthen another follows\nand a third one ends", size=(640, 240)
    )
    turned = page.rotate(-degrees, expand=True)
    assert _texts(reader, turned) == [
        "First comes this line",
        "then another follows",
        "and a third one ends",
    ]


def test_pictures_without_text_have_none(reader: rapidocr.RapidOcr) -> None:
    assert _texts(reader, Image.new("RGB", (1, 1))) == []
    assert _texts(reader, Image.new("RGB", (1280, 720), "navy")) == []
    noise = np.random.default_rng(1).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    assert _texts(reader, Image.fromarray(noise)) == []


@pytest.mark.parametrize("damage", [lambda d: b"", lambda d: b"text", lambda d: d[: len(d) // 2]])
def test_what_is_no_picture_is_refused(
    reader: rapidocr.RapidOcr, damage: Callable[[bytes], bytes]
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    with pytest.raises(ReelError) as raised:
        _lines(reader, damage(_png(Image.fromarray(noise))))
    assert raised.value.code is Code.DECODE_FAILED


def test_nothing_is_downloaded_and_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("it wants to connect")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    made = rapidocr.make(_spec(tmp_path))
    assert _texts(made, _written("Quiet")) == ["Quiet"]
    assert capfd.readouterr() == ("", "")
    assert made.identity == rapidocr.identify(_spec(tmp_path))


def test_letters_that_are_not_in_the_box_need_a_model_of_their_own(tmp_path: Path) -> None:
    made = rapidocr.make(_spec(tmp_path))
    ask = PictureAsk(image=_png(_written("Some words")), languages=("de", "ru"))
    with pytest.raises(ReelError) as raised:
        made.read(ask)
    assert raised.value.code is Code.MODEL_UNAVAILABLE
    assert "eslav" in (raised.value.problem.hint or "")

    weights = tmp_path / "rapidocr"
    weights.mkdir()
    path = weights / "eslav_PP-OCRv5_rec_mobile.onnx"
    onnx.save(_recogniser("Ж"), path)
    assert rapidocr.identify(_spec(tmp_path)) != made.identity
    assert [line.text for line in made.read(ask).lines] == ["Ж"]
    assert [line.text for line in made.read(PictureAsk(image=ask.image)).lines] == ["Some words"]

    onnx.save(_recogniser(None), path)
    with pytest.raises(ReelError, match="which characters") as raised:
        rapidocr.make(_spec(tmp_path)).read(ask)
    assert raised.value.code is Code.MODEL_UNAVAILABLE


def _recogniser(character: str | None) -> onnx.ModelProto:
    """Reads `character` in every line: what has the form of PP-OCR's, classes blank, it, space."""
    certain = np.tile(np.array([[0.01, 0.98, 0.01]], np.float32), (1, 4, 1))
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Squeeze", ["mean", "last"], ["flat"]),
        helper.make_node("Mul", ["flat", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "certain"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "reader",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 48, "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4, 3])],
        [
            numpy_helper.from_array(np.array([3], np.int64), "last"),
            numpy_helper.from_array(np.array(0, np.float32), "nothing"),
            numpy_helper.from_array(certain, "certain"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if character is not None:
        entry = model.metadata_props.add()
        entry.key, entry.value = "character", character
    return model


@pytest.mark.parametrize(
    ("languages", "key"),
    [
        ((), None),
        (("en", "zh-Hans", "ja"), None),
        (("ru-RU",), "eslav"),
        (("sr-Latn",), None),
        (("sr",), "cyrillic"),
        (("de", "ko_KR"), "korean"),
        (("hi", "ru"), "devanagari"),
    ],
)
def test_which_recogniser_reads_a_language(languages: tuple[str, ...], key: str | None) -> None:
    assert recogniser_key(languages) == key


def _opened(path: Path) -> bytes:
    with Image.open(path) as picture:
        return _png(picture)


# Character error rate, measured 2026-11: 0, 0, 0, 0, 0.005 (two quotation marks), 0, 0.
@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "gold", "most"),
    [
        ("HelloGoogle.tif", "Hello Google", 0.0),
        ("black_font_color_transparent.png", "我是中国人", 0.0),
        (
            "en_rec.jpg",
            "To facilitate the shot type analysis in videos, we collect MovieShots, a large-scale",
            0.02,
        ),
        ("phototest.tif", "phototest.gold.txt", 0.01),
        ("phototest-rotated-R.png", "phototest.gold.txt", 0.01),
        ("eurotext.tif", "eurotext.txt", 0.02),
    ],
)
def test_real_pictures_are_read(
    reader: rapidocr.RapidOcr, corpus: Path, name: str, gold: str, most: float
) -> None:
    folder = corpus / "ocr"
    wanted = (folder / gold).read_text("utf-8") if gold.endswith(".txt") else gold
    read = _plain(" ".join(_texts(reader, _opened(folder / name))))
    wanted = _plain(wanted)
    assert edit_distance(read, wanted) <= most * len(wanted), read


def _plain(text: str) -> str:
    return " ".join(text.split())


def test_digits_that_could_stand_on_their_head_do_not(reader: rapidocr.RapidOcr) -> None:
    """What is 60 upside down is read as it stands, whatever a small model takes it for."""
    for text in ("00:09:00", "09", "6", "69", "00:06:90"):
        for font_px in (24, 48, 90):
            picture = _written(text, size=(640, 160), font_px=font_px)
            assert _texts(reader, picture) == [text]
