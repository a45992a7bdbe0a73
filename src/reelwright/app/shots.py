"""Shots for other programs: tables, edit lists, pictures in a folder."""

from __future__ import annotations

import csv
import json
import tempfile
import zipfile
from collections.abc import Mapping
from fractions import Fraction
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.media.streams import VideoStream
    from reelwright.tools.decode.job import Job

# A few seconds of work: a job, with its rows, its cache and its bars, would take as long.
_STRAIGHT_BYTES = 100_000_000
_MIN_LENGTH = Fraction(3, 5)
_COLUMNS = ("shot", "start", "end", "start_frame", "end_frame")


async def straight(app: App, path: Path, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """The shots of a short file at once, without a job; None where a job has to look, or to say
    what is wrong. `asked`: parameters of a `shots` operation. Raises INPUT_*, MEDIA_*,
    STREAM_MISSING, SANDBOX_*, TOOL_*."""
    from reelwright.analysis.shots import MIN_DIFFERENCE, can_look
    from reelwright.tools.probe import probe
    from reelwright.tools.probe.refusal import checked_file

    checked_file(path)
    if _is_large(path):
        return None
    most = app.settings.limits.max_pixels
    info = await probe(path, app.tools, sha256="", sandbox=app.is_sandboxed, max_pixels=most)
    video = info.video
    if video is None or video.is_still:
        raise ReelError(
            Code.STREAM_MISSING, f"there is no moving picture in {path.name}", where=str(path)
        )
    length = _length(asked.get("min_shot_length"), video.frame_rate)
    threshold = asked.get("threshold")
    is_odd = info.damage or not can_look(video) or not video.frame_rate or length is None
    if is_odd or not (threshold is None or 0 < threshold <= _MOST_DIFFERENCE):
        return None
    params = {
        "rate": str(video.frame_rate),
        "detector": asked["detector"],
        "threshold": threshold,
        "min_difference": MIN_DIFFERENCE,
        "min_shot": str(length),
    }
    return await _looked(app, path, info.demuxer, video, params)


_MOST_DIFFERENCE = 765


def _is_large(path: Path) -> bool:
    return path.stat().st_size > _STRAIGHT_BYTES


def _length(text: str | None, rate: Fraction | None) -> Fraction | None:
    from reelwright.media.timecode import parse_time, seconds

    if text is None:
        return _MIN_LENGTH
    try:
        return seconds(parse_time(text), rate)
    except ValueError:
        return None


async def _looked(
    app: App, path: Path, demuxer: str, video: VideoStream, params: dict[str, Any]
) -> dict[str, Any] | None:
    from reelwright.analysis.shots import shots_json
    from reelwright.tools.decode.child import look

    job = _job(path, demuxer, video, params)
    with tempfile.TemporaryDirectory(prefix="reel-shots-") as folder:
        log = Path(folder) / "log.txt"
        outcome = await look(job, Path(folder), log=log, sandbox=app.is_sandboxed)
    if outcome.reason is not None:
        return None
    (raw,) = outcome.results
    found = [(first, end) for first, end in raw["shots"]]
    return shots_json(found, Fraction(params["rate"]), raw["count"])


def _job(path: Path, demuxer: str, video: VideoStream, params: dict[str, Any]) -> Job:
    from reelwright.tools.decode.job import SHOTS, Job, Wish

    assert video.index is not None
    assert video.rotation_deg is not None
    return Job(
        input=str(path.resolve()),
        demuxer=demuxer,
        stream=video.index,
        rotation_deg=video.rotation_deg,
        duration_s=None if video.duration is None else float(video.duration),
        wishes=(Wish(analyser=SHOTS, params=params),),
    )


def as_csv(found: Mapping[str, Any]) -> str:
    """A line a shot, counted from 1; times in seconds, `end` and `end_frame` are those after the
    last frame."""
    to = StringIO()
    lines = csv.writer(to, lineterminator="\n")
    lines.writerow(_COLUMNS)
    for shot in found["shots"]:
        lines.writerow([shot["index"] + 1, *(shot[name] for name in _COLUMNS[1:])])
    return to.getvalue()


async def as_edit_list(app: App, form: str, found: Mapping[str, Any], path: Path) -> str:
    """`form`: ``edl`` (CMX 3600) or ``otio``; every shot after the other, as they are in the video
    at `path`."""
    from reelwright.app.inputs import existing
    from reelwright.app.probe import probe_file
    from reelwright.app.search.cuts import Cut
    from reelwright.app.search.edit_lists import written

    info = await probe_file(app, existing(path))
    cuts = [
        Cut(
            subject=str(path),
            uri=str(path),
            path=path,
            info=info,
            title=path.stem,
            start=Fraction(shot["start_exact"]),
            end=Fraction(shot["end_exact"]),
            text=f"shot {shot['index'] + 1}",
        )
        for shot in found["shots"]
    ]
    return written(form, cuts, path.stem)


def unpack(folder: Path, to: Path, *, overwrite: bool) -> dict[str, Any]:
    """Takes the keyframes that an analysis left in `folder` (``keyframes.json``, ``pictures.zip``)
    to the folder `to`: ``shot-0001.jpg``, with a second number where a shot has several. Gives
    ``{"keyframes": […]}`` whose `file`s are where the pictures are. Raises OUTPUT_EXISTS before
    anything is written, OUTPUT_PATH, PERMISSION_DENIED, DISK_FULL."""
    from reelwright.store.blobs import refused

    chosen = json.loads((folder / "keyframes.json").read_text("utf-8"))["keyframes"]
    names = _names(chosen)
    taken = next((to / name for name in names if (to / name).exists()), None)
    if taken is not None and not overwrite:
        raise ReelError(Code.OUTPUT_EXISTS, f"{taken} exists", where=str(taken))
    try:
        to.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(folder / "pictures.zip") as pack:
            for one, name in zip(chosen, names, strict=True):
                part = to / f".{name}.part"
                part.write_bytes(pack.read(one["file"]))
                part.replace(to / name)
    except OSError as error:
        raise refused(error, to) from error
    return {
        "keyframes": [
            {**one, "file": str(to / name)} for one, name in zip(chosen, names, strict=True)
        ]
    }


def _names(chosen: list[dict[str, Any]]) -> list[str]:
    shots = [one["shot"] for one in chosen]
    names: list[str] = []
    for at, shot in enumerate(shots):
        several = f"-{shots[:at].count(shot) + 1}" if shots.count(shot) > 1 else ""
        names.append(f"shot-{shot + 1:04d}{several}.jpg")
    return names
