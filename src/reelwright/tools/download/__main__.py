"""``python -m reelwright.tools.download JOB``: one plain download, from a JSON file.

In a process of its own, so that a cancel or a lost lease ends a connection that hangs.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from reelwright.errors import ReelError
from reelwright.tools.download.addresses import hold_to
from reelwright.tools.download.deadline import end_after
from reelwright.tools.download.http import download
from reelwright.tools.download.lines import say, say_error
from reelwright.tools.download.parts import Part
from reelwright.tools.download.wish import NotAFile, Wish

_EVERY_S = 0.5


class _Pace:
    """Progress at most twice a second."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def tell(self, got: int, size: int | None) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_s or got == size:
            self._next_s = now_s + _EVERY_S
            say("progress", bytes=got, of_bytes=size)


def main(job_path: str) -> int:
    job = json.loads(Path(job_path).read_text(encoding="utf-8"))
    wish = Wish(**job["wish"])
    hold_to(
        allow_private=wish.allow_private,
        net_allow=wish.net_allow,
        proxy=wish.proxy,
        trusts_proxy=wish.trusts_proxy,
    )
    end_after(wish.max_seconds, wish.url)
    part = Part(Path(job["parts"]), wish.key)
    if not part.acquire():
        # Two steps of one URL: the second one does not wait for the first, it goes its own way.
        part = Part(Path(job["own_parts"]), wish.key)
        part.acquire()
    try:
        say("done", **asdict(download(wish, part, Path(job["target"]), _Pace().tell)))
    except NotAFile as page:
        say("page", url=page.url, content_type=page.content_type)
    except ReelError as error:
        say_error(error)
    finally:
        part.release()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
