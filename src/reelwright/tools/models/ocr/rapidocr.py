"""PP-OCR by RapidOCR's parts on onnxruntime: the models lie in its wheel, nothing is downloaded.

Its own driver is not used: it enlarges every picture to 736 lines before it looks for text (five
times the time that a line of print needs), cuts letters out of a reduced picture, loses what is
drawn on transparent ground, and logs to the terminal.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.analysis.changed_area import detail_area
from reelwright.analysis.reading_order import Placed, reading_order
from reelwright.tools.models.kinds import Line, ModelIdentity, PictureAsk, Seen, Usage
from reelwright.tools.models.ocr.scripts import recogniser_key
from reelwright.tools.models.onnx_session import session
from reelwright.tools.models.pictures.opening import array_of
from reelwright.tools.models.providers import unavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwright.tools.models.providers import ModelSpec

    Pixels = NDArray[np.uint8]
    Quad = NDArray[np.float32]

_DETECTOR = "PP-OCRv6_det_small.onnx"
_RECOGNISER = "PP-OCRv6_rec_small.onnx"
_TURNED = "ch_ppocr_mobile_v2.0_cls_mobile.onnx"
# Raise it when sizes, paddings or thresholds below change what is read.
_PREPROCESSING = "1"

# Text is looked for in a copy with the longer side at most this long; it is read in the original.
LOOK_PX = 1280
# Where the lines that were found are lower than this there, there may be smaller ones that were
# not: it is looked again, closer.
SMALL_LINE_PX, LOOK_CLOSER_PX = 20, 2560
# A small picture is enlarged to this, up to four times.
SMALL_PICTURE_PX = 480
# Letters at the very edge are not found: every picture gets a border of its own edge.
BORDER_PX = 16
# A line that is read with less confidence is none: it is texture that looks like letters.
# So is one without any letter or digit, unless it is quite sure.
LEAST_CONFIDENCE, LEAST_SIGNS = 0.5, 0.95
# A quad that is this many times as high as wide is a line on its side.
ON_ITS_SIDE = 1.5
SURE_TURNED = 0.9
# Whether a page stands on its head is tried on so many lines of it; it has to read better by this
# much to be believed, for nearly none does.
LINES_TRIED, UPRIGHT = 4, 0.03


def identify(spec: ModelSpec) -> ModelIdentity:
    """Raises MODEL_UNAVAILABLE where RapidOCR or its models are not there."""
    try:
        release = version("rapidocr")
    except PackageNotFoundError as error:
        raise unavailable(spec, "rapidocr is not installed") from error
    missing = [n for n in (_DETECTOR, _RECOGNISER, _TURNED) if not (_models() / n).is_file()]
    if missing:
        raise unavailable(spec, f"its package has no {', '.join(missing)}")
    return ModelIdentity(
        provider="rapidocr",
        model="PP-OCRv6-small",
        revision=release + _others(spec),
        dtype="float32",
        preprocessing=_PREPROCESSING,
    )


def _others(spec: ModelSpec) -> str:
    """What the user's own recognisers add to the identity."""
    found = sorted((spec.folder / "rapidocr").glob("*_*rec*.onnx"))
    if not found:
        return ""
    told = "\n".join(f"{path.name} {path.stat().st_size}" for path in found)
    return f"+{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def make(spec: ModelSpec) -> RapidOcr:
    """Raises MODEL_UNAVAILABLE."""
    return RapidOcr(spec)


@dataclass(frozen=True, slots=True)
class _Found:
    """A line in the pixels of the picture: its corners from the upper left clockwise, and what was
    cut out there; where it lies `on_side`, turned back by 90 degrees anticlockwise. `turned_deg`:
    how far its text is turned clockwise. `seems_turned`: by half, says a small model that is easily
    deceived."""

    quad: Quad
    crop: Pixels
    on_side: bool
    seems_turned: bool
    turned_deg: int

    @property
    def length_px(self) -> int:
        return int(self.crop.shape[1])

    def turned(self) -> _Found:
        """By half."""
        import numpy as np

        crop = np.ascontiguousarray(self.crop[::-1, ::-1])
        return replace(self, crop=crop, turned_deg=self.turned_deg + 180)


class RapidOcr:
    """Reads what is written in a picture; one at a time."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self.identity = identify(spec)
        self.is_local = True
        _quiet(spec.threads)
        self._detector = _part("ch_ppocr_det", "TextDetector", _detection(spec))
        self._turned = _part("ch_ppocr_cls", "TextClassifier", _turning(spec))
        self._recognisers: dict[Path, Any] = {}

    async def answer(self, ask: PictureAsk) -> tuple[Seen, Usage]:
        """Raises DECODE_FAILED, MODEL_UNAVAILABLE where no model reads the languages asked for."""
        return await asyncio.to_thread(self.read, ask), Usage(images=1)

    async def close(self) -> None:
        self._recognisers.clear()

    def read(self, ask: PictureAsk) -> Seen:
        """Blocking: as `answer`."""
        recogniser = self._recogniser(ask.languages)
        picture = array_of(ask.image)[:, :, ::-1]  # its models were trained on blue first
        found = self._cut_out(picture, self._look(picture))
        if not found:
            return Seen(lines=())
        found = [
            one
            for on_side in (False, True)
            for one in _upright(recogniser, [f for f in found if f.on_side is on_side])
        ]
        texts = _recognised(recogniser, [one.crop for one in found])
        height, width = picture.shape[:2]
        read = [
            (one, Line(text=text, box=_box(one.quad, width, height), confidence=sure))
            for one, (text, sure) in zip(found, texts, strict=True)
            if _is_text(text, sure)
        ]
        places = [Placed(line.box, one.turned_deg, len(line.text)) for one, line in read]
        order = reading_order(places)
        return Seen(lines=tuple(read[index][1] for index in order))

    def _look(self, picture: Pixels) -> list[Quad]:
        """Where lines are. Only what has edges is looked at: on a large empty page a small line
        would not be found, and the time goes with the area."""
        import numpy as np

        area = detail_area(picture)
        if area is None:
            return []
        part = picture[area.top : area.bottom, area.left : area.right]
        quads, factor = self._look_at(part, LOOK_PX)
        if factor < 1 and (not quads or any(_height(q) * factor < SMALL_LINE_PX for q in quads)):
            quads, _ = self._look_at(part, LOOK_CLOSER_PX)
        return [quad + np.array([area.left, area.top], np.float32) for quad in quads]

    def _look_at(self, picture: Pixels, most_px: int) -> tuple[list[Quad], float]:
        """Quads in pixels of the picture, and by how much it was scaled to find them."""
        import cv2
        import numpy as np

        height, width = picture.shape[:2]
        longer = max(height, width)
        factor = min(1.0, most_px / longer)
        if longer < SMALL_PICTURE_PX:
            factor = min(4.0, SMALL_PICTURE_PX / longer)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        scaled = cv2.resize(np.ascontiguousarray(picture), size, interpolation=how)
        edge = (BORDER_PX,) * 4
        bordered = cv2.copyMakeBorder(scaled, *edge, cv2.BORDER_REPLICATE)
        boxes = self._detector(bordered).boxes
        if boxes is None:
            return [], factor
        per_x, per_y = width / size[0], height / size[1]
        scale = np.array([per_x, per_y], np.float32)
        most = np.array([width, height], np.float32)
        inside = [np.clip((quad - BORDER_PX) * scale, 0, most) for quad in np.asarray(boxes)]
        return [q.astype(np.float32) for q in inside if min(_width(q), _height(q)) >= 2], factor

    def _cut_out(self, picture: Pixels, quads: list[Quad]) -> list[_Found]:
        """The lines, those on their side turned back."""
        import numpy as np
        from rapidocr.utils.process_img import get_rotate_crop_image

        if not quads:
            return []
        whole = np.ascontiguousarray(picture)
        crops = [get_rotate_crop_image(whole, quad.copy()) for quad in quads]
        labels = self._turned(crops).cls_res
        return [
            _Found(
                quad=quad,
                crop=crop,
                on_side=(on_side := _height(quad) >= ON_ITS_SIDE * _width(quad)),
                seems_turned="180" in label and sure > SURE_TURNED,
                turned_deg=90 if on_side else 0,
            )
            for quad, crop, (label, sure) in zip(quads, crops, labels, strict=True)
        ]

    def _recogniser(self, languages: tuple[str, ...]) -> Any:
        path = self._weights(languages)
        if path not in self._recognisers:
            config = _recognition(self._spec, path)
            self._recognisers[path] = _part("ch_ppocr_rec", "TextRecognizer", config)
        return self._recognisers[path]

    def _weights(self, languages: tuple[str, ...]) -> Path:
        """Raises MODEL_UNAVAILABLE."""
        key = recogniser_key(languages)
        if key is None:
            return _models() / _RECOGNISER
        folder = self._spec.folder / "rapidocr"
        found = sorted(folder.glob(f"{key}_*rec*.onnx"))
        if not found:
            raise unavailable(
                self._spec,
                f"the model in the box does not read {', '.join(languages)}",
                hint=f"put RapidOCR's {key}_…_rec_….onnx into {folder}",
            )
        return found[0]


def _upright(recogniser: Any, lines: list[_Found]) -> list[_Found]:
    """Lines that lie alike, turned by half where most of them seem to be and they read better so:
    ``00:09`` alone is a good ``60:00``, too."""
    whole_px = sum(line.length_px for line in lines)
    turned_px = sum(line.length_px for line in lines if line.seems_turned)
    if 2 * turned_px <= whole_px:
        return lines
    some = sorted(lines, key=lambda line: line.length_px)[-LINES_TRIED:]
    as_is = _mean_sure(recogniser, [line.crop for line in some])
    if not some[0].on_side:
        as_is += UPRIGHT
    turned = [line.turned() for line in some]
    if _mean_sure(recogniser, [line.crop for line in turned]) <= as_is:
        return lines
    return [line.turned() for line in lines]


def _mean_sure(recogniser: Any, crops: list[Pixels]) -> float:
    return sum(sure for _, sure in _recognised(recogniser, crops)) / len(crops)


def _recognised(recogniser: Any, crops: list[Pixels]) -> list[tuple[str, float]]:
    from rapidocr.ch_ppocr_rec import TextRecInput

    read = recogniser(TextRecInput(img=crops, return_word_box=False))
    pairs = zip(read.txts, read.scores, strict=True)
    return [(text.strip(), min(1.0, float(sure))) for text, sure in pairs]


def _is_text(text: str, sure: float) -> bool:
    """Texture is taken for stars and dots."""
    has_letters = any(c.isalnum() for c in text)
    return bool(text) and sure >= (LEAST_CONFIDENCE if has_letters else LEAST_SIGNS)


def _width(quad: Quad) -> float:
    import numpy as np

    return float(max(np.linalg.norm(quad[0] - quad[1]), np.linalg.norm(quad[2] - quad[3])))


def _height(quad: Quad) -> float:
    import numpy as np

    return float(max(np.linalg.norm(quad[0] - quad[3]), np.linalg.norm(quad[1] - quad[2])))


def _box(quad: Quad, width: int, height: int) -> tuple[float, float, float, float]:
    """Around the quad, whole pixels, inside the picture."""
    left, top = (max(0, int(edge)) for edge in quad.min(axis=0))
    right, bottom = (int(-(-float(edge) // 1)) for edge in quad.max(axis=0))
    right, bottom = min(width, right), min(height, bottom)
    return (float(left), float(top), float(right - left), float(bottom - top))


def _models() -> Path:
    found = find_spec("rapidocr")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "models"


def _quiet(threads: int) -> None:
    """Its logger has a handler of its own, and its level set, on import; OpenCV takes all cores."""
    import cv2
    import rapidocr.utils.log  # noqa: F401 - for its logger

    cv2.setNumThreads(max(1, threads))
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)


def _part(module: str, name: str, config: dict[str, Any]) -> Any:
    """A part of RapidOCR with a session of ours: none of it loads, or fetches, a model itself."""
    from importlib import import_module

    from omegaconf import OmegaConf
    from rapidocr.utils.typings import EngineType

    whole = config | {"engine_type": EngineType.ONNXRUNTIME}
    made = OmegaConf.create(whole, flags={"allow_objects": True})
    return getattr(import_module(f"rapidocr.{module}"), name)(made)


def _detection(spec: ModelSpec) -> dict[str, Any]:
    return {
        "session": session(spec, _models() / _DETECTOR),
        # The picture has been scaled: take it as it is.
        "limit_type": "max",
        "limit_side_len": 1 << 20,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "thresh": 0.3,
        "box_thresh": 0.5,
        "max_candidates": 1000,
        "unclip_ratio": 1.6,
        "use_dilation": True,
        "score_mode": "fast",
    }


def _turning(spec: ModelSpec) -> dict[str, Any]:
    from rapidocr.utils.typings import OCRVersion

    return {
        "session": session(spec, _models() / _TURNED),
        "ocr_version": OCRVersion.PPOCRV4,
        "cls_batch_num": 6,
        "cls_thresh": SURE_TURNED,
        "label_list": ["0", "180"],
    }


def _recognition(spec: ModelSpec, path: Path) -> dict[str, Any]:
    """Raises MODEL_UNAVAILABLE for weights that do not say which characters they know."""
    loaded = session(spec, path)
    if "character" not in loaded.get_modelmeta().custom_metadata_map:
        raise unavailable(
            spec,
            f"{path.name} does not say which characters it knows",
            hint="take RapidOCR's own export: its metadata has a list `character`",
        )
    return {
        "session": loaded,
        "lang_type": "ch",
        "font_path": None,
        "rec_batch_num": 6,
        "rec_img_shape": [3, 48, 320],
    }
