"""Parts of files as a job: a clip each by smart cut, or all of them joined into one reel."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwright.app.library.layout import safe_name
from reelwright.app.request import Request
from reelwright.app.search.cuts import Cut
from reelwright.errors import Code, ReelError
from reelwright.media.containers import Role, container
from reelwright.media.timecode import duration_text

REEL = "reel"
_NAME_BYTES = 120
_VIDEO, _AUDIO = "mp4", "m4a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clips:
    """A job that is ready to be submitted, and where each of its files will stand."""

    spec: Mapping[str, Any]
    paths: tuple[Path, ...]
    folder: Path

    def request(self, *, overwrite: bool = False) -> Request:
        text = json.dumps(self.spec, ensure_ascii=False)
        return Request(
            text=text, base=self.folder, name="clips", overwrite=overwrite, allow_outside=True
        )


def each(cuts: Sequence[Cut], folder: Path) -> Clips:
    """A file a cut: ``01 Title 00.12.31.mp4``. Raises FIELD_MISSING where there is nothing."""
    _refuse_none(cuts)
    width = max(2, len(str(len(cuts))))
    names = [
        safe_name(f"{n:0{width}} {cut.title} {_at(cut)}", _NAME_BYTES) + f".{_ending(cut)}"
        for n, cut in enumerate(cuts, 1)
    ]
    outputs = [{"from": f"clip-{n}", "to": name} for n, name in enumerate(names, 1)]
    paths = tuple(folder / name for name in names)
    return Clips(spec=_spec(cuts, [], outputs), paths=paths, folder=folder)


def one(cut: Cut, path: Path) -> Clips:
    """Into the file `path`."""
    outputs = [{"from": "clip-1", "to": str(path)}]
    return Clips(spec=_spec([cut], [], outputs), paths=(path,), folder=path.parent)


def joined(cuts: Sequence[Cut], path: Path) -> Clips:
    """All of them one after another in the file `path`. Raises FIELD_MISSING."""
    _refuse_none(cuts)
    inputs = [f"clip-{n}" for n in range(1, len(cuts) + 1)]
    join = {"id": REEL, "op": "concat", "inputs": inputs}
    outputs = [{"from": REEL, "to": str(path)}]
    return Clips(spec=_spec(cuts, [join], outputs), paths=(path,), folder=path.parent)


def reel_name(cuts: Sequence[Cut]) -> str:
    """``highlights.mp4``, or of the one form that all of the files have."""
    endings = {_ending(cut) for cut in cuts}
    ending = endings.pop() if len(endings) == 1 else _VIDEO
    return f"highlights.{ending}"


def clip_name(cut: Cut) -> str:
    span = f"{_at(cut)}-{_clock(float(cut.end))}"
    return safe_name(f"{cut.title} {span}", _NAME_BYTES) + f".{_ending(cut)}"


def _refuse_none(cuts: Sequence[Cut]) -> None:
    if not cuts:
        raise ReelError(
            Code.FIELD_MISSING,
            "none of what was found can be cut",
            where="--clip",
            hint="texts cannot; ask for moments of videos: in:video",
        )


def _spec(
    cuts: Sequence[Cut], more: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    names = {uri: f"video-{n}" for n, uri in enumerate(dict.fromkeys(c.uri for c in cuts), 1)}
    inputs = {
        name: uri if uri.startswith("asset:") else {"path": uri, "glob": False}
        for uri, name in names.items()
    }
    trims = [
        {
            "id": f"clip-{n}",
            "op": "trim",
            "input": names[cut.uri],
            "start": duration_text(cut.start),
            "end": duration_text(cut.end),
        }
        for n, cut in enumerate(cuts, 1)
    ]
    return {"inputs": inputs, "operations": [*trims, *more], "outputs": list(outputs)}


def _ending(cut: Cut) -> str:
    """The file's own where it is one that a clip can have: what is copied fits it."""
    own = cut.path.suffix.lower().lstrip(".")
    known = container(own)
    if known is not None and known.role in (Role.AV, Role.AUDIO):
        return own
    return _VIDEO if cut.info.video is not None else _AUDIO


def _at(cut: Cut) -> str:
    return _clock(float(cut.start))


def _clock(seconds: float) -> str:
    """For names of files, in which no colon may stand."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}.{minutes:02}.{rest:02}"
