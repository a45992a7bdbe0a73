"""Files beside a video that can be made anew from what the library knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.library import sidecars
from reelwright.media.cues import read_cues
from reelwright.media.info import MediaInfo
from reelwright.store import asset_files, assets
from reelwright.store.asset_files import AssetFile, FileState, Role
from reelwright.tools.ytdlp.info import VideoInfo

if TYPE_CHECKING:
    from reelwright.app.library.verify_asset import Report
    from reelwright.app.wiring import App


@dataclass(frozen=True, slots=True)
class Made:
    """`source`: what it was made from, for a person."""

    data: bytes
    source: str

    @property
    def sha256(self) -> str:
        return sha256(self.data).hexdigest()


def made(app: App, report: Report, file: AssetFile) -> Made | None:
    """None where it cannot be made. What a site wrote is only made where the bytes come out as they
    were. Blocking. Raises ASSET_UNKNOWN, STORE_*."""
    with app.store.read() as tx:
        info = VideoInfo.from_json(assets.info(tx, report.asset.id))
        files = asset_files.of_asset(tx, report.asset.id)
        video = asset_files.newest_video(files)
        facts = None if video is None else asset_files.facts(tx, report.asset.id, video.path)
    data: bytes | None = None
    source = "the library's metadata"
    if file.role is Role.NFO:
        media = None if facts is None else MediaInfo.from_json(facts)
        data = _nfo(report, info, media, files)
    elif file.role is Role.CHAPTERS and info.chapters:
        data = sidecars.chapters_text(info.chapters, info.duration_s)
    elif file.role is Role.CAPTIONS and file.format == "srt":
        other = _twin(file, files, report)
        if other is not None:
            source = other.path
            data = _captions(report.folder / other.path)
    elif file.role in _EXACT:
        data = _EXACT[file.role](info)
        if data is not None and sha256(data).hexdigest() != file.sha256:
            data = None
    return None if not data else Made(data, source)


def _description(info: VideoInfo) -> bytes | None:
    return None if info.description is None else info.description.encode("utf-8", "replace")


_EXACT: dict[Role, Callable[[VideoInfo], bytes | None]] = {
    Role.INFO: sidecars.info_json,
    Role.DESCRIPTION: _description,
}


def _nfo(report: Report, info: VideoInfo, media: MediaInfo | None, files: list[AssetFile]) -> bytes:
    from reelwright.app.library.layout import show_folder

    asset = report.asset
    is_in_show = asset.folder_key is not None and show_folder(asset.folder, info) is not None
    picture = next((file.path for file in files if file.role is Role.THUMBNAIL), None)
    show = info.channel or info.uploader if is_in_show else None
    return sidecars.video_nfo(info, media=media, show=show, thumbnail=picture)


def _twin(file: AssetFile, files: list[AssetFile], report: Report) -> AssetFile | None:
    """The same captions as WebVTT, and well."""
    bad = {found.file.path for found in report.findings}
    for other in files:
        is_same = (other.role, other.language, other.kind) == (file.role, file.language, file.kind)
        is_good = other.state is FileState.OK and other.path not in bad
        if is_same and other.format == "vtt" and is_good:
            return other
    return None


def _captions(path: Path) -> bytes | None:
    try:
        return _srt(path.read_bytes())
    except OSError:
        return None


def _srt(vtt: bytes) -> bytes:
    return "\n".join(_blocks(vtt)).encode()


def _blocks(vtt: bytes) -> Iterator[str]:
    shown = [cue for cue in read_cues(vtt, "vtt") if cue.end_s > cue.start_s and cue.plain.strip()]
    for number, cue in enumerate(shown, 1):
        # An empty line would end the cue.
        lines = "\n".join(line for line in cue.plain.splitlines() if line.strip())
        yield f"{number}\n{_time(cue.start_s)} --> {_time(cue.end_s)}\n{lines}\n"


def _time(seconds: float) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"
