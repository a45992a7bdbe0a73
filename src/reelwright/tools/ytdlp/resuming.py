"""In the child: half downloads that outlive the attempt, of plain files that yt-dlp fetches itself
(picture and sound apart, or in pieces where a server throttles who asks for the whole)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.download.parts import Part, disk_errors
from reelwright.tools.ytdlp.request import VideoWish
from reelwright.tools.ytdlp.session import Session


def bring_parts(
    session: Session, wish: VideoWish, info: Mapping[str, Any], names: Mapping[str, str]
) -> None:
    """Each format of `names` as the file of that name in the wish's folder; the half downloads that
    somebody else works on are left to them, and to yt-dlp.

    All of them stay half downloads until the last one is whole: a sound that cannot be had costs no
    second fetch of its picture.
    """
    assert wish.parts is not None
    with ExitStack() as locks:
        whole: list[tuple[Part, Path]] = []
        for one in info.get("requested_formats") or [info]:
            chosen = str(one.get("format_id"))
            key = f"{wish.url} {wish.position} {wish.media_url or ''} {chosen}"
            part = Part(Path(wish.parts), key)
            if not part.acquire():
                continue
            locks.callback(part.release)
            _bring(session, part, {**info, **one})
            whole.append((part, Path(wish.folder) / names[chosen]))
        for part, target in whole:
            with disk_errors(target):
                shutil.move(part.path, target)
            part.forget()


def _bring(session: Session, part: Part, info: dict[str, Any]) -> None:
    """Raises what a download raises; what came stays in `part`."""
    written = part.path.with_suffix("")  # yt-dlp adds ".part", and takes it away at the end
    written.unlink(missing_ok=True)
    known = part.resumable()
    if known is None:
        part.discard()
    elif known[1] == known[0].size_bytes:
        # All bytes came, and something else failed; only a fresh answer proves whose they are.
        os.truncate(part.path, known[1] - 1)
    session.origins.expect(
        info["url"], known[0] if known else None, lambda origin: part.start(origin).close()
    )
    info.pop("requested_formats", None)
    session.ydl.params["continuedl"] = True
    try:
        with session.understood():
            session.ydl.dl(str(written), info)
    except ReelError as error:
        if error.code in (Code.REMOTE_CHANGED, Code.MEDIA_TOO_LARGE):
            part.discard()
        raise
    finally:
        session.ydl.params["continuedl"] = False
    written.replace(part.path)
