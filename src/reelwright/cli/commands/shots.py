"""`reel shots`: where the cuts of a video are, as a table, as JSON, and as lists for editors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson, Walls
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App

app = typer.Typer(add_completion=False)


class Form(StrEnum):
    """What is printed or written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    EDL = "edl"
    OTIO = "otio"


class How(StrEnum):
    ADAPTIVE = "adaptive"
    CONTENT = "content"


@app.command()
def shots(  # size: one line an option
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A video.")],
    as_json: AsJson = False,
    form: Annotated[
        Form | None,
        typer.Option(
            "--format",
            help="table, json; csv: for spreadsheets; edl (CMX 3600), otio (OpenTimelineIO): for"
            " editors. Left out: by the ending of OUT, else table.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="Write it there, and print nothing."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is at OUT or in DIR.")
    ] = False,
    keyframes: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Also put a picture of each shot there, found in the same decode."
        ),
    ] = None,
    per_shot: Annotated[
        int, typer.Option(min=1, max=20, help="Pictures of each shot, with --keyframes.")
    ] = 1,
    detector: Annotated[
        How,
        typer.Option(
            help="adaptive: a change that stands out from those around it, so that fast motion is"
            " no cut. content: any change above the threshold."
        ),
    ] = How.ADAPTIVE,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="adaptive: how many times the change of its neighbours (left out: 3). content:"
            " mean difference of two frames, 0 to 765 (left out: 30). Higher finds fewer."
        ),
    ] = None,
    min_length: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="A shot is at least this long (left out: 0.6s)."),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Look at it anew.")] = False,
    sandbox: Walls = None,
) -> None:
    """Find the shots of a video: from cut to cut, to the frame.

    Frames that cannot begin a shot are not even decoded, so this takes less than playing the file
    once would. A large file is a job that goes on where it was stopped.

    Examples: `reel shots talk.mp4`, `reel shots talk.mp4 --json | jq '.shots | length'`,
    `reel shots talk.mp4 -o talk.edl`, `reel shots talk.mp4 --keyframes pictures/`
    """
    from reelwright.cli.single import refuse_server
    from reelwright.cli.use import opened, sandbox_flag

    refuse_server("shots")
    wanted = Form.JSON if as_json else _form(form, output)
    if output is not None and not overwrite and output.exists():
        # Known before an hour of looking.
        raise ReelError(Code.OUTPUT_EXISTS, f"{output} exists", where="--output")
    said = {"threshold": threshold, "min_shot_length": min_length}
    asked: dict[str, Any] = {n: value for n, value in said.items() if value is not None}
    asked["detector"] = detector.value
    with opened(sandbox=sandbox_flag(sandbox)) as used:
        if keyframes is None:
            found = _found(used, file.absolute(), asked, use_cache=not no_cache)
        else:
            wish = _Wish(keyframes, per_shot, overwrite)
            found = _pictured(used, file.absolute(), asked, wish, use_cache=not no_cache)
        _give(used, found, wanted, file, output, overwrite=overwrite)


@dataclass(frozen=True)
class _Wish:
    """Pictures: where to, how many of each shot, and whether over others."""

    folder: Path
    per_shot: int
    overwrite: bool


def _form(form: Form | None, output: Path | None) -> Form:
    """Raises USAGE for an ending that says nothing."""
    if form is not None:
        return form
    if output is None:
        return Form.TABLE
    ending = output.suffix.lower().removeprefix(".")
    if ending not in set(Form) - {Form.TABLE}:
        raise ReelError(
            Code.USAGE,
            f"the ending of '{output.name}' does not say what to write",
            where="--output",
            hint="end it in .csv, .edl, .otio or .json, or say --format",
        )
    return Form(ending)


def _found(used: App, path: Path, asked: dict[str, Any], *, use_cache: bool) -> dict[str, Any]:
    from reelwright.app.inputs import existing
    from reelwright.app.shots import straight
    from reelwright.cli.single import analysed
    from reelwright.cli.use import run

    if (at_once := run(lambda: straight(used, existing(path), asked))) is not None:
        return at_once
    operation = {"id": "found", "op": "shots", "input": "media", **asked}
    found: dict[str, Any] = analysed(used, path, [operation], "found.shots", use_cache=use_cache)
    return found


def _pictured(
    used: App, path: Path, asked: dict[str, Any], wish: _Wish, *, use_cache: bool
) -> dict[str, Any]:
    """The shots, with ``keyframes`` beside them; their files are in the folder."""
    from reelwright.app.shots import unpack
    from reelwright.cli.single import analysed

    operations = [
        {"id": "found", "op": "shots", "input": "media", **asked},
        {"id": "faces", "op": "keyframes", "input": "found", "per_shot": wish.per_shot},
    ]
    pictures: dict[str, Any] = {}
    found: dict[str, Any] = analysed(
        used,
        path,
        operations,
        "faces.shots",
        use_cache=use_cache,
        beside={"keyframes.json": "faces.keyframes", "pictures.zip": "faces.keyframe-pictures"},
        take=lambda folder: pictures.update(unpack(folder, wish.folder, overwrite=wish.overwrite)),
    )
    return {**found, **pictures}


def _give(
    used: App,
    found: dict[str, Any],
    form: Form,
    file: Path,
    output: Path | None,
    *,
    overwrite: bool,
) -> None:
    if output is not None:
        from reelwright.app.search.files import put_text

        put_text(output, _text(used, found, form, file), overwrite=overwrite)
        terminal.note(f"{output}: {_count(found)}")
    elif form is Form.JSON:
        terminal.emit(found)
    elif form is Form.TABLE:
        _show(found)
    else:
        terminal.out(_text(used, found, form, file).rstrip("\n"))


def _text(used: App, found: dict[str, Any], form: Form, file: Path) -> str:
    import json

    from reelwright.app.shots import as_csv, as_edit_list
    from reelwright.cli.use import run

    if form is Form.JSON:
        return json.dumps(found, ensure_ascii=False) + "\n"
    if form in (Form.CSV, Form.TABLE):
        return as_csv(found)
    return run(lambda: as_edit_list(used, form.value, found, file.absolute()))


def _show(found: dict[str, Any]) -> None:
    terminal.table(
        ("shot", "start", "end", "length", "frames"),
        [
            (
                shot["index"] + 1,
                _clock(shot["start"]),
                _clock(shot["end"]),
                f"{shot['end'] - shot['start']:.2f} s",
                f"{shot['start_frame']} – {shot['end_frame'] - 1}",
            )
            for shot in found["shots"]
        ],
        right="shot start end length",
    )
    pictures = found.get("keyframes")
    if pictures:
        terminal.note(f"{len(pictures)} pictures in {Path(pictures[0]['file']).parent}")


def _count(found: dict[str, Any]) -> str:
    count = len(found["shots"])
    return "1 shot" if count == 1 else f"{count} shots"


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    minutes, s = divmod(whole, 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}.{thousandths:03d}"
