"""What is written in one picture file, at once: no job is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.app.wiring import App
    from reelwright.media.info import MediaInfo


def is_picture(info: MediaInfo) -> bool:
    """A still, or what has no picture in motion but one: the cover of an album."""
    return info.is_image or (info.video is not None and info.video.is_still)


async def read_picture(
    app: App, path: Path, info: MediaInfo, languages: Sequence[str] = ()
) -> dict[str, Any]:
    """As the result of `read_text`; `start` and `end` of a text are None: a picture has no time.

    Raises DECODE_FAILED and the like for a damaged file, MODEL_UNAVAILABLE, BUDGET_REACHED.
    """
    from reelwright.runners.tasks.read_text import rounded
    from reelwright.tools.models.kinds import PictureAsk
    from reelwright.tools.models.pictures.converting import png_of

    png, damage = await png_of(
        path,
        info,
        app.tools,
        sandbox=app.is_sandboxed,
        max_pixels=app.settings.limits.max_pixels,
    )
    models = app.asker()
    try:
        served = await models.read(PictureAsk(image=png, languages=tuple(languages)))
    finally:
        await models.close()
    who = served.provenance()
    return {
        "texts": [
            {
                "text": line.text,
                "start": None,
                "end": None,
                "box": [round(edge, 2) for edge in line.box],
                "confidence": rounded(line.confidence),
                "provider": who["provider"],
                "model": who["model"],
            }
            for line in served.value.lines
        ],
        **_size(png),
        "by": [who],
        "damage": list(damage),
    }


def _size(png: bytes) -> dict[str, int]:
    """As the header says, which we have written ourselves."""
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    return {"width": width, "height": height}
