"""Packs of pictures: a stored zip of JPEGs named by the millisecond at which each is shown.

The same pictures give the same bytes: a pack is an artifact like any other.
"""

from __future__ import annotations

import zipfile
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

Planes: TypeAlias = "tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]"
"""Y, Cb and Cr of a picture, the latter two of half its size."""

# Letters keep their edges; a 720p picture is about 200 kB.
QUALITY = 92
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can say


class PicturePack:
    """Writes pictures one by one; nothing is held but the list of their names."""

    def __init__(self, path: Path, quality: int = QUALITY) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)
        self._quality = quality

    def add(self, time: Fraction, planes: Planes) -> str:
        """Adds the picture shown at `time` (seconds) and gives its name in the pack. No two may
        share a millisecond."""
        name = f"{round(time * 1000):09d}.jpg"
        self._zip.writestr(zipfile.ZipInfo(name, _EPOCH), jpeg(planes, self._quality))
        return name

    def close(self) -> None:
        self._zip.close()


def planes_of(frame: memoryview, width_px: int, height_px: int) -> Planes:
    """Views of the planes Y, Cb, Cr of a ``yuv420p`` frame of even size."""
    import numpy as np

    flat = np.frombuffer(frame, np.uint8)
    luma = width_px * height_px
    chroma = luma // 4
    half = (height_px // 2, width_px // 2)
    return (
        flat[:luma].reshape(height_px, width_px),
        flat[luma : luma + chroma].reshape(half),
        flat[luma + chroma : luma + 2 * chroma].reshape(half),
    )


def jpeg(planes: Planes, quality: int) -> bytes:
    """A JPEG of planes in JFIF's colors: full range, the matrix of BT.601."""
    from PIL import Image

    luma, *chroma = planes
    size = (luma.shape[1], luma.shape[0])
    bands = [Image.fromarray(luma)]
    bands += [Image.fromarray(c).resize(size, Image.Resampling.NEAREST) for c in chroma]
    to = BytesIO()
    Image.merge("YCbCr", bands).save(to, "JPEG", quality=quality, subsampling="4:2:0")
    return to.getvalue()
