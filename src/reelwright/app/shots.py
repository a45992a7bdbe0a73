"""Shots for other programs: tables, edit lists, pictures in a folder."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Mapping
from fractions import Fraction
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App

_COLUMNS = ("shot", "start", "end", "start_frame", "end_frame")


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
