"""Frames as small planes for comparing, and as larger ones for keeping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelwright.analysis.shots import HEIGHT_PX, WIDTH_PX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwright.operators.analyse.packs import Planes


class Scaler:
    """Frames as ``yuv420p`` of one size in full range; `to_jpeg` also in JPEG's matrix."""

    def __init__(self, width_px: int, height_px: int, flags: str, *, to_jpeg: bool) -> None:
        from av.video.reformatter import VideoReformatter

        self._size = (width_px, height_px)
        self._flags = flags
        self._matrix = "ITU601" if to_jpeg else None
        self._scaler: Any = VideoReformatter()

    def planes(self, frame: Any) -> list[NDArray[np.uint8]]:
        """Y, Cb and Cr; they belong to the caller."""
        import numpy as np

        small = self._scaler.reformat(
            frame,
            *self._size,
            "yuv420p",
            dst_colorspace=self._matrix,
            interpolation=self._flags,
            src_color_range="JPEG" if _is_full(frame) else "MPEG",
            dst_color_range="JPEG",
            threads=1,
        )
        return [
            np.frombuffer(p, np.uint8).reshape(-1, p.line_size)[: p.height, : p.width].copy()
            for p in small.planes
        ]


def _is_full(frame: Any) -> bool:
    name: str = frame.format.name
    return frame.color_range == 2 or name.startswith("yuvj") or frame.format.is_rgb


class Small:
    """Frames as `shots.ShotDetector.look` takes them."""

    def __init__(self) -> None:
        self._scaler = Scaler(WIDTH_PX, HEIGHT_PX, "AREA", to_jpeg=False)

    def of(self, frame: Any) -> NDArray[np.int16]:
        import numpy as np

        return np.concatenate([p.ravel() for p in self._scaler.planes(frame)]).astype(np.int16)


class Upright:
    """Pictures of one size as a player shows them."""

    def __init__(self, width_px: int, height_px: int, rotation_deg: int, flags: str) -> None:
        is_lying = rotation_deg % 180 == 90
        size = (height_px, width_px) if is_lying else (width_px, height_px)
        self._scaler = Scaler(*size, flags, to_jpeg=True)
        self._turns = -rotation_deg // 90  # numpy turns counterclockwise

    def planes(self, frame: Any) -> Planes:
        import numpy as np

        planes = self._scaler.planes(frame)
        if self._turns:
            planes = [np.ascontiguousarray(np.rot90(p, self._turns)) for p in planes]
        luma, blue, red = planes
        return luma, blue, red
