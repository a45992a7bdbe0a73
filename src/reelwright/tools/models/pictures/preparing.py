"""What is done to a picture before a model sees it, as the configuration beside its weights says.

Two dialects: Hugging Face's ``preprocessor_config.json`` and OpenCLIP's ``preprocess_cfg.json``.
Pictures are scaled by Pillow with its antialiasing, as they were where these models were trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

_NAMED = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3}
_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True)
class Preparation:
    """`shortest_px`: the shorter side is scaled to this; else to `size`, height and width.
    `pads`: it is scaled into `size` and the rest filled with black. `crop`: height and width of
    what is then taken from its middle, None: all. `resample` is Pillow's number."""

    shortest_px: int | None
    size: tuple[int, int] | None
    crop: tuple[int, int] | None
    resample: int
    factor: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    pads: bool = False

    def text(self) -> str:
        """As a part of the model's identity."""
        scaled = f"shortest{self.shortest_px}" if self.shortest_px else f"to{self.size}"
        normal = f"{self.factor:.6g},{self.mean},{self.std}"
        return f"{scaled} crop{self.crop} resample{self.resample} pads{self.pads} {normal}".replace(
            " ", ";"
        )

    def apply(self, picture: Image) -> NDArray[np.float32]:
        """3 x height x width, red first, normalised. `picture` is RGB."""
        import numpy as np

        scaled = self._cropped(self._scaled(picture))
        values = np.asarray(scaled, dtype=np.float32) * np.float32(self.factor)
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        return np.ascontiguousarray(((values - mean) / std).transpose(2, 0, 1))

    def _scaled(self, picture: Image) -> Image:
        from PIL import Image

        how = Image.Resampling(self.resample)
        width, height = picture.size
        if self.shortest_px is not None:
            # As transformers and torchvision round: the longer side down.
            short, long = sorted((width, height))
            longer = max(1, int(self.shortest_px * long / short))
            size = (self.shortest_px, longer) if width <= height else (longer, self.shortest_px)
            return picture.resize(size, how)
        if self.size is None:
            return picture
        if not self.pads:
            return picture.resize((self.size[1], self.size[0]), how)
        scale = min(self.size[0] / height, self.size[1] / width)
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        ground = Image.new("RGB", (self.size[1], self.size[0]))
        place = ((self.size[1] - inner[0]) // 2, (self.size[0] - inner[1]) // 2)
        ground.paste(picture.resize(inner, how), place)
        return ground

    def _cropped(self, picture: Image) -> Image:
        """Of a picture that is smaller than the crop, black is around it."""
        if self.crop is None:
            return picture
        height, width = self.crop
        left, top = (picture.width - width) // 2, (picture.height - height) // 2
        return picture.crop((left, top, left + width, top + height))


def preparation(config: Mapping[str, Any]) -> Preparation:
    """Raises ValueError for what cannot be meant."""
    if "image_mean" in config or "do_resize" in config:
        return _hugging_face(config)
    return _open_clip(config)


def _hugging_face(config: Mapping[str, Any]) -> Preparation:
    size = config.get("size", 224)
    shortest, exact = None, None
    if config.get("do_resize", True):
        if isinstance(size, Mapping) and "height" in size:
            exact = (int(size["height"]), int(size["width"]))
        elif isinstance(size, Mapping):
            shortest = int(size["shortest_edge"])
        else:
            shortest = int(size)
    normal = config.get("do_normalize", True)
    factor = float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1
    crop = _pair(config.get("crop_size", size)) if config.get("do_center_crop", False) else None
    return Preparation(
        shortest_px=shortest,
        size=exact,
        crop=crop,
        resample=int(config.get("resample", 3)),
        factor=factor,
        mean=_three(config.get("image_mean", _CLIP_MEAN)) if normal else (0.0, 0.0, 0.0),
        std=_three(config.get("image_std", _CLIP_STD)) if normal else (1.0, 1.0, 1.0),
    )


def _open_clip(config: Mapping[str, Any]) -> Preparation:
    size = _pair(config.get("size", 224))
    mode = config.get("resize_mode", "shortest")
    is_shortest = mode == "shortest" and size[0] == size[1]
    return Preparation(
        shortest_px=size[0] if is_shortest else None,
        size=None if is_shortest else size,
        crop=size if is_shortest else None,
        resample=_NAMED[config.get("interpolation", "bicubic")],
        factor=1 / 255,
        mean=_three(config.get("mean", _CLIP_MEAN)),
        std=_three(config.get("std", _CLIP_STD)),
        pads=mode == "longest",
    )


def _pair(size: Any) -> tuple[int, int]:
    """Height and width."""
    if isinstance(size, Mapping):
        side = size.get("shortest_edge")
        return (int(size.get("height", side)), int(size.get("width", side)))
    if isinstance(size, Sequence):
        return (int(size[0]), int(size[-1]))
    return (int(size), int(size))


def _three(values: Sequence[float]) -> tuple[float, ...]:
    if len(values) != 3:
        raise ValueError(f"three numbers are wanted, one a color: {values}")
    return tuple(float(value) for value in values)
