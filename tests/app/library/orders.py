"""Orders to keep a video, as the engine hands them on, with files in the blob store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from reelwright.app.settings import Loaded, Settings
from reelwright.app.settings_sections import Archive
from reelwright.app.wiring import App
from reelwright.engine.keeping import KeepOrder, KeptFile
from reelwright.media.info import MediaInfo
from reelwright.tools.ytdlp.info import Chapter, VideoInfo

CAPTIONS = b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello big world\n"
INFO = VideoInfo(
    extractor="generic",
    native_id="talk",
    url="https://example.org/talk.mp4",
    host="example.org",
    title="A talk: about <b>",
    description="What is it?",
    channel="Chan",
    published_at=1_600_000_000.0,
    duration_s=90.0,
    tags=("a&b",),
    chapters=(Chapter(title="a=b", start_s=0.0), Chapter(title="c", start_s=3.0)),
)


def app_at(home: Path, library: Path | None = None, **archive: Any) -> App:
    settings = Settings(home=home, library=library, archive=Archive(**archive))
    return App(Loaded(settings))


def file(app: App, role: str, data: bytes, form: str, **values: str) -> KeptFile:
    source = app.home / "made"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(data)
    blob = app.blobs.put(source)
    return KeptFile(
        role=role,
        path=app.blobs.path(blob.sha256),
        sha256=blob.sha256,
        size_bytes=blob.size_bytes,
        format=form,
        **values,
    )


def order(app: App, video: bytes = b"one", info: VideoInfo = INFO, **values: Any) -> KeepOrder:
    files = (
        file(app, "video", video, "mp4"),
        file(app, "captions", CAPTIONS, "vtt", language="en", kind="human"),
        file(app, "captions", b"1\n", "srt", language="en", kind="auto"),
        file(app, "thumbnail", b"a picture", "jpg"),
    )
    made = KeepOrder(
        job_id="j1",
        step_id="s1",
        attempt=1,
        owner=None,
        url=info.url,
        files=files,
        info=info.to_json(),
        media=MediaInfo(size_bytes=3, sha256="a" * 64, demuxer="mov").to_json(),
    )
    return replace(made, **values)
