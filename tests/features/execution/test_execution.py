"""Real media through real steps: sound files come out whole, broken ones end in a clear error."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, Kind, ReelError
from reelwright.media.demuxers import input_options
from reelwright.media.info import MediaInfo
from reelwright.media.streams import AudioStream, StreamKind, VideoStream
from reelwright.planning.plan import Expectation, Step, StepInput, StepKind, StepOutput
from reelwright.runners import StepContext, StepResult, run_step
from reelwright.tools.binaries import Tools, find_tools
from reelwright.tools.probe import probe

pytestmark = pytest.mark.corpus

# What is broken, and what a job makes of it. None: it is processed, with a note where one is due.
BROKEN: dict[str, Code | None] = {
    "annex-b.mp4": Code.MEDIA_TRUNCATED,
    "truncated-64bit.mp4": Code.MEDIA_TRUNCATED,
    "sample_mdat_too_long.mp4": None,
    "sample_with_invalid_nalu.mp4": None,
}
SOUND = (
    "codecs/*.mp4", "codecs/*.webm", "codecs/*.3gp", "codecs/*.avi", "codecs/*.flv", "mp4/*",
    "rotation/*.m*", "ts/s*", "audio/*", "vfr/*.mp4", "surround/*", "gif/*", "mkv/*",
)  # fmt: skip
# Long or large: the same paths run in the others.
LEFT_OUT = {
    "long_1080p_lowbitrate.mp4",
    "portrait_4k60.mp4",
    "seg-1.ts",
    "seg-2.ts",
    "sowt-with-video.mov",
    "transparency.webm",
}


@pytest.fixture(scope="module")
def tools() -> Tools:
    return find_tools()


def step_for(path: Path, info: MediaInfo, **more: Any) -> Step:
    """A small re-encode of the main picture and sound, expecting what probing found."""
    maps: list[str] = []
    streams: list[VideoStream | AudioStream] = []
    video, audio = info.video, info.audio
    if video is not None and not video.is_still:
        maps += ["-map", f"0:{video.index}", "-vf", "scale=64:64,setsar=1,format=yuv420p"]
        maps += ["-c:v", "libx264", "-preset", "ultrafast", "-fps_mode", "passthrough"]
        streams.append(VideoStream(codec="h264", width_px=64, height_px=64, rotation_deg=0))
    if audio is not None:
        maps += ["-map", f"0:{audio.index}", "-c:a", "aac", "-ac", "2"]
        streams.append(AudioStream(codec="aac", channels=2))
    exact = streams and isinstance(streams[0], VideoStream) and video
    subtitled = info.of_kind(StreamKind.SUBTITLE)  # they may last longer than what is kept here
    expect = Expectation(
        streams=tuple(streams),
        duration=None if subtitled else info.duration,
        frame_count=video.frame_count if exact and video else None,
    )
    return Step(
        id="s",
        kind=StepKind.FFMPEG,
        identity="0" * 64,
        inputs=(StepInput(name="in0", uri=str(path), demuxer=info.demuxer),),
        commands=(("ffmpeg", "-y", *input_options(info.demuxer), "-i", "in0", *maps, "out.mp4"),),
        outputs=(StepOutput(name="out.mp4", container="mp4", expect=expect),),
        **more,
    )


def run(path: Path, tools: Tools, folder: Path, **more: Any) -> StepResult:
    async def whole() -> StepResult:
        info = await probe(path, tools)
        workspace = folder / f"work-{path.name}"
        workspace.mkdir(parents=True)
        context = StepContext(
            workspace=workspace,
            files={"in0": path},
            results={},
            tools=tools,
            log=folder / f"log-{path.name}.txt",
        )
        return await run_step(step_for(path, info, **more), context)

    return asyncio.run(whole())


@pytest.mark.slow
def test_sound_files_come_out_as_long_as_they_went_in(
    corpus: Path, tools: Tools, tmp_path: Path
) -> None:
    for pattern in SOUND:
        for path in sorted(corpus.glob(pattern)):
            if path.name not in LEFT_OUT:
                result = run(path, tools, tmp_path)
                assert result.files, path.name


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_end_in_a_clear_error_or_whole(
    name: str, corpus: Path, tools: Tools, tmp_path: Path
) -> None:
    path, code = corpus / "broken" / name, BROKEN[name]
    if code is None:
        assert run(path, tools, tmp_path).files
        return
    with pytest.raises(ReelError) as caught:
        run(path, tools, tmp_path)
    assert caught.value.code is code
    assert caught.value.code.kind is Kind.MEDIA
    assert json.dumps(caught.value.problem.to_json())
    assert not (tmp_path / f"work-{name}" / "out.mp4").exists()


def test_one_bad_packet_is_noted_and_does_not_fail_the_job(
    corpus: Path, tools: Tools, tmp_path: Path
) -> None:
    result = run(corpus / "broken" / "sample_with_invalid_nalu.mp4", tools, tmp_path)
    said = " ".join(result.report["damage"])
    assert "splitting the input into NAL units" in said
    assert "expected 30 frames, got 29" in said


def test_keep_makes_of_a_broken_file_what_decodes(
    corpus: Path, tools: Tools, tmp_path: Path
) -> None:
    result = run(corpus / "broken" / "annex-b.mp4", tools, tmp_path, on_damage="keep")
    info = MediaInfo.from_json(result.report["outputs"]["out.mp4"])
    assert info.video is not None
    assert info.video.frame_count is not None
    assert 0 < info.video.frame_count <= 6
    assert result.report["damage"]
