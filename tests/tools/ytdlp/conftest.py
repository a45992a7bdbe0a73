"""Runs the children of yt-dlp as the runners do, each in a folder of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import ReelError
from reelwright.tools.ytdlp.listing import list_entries
from reelwright.tools.ytdlp.options import YtdlpOptions
from reelwright.tools.ytdlp.origin import check_origin
from reelwright.tools.ytdlp.request import (
    CheckWish,
    Listed,
    Listing,
    ListWish,
    OriginState,
    Part,
    VideoAnswer,
    VideoWish,
)
from reelwright.tools.ytdlp.video import fetch_video


@dataclass
class Fetched:
    answer: VideoAnswer
    folder: Path
    progress: list[tuple[int, int | None]]

    @property
    def video(self) -> bytes:
        """The file that yt-dlp itself wrote."""
        (file,) = self.answer.of(Part.VIDEO)
        return (self.folder / file.path).read_bytes()

    def text(self, role: Part, **wanted: str) -> str:
        found = [
            file
            for file in self.answer.of(role)
            if all(getattr(file, name) == value for name, value in wanted.items())
        ]
        assert len(found) == 1, self.answer.files
        return (self.folder / found[0].path).read_text(encoding="utf-8")


@dataclass
class Found:
    listing: Listing
    entries: list[Listed]
    batches: list[int]


@dataclass
class Children:
    tmp: Path
    ffmpeg: Path
    made: list[Path] = field(default_factory=list)

    def folder(self) -> Path:
        folder = self.tmp / f"child{len(self.made)}"
        folder.mkdir()
        self.made.append(folder)
        return folder

    def fetch(self, url: str, *want: Part, **more: Any) -> Fetched:
        folder, progress = self.folder(), list[tuple[int, int | None]]()
        options = YtdlpOptions(**more.pop("options", {}))
        wish = VideoWish(
            url=url,
            folder=str(folder),
            ffmpeg=str(self.ffmpeg),
            options=options,
            want=frozenset(want or (Part.VIDEO,)),
            **more,
        )
        answer, _ = asyncio.run(
            fetch_video(
                wish,
                log=folder / "log",
                on_progress=lambda got, size: progress.append((got, size)),
            )
        )
        return Fetched(answer, folder, progress)

    def failing(self, url: str, *want: Part, **more: Any) -> ReelError:
        with pytest.raises(ReelError) as caught:
            self.fetch(url, *want, **more)
        return caught.value

    def list(
        self, url: str, on_entries: Callable[[Sequence[Listed]], Any] | None = None, **more: Any
    ) -> Found:
        folder, entries, batches = self.folder(), list[Listed](), list[int]()

        def take(batch: Sequence[Listed]) -> Any:
            entries.extend(batch)
            batches.append(len(batch))
            return on_entries(batch) if on_entries is not None else None

        options = YtdlpOptions(**more.pop("options", {}))
        wish = ListWish(url=url, folder=str(folder), options=options, **more)
        listing = asyncio.run(list_entries(wish, log=folder / "log", on_entries=take))
        return Found(listing, entries, batches)

    def check(self, url: str, **more: Any) -> OriginState:
        folder = self.folder()
        wish = CheckWish(url=url, folder=str(folder), **more)
        return asyncio.run(check_origin(wish, log=folder / "log"))


@pytest.fixture
def children(tmp_path: Path, ffmpeg: Path) -> Children:
    return Children(tmp_path, ffmpeg)
