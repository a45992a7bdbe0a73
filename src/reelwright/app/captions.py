"""The cues of a file of captions, or of a text track of a video."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.media.cues import Cue, decoded, read_cues, unread
from reelwright.media.cues_ass import is_ass
from reelwright.media.streams import SubtitleStream

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.media.info import MediaInfo

_FORMS = {".vtt": "vtt", ".srt": "srt", ".ass": "ass", ".ssa": "ass"}
# More than a day of captions.
_MOST_BYTES = 64 << 20
_LOOKED_AT_BYTES = 1 << 16
_SPACES = re.compile(r"[^\S\n]+")


@dataclass(frozen=True, slots=True)
class Captions:
    """`form` is ``vtt``, ``srt`` or ``ass``; `unread` are lines whose cues had to be left out."""

    form: str
    cues: tuple[Cue, ...]
    unread: tuple[tuple[int, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """`text` of WebVTT is what browsers call a cue's text, with its tags; that of SubRip and
        SubStation, whose tags no standard knows, is plain. `plain` is without tags always."""
        return {
            "format": self.form,
            "cues": [
                {
                    "id": cue.id,
                    "start": cue.start_s,
                    "end": cue.end_s,
                    "text": cue.text if self.form == "vtt" else _tidy(cue.plain),
                    "plain": _tidy(cue.plain),
                }
                for cue in self.cues
            ],
        }


def _tidy(text: str) -> str:
    """A tag that is gone leaves the spaces of both its sides."""
    return "\n".join(_SPACES.sub(" ", line).strip() for line in text.split("\n"))


def form_of(path: Path) -> str | None:
    """By its name, else by what it begins with; None for what is no file of captions. Raises
    INPUT_NOT_FOUND, INPUT_UNREADABLE."""
    named = _FORMS.get(path.suffix.lower())
    if named is not None:
        return named
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT_BYTES)
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    text = decoded(head)
    if text.startswith("WEBVTT"):
        return "vtt"
    if is_ass(text):
        return "ass"
    return "srt" if read_cues(head, "srt") else None


def read_captions(path: Path, form: str) -> Captions:
    """Of a file. Raises MEDIA_UNRECOGNISED for one that is not of `form`, with its first line."""
    if path.stat().st_size > _MOST_BYTES:
        raise ReelError(
            Code.MEDIA_UNRECOGNISED, f"it has more than {_MOST_BYTES >> 20} MiB", where=str(path)
        )
    data = path.read_bytes()
    text = decoded(data)
    is_vtt = form == "vtt" or text.startswith("WEBVTT")
    cues = read_cues(data, form)
    if form == "ass":
        lost: tuple[tuple[int, str], ...] = ()
        wanted = None if is_ass(text) or not text.strip() else "no section [Events]"
    else:
        lost = tuple(unread(text, "vtt" if is_vtt else "srt"))
        wanted = _missing(text, is_vtt=is_vtt, has_cues=bool(cues))
    if wanted is not None:
        raise _refused(path, text, wanted)
    return Captions("vtt" if is_vtt and form != "ass" else form, cues, lost)


def _missing(text: str, *, is_vtt: bool, has_cues: bool) -> str | None:
    """What the file lacks. Nothing in it is no captions, and no mistake."""
    if has_cues:
        return None
    if is_vtt:
        lines = text.splitlines()
        signed = bool(lines) and lines[0].split(None, 1)[:1] == ["WEBVTT"]
        return None if signed else "no WEBVTT in the first line"
    return "no line of times (00:00:01,000 --> 00:00:02,500)" if text.strip() else None


def _refused(path: Path, text: str, wanted: str) -> ReelError:
    """Names the first line that says anything."""
    at, line = next(
        ((n, said) for n, said in enumerate(text.splitlines(), 1) if said.strip()), (1, "")
    )
    shown = line.strip()[:60]
    return ReelError(
        Code.MEDIA_UNRECOGNISED,
        f"line {at} is '{shown}', and there is {wanted}",
        where=str(path),
        hint="captions are WebVTT (.vtt), SubRip (.srt) or SubStation (.ass)",
        evidence={"line": at},
    )


async def read_track(app: App, path: Path, info: MediaInfo, track: int) -> Captions:
    """The cues of a video's text track, counted from 0. Raises STREAM_MISSING, and what running a
    job raises."""
    stream = _track(path, info, track)
    # SubStation too: FFmpeg writes its dialogue in an order that the header of the track may deny.
    form = "vtt" if stream.codec == "webvtt" else "srt"
    folder = app.home / "analyses" / f"captions-{info.sha256[:16]}-{track}"
    from reelwright.app.wiring import make_folder

    make_folder(folder)
    try:
        await _extract(app, path, folder, f"media.subtitle:{track}", f"captions.{form}")
        return read_captions(folder / f"captions.{form}", form)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _track(path: Path, info: MediaInfo, track: int) -> SubtitleStream:
    found = [s for s in info.streams if isinstance(s, SubtitleStream)]
    if track >= len(found):
        there = f"it has {len(found)}" if found else "it has none"
        raise ReelError(
            Code.STREAM_MISSING,
            f"there is no track {track} of captions: {there}",
            where=str(path),
            hint="`reel transcribe` writes down what is said"
            if not found
            else "tracks count from 0",
        )
    if found[track].is_bitmap:
        raise ReelError(
            Code.STREAM_MISSING,
            f"track {track} of captions is pictures ({found[track].codec}), not text",
            where=str(path),
            hint="burn it in with ffmpeg, then `reel read-text`; or take another --track",
        )
    return found[track]


async def _extract(app: App, path: Path, folder: Path, ref: str, name: str) -> None:
    import json

    from reelwright.app.request import Request
    from reelwright.app.submit import submit_and_run
    from reelwright.errors import Problem

    body = {
        "version": 1,
        "inputs": {"media": {"path": str(path).replace("${", "$${"), "glob": False}},
        "outputs": [{"from": ref, "to": name}],
    }
    request = Request(
        text=json.dumps(body, ensure_ascii=False), base=folder, name="captions", overwrite=True
    )
    ended = await submit_and_run(app, request, lambda _: None, lambda *_: None)
    if ended.job.state.value != "succeeded":
        error = ended.job.error
        raise ReelError.of(
            Problem.from_json(error) if error else Problem(Code.CANCELLED, "it was cancelled")
        )
