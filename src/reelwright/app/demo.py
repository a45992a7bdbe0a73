"""A sample video where there is none, a spec that suits the video, ready to be run."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.inputs import existing
from reelwright.app.probe import probe_file
from reelwright.app.request import Request
from reelwright.app.wiring import make_folder
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.media.info import MediaInfo

SPEC = "demo.yaml"
_SAMPLE = "sample.mp4"
_RATE, _SIZE, _SCENE_S = 30, "1280x720", 4
# Three pictures that nobody takes for each other, and a note for each: A4, C sharp 5, E5.
_SCENES = (
    (f"gradients=s={_SIZE}:r={_RATE}:speed=0.02:c0=0x1d4ed8:c1=0x9333ea:c2=0xf59e0b", "one", 440),
    (f"testsrc2=s={_SIZE}:r={_RATE}", "two", 554),
    (f"smptehdbars=s={_SIZE}:r={_RATE}", "three", 659),
)
_LONGEST = Fraction(30)

_TEMPLATE = """\
# Written by `reel demo`. Change it and run it again: reel run demo.yaml
inputs:
  video: {path}
operations:
  - {{id: cut, op: trim, input: video, start: {start}, duration: {length}}}
  - id: title
    op: drawtext
    input: cut
    text: Made with Reelwright
    size: 6%
    box: true
    end: {half}
    fade: {fade}
  - {{id: level, op: loudnorm, input: title, target: -16}}
  - {{id: large, op: scale, input: {source}, height: 720, upscale: false}}
  - {{id: small, op: scale, input: {source}, height: 360, upscale: false}}
  - {{id: still, op: thumbnail, input: cut, at: [{third}], width: 640}}
  - {{id: wave, op: waveform, input: level}}
outputs:
  - {{from: large, to: large.mp4, video: {{codec: h264, crf: 22, preset: veryfast}}}}
  - {{from: small, to: small.mp4, video: {{codec: h264, crf: 24, preset: veryfast}}}}
  - {{from: still, to: still.jpg}}
  - {{from: wave.video, to: wave.png}}
  - {{from: wave.peaks, to: wave.json}}
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    """`made` says whether the video is ours."""

    folder: Path
    video: Path
    request: Request
    made: bool


async def prepare(app: App, video: Path | None, folder: Path) -> Prepared:
    """Writes the spec (and the sample) into `folder`; both paths are absolute.

    Raises INPUT_*, MEDIA_*, TOOL_*.
    """
    make_folder(folder)
    chosen = folder / _SAMPLE if video is None else existing(video)
    if video is None:
        await make_sample(app, chosen)
    info = await probe_file(app, chosen)
    if info.is_image or info.video is None:
        raise ReelError(
            Code.MEDIA_NO_STREAMS, f"{chosen.name} has no moving picture", where=str(chosen)
        )
    text = spec_text(_SAMPLE if video is None else str(chosen), info)
    (folder / SPEC).write_text(text, "utf-8")
    request = Request(text=text, base=folder, name=SPEC, overwrite=True)
    return Prepared(folder, chosen, request, video is None)


def spec_text(path: str, info: MediaInfo) -> str:
    """The spec of the demonstration: what the video has no sound for is left out."""
    whole = min(info.duration or _LONGEST, _LONGEST)
    length = whole * 8 / 10
    values = {
        "path": json.dumps(path),
        "start": _s(whole / 10),
        "length": _s(length),
        "half": _s(length / 2),
        "third": _s(length / 3),
        "fade": _s(min(length / 10, Fraction(1, 2))),
        "source": "title" if info.audio is None else "level",
    }
    lines = _TEMPLATE.format(**values).splitlines(keepends=True)
    return "".join(line for line in lines if info.audio is not None or not _is_sound(line))


def _is_sound(line: str) -> bool:
    return line.startswith(("  - {id: level", "  - {id: wave", "  - {from: wave"))


def _s(seconds: Fraction) -> str:
    """Seconds as a spec has them, whole milliseconds."""
    return f"{float(round(seconds * 1000)) / 1000:g}s"


async def make_sample(app: App, target: Path) -> None:
    """Twelve seconds: three scenes, a text in each, a note for each. Raises TOOL_*, DISK_FULL."""
    import reelwright
    from reelwright.tools.process import Command, run_command
    from reelwright.tools.sandbox import Confinement

    font = Path(reelwright.__file__).parent / "assets" / "fonts" / "DejaVuSans.ttf"
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".sample-") as made:
        workspace = Path(made)
        # The font's own path may hold anything; in a filter graph only a plain name may stand.
        shutil.copyfile(font, workspace / "font.ttf")
        walls = Confinement(write=(workspace,)) if app.is_sandboxed else None
        done = await run_command(
            Command(
                argv=(str(app.tools.ffmpeg), *_arguments()),
                cwd=workspace,
                confinement=walls,
                timeout_s=300.0,
            )
        )
        if done.exit_code != 0:
            raise ReelError(
                Code.TOOL_FAILED,
                "the sample video could not be made",
                evidence={"stderr": list(done.stderr_tail)},
            )
        (workspace / _SAMPLE).replace(target)


def _arguments() -> list[str]:
    graph = []
    for number, (picture, name, note) in enumerate(_SCENES):
        graph.append(
            f"{picture}:d={_SCENE_S},drawtext=fontfile=font.ttf:text='Scene {name}':fontsize=72:"
            f"fontcolor=white:box=1:boxcolor=black@0.5:boxborderw=16:x=(w-tw)/2:y=80,"
            f"format=yuv420p,setsar=1[v{number}]"
        )
        # A plucked note twice a second: something for the waveform to show.
        pluck = f"0.5*sin(2*PI*{note}*t)*exp(-5*mod(t\\,0.5))"
        graph.append(f"aevalsrc=exprs='{pluck}':s=48000:d={_SCENE_S}[a{number}]")
    pairs = "".join(f"[v{i}][a{i}]" for i in range(len(_SCENES)))
    graph.append(f"{pairs}concat=n={len(_SCENES)}:v=1:a=1[v][a]")
    return [
        *("-nostdin", "-hide_banner", "-loglevel", "warning", "-y"),
        *("-filter_complex", ";".join(graph), "-map", "[v]", "-map", "[a]"),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-c:a", "aac", "-b:a", "128k"),
        *("-movflags", "+faststart", f"file:{_SAMPLE}"),
    ]
