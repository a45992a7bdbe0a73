"""Shots, keyframes and text candidates of one spec come from one decode; where something is encoded
they are taps of that command."""

import json
import zipfile
from pathlib import Path
from typing import Any

from tests.features.jobs import Studio, because, states
from tests.features.media import make

LOOKED = """
inputs: {in: scenes.mp4}
operations:
  - {id: found, op: shots, input: in}
  - {id: faces, op: keyframes, input: found, per_shot: 2}
  - {id: slides, op: candidates, input: faces, every: 500ms}
outputs:
  - {from: slides.shots, to: shots.json}
  - {from: slides.keyframes, to: keyframes.json}
  - {from: slides.keyframe-pictures, to: keyframes.zip}
  - {from: slides.candidates, to: candidates.json}
  - {from: slides.candidate-pictures, to: candidates.zip}
"""
ENCODED = """
  - {from: in, to: small.mp4, video: {codec: h264, preset: ultrafast}}
"""


def read(studio: Studio, name: str) -> Any:
    return json.loads(studio.path(f"{name}.json").read_text())


def test_looked_at_only(studio: Studio, scenes: Path) -> None:
    studio.bring(scenes)
    plan = studio.plan(LOOKED)
    assert [step["kind"] for step in plan["steps"]] == ["look"]
    assert "frames that tell nothing are not decoded" in because(plan)
    studio.run(LOOKED)
    check(studio)


def test_beside_an_encode(studio: Studio, scenes: Path) -> None:
    studio.bring(scenes)
    plan = studio.plan(LOOKED + ENCODED)
    assert [step["kind"] for step in plan["steps"]] == ["ffmpeg"]
    assert "one decode makes 4 results together" in because(plan)
    studio.run(LOOKED + ENCODED)
    check(studio)
    assert studio.path("small.mp4").exists()


def check(studio: Studio) -> None:
    shots = read(studio, "shots")["shots"]
    assert [shot["start_frame"] for shot in shots] == [0, 30, 60]
    keyframes = read(studio, "keyframes")["keyframes"]
    assert sorted({one["shot"] for one in keyframes}) == [0, 1, 2]
    for one in keyframes:
        shot = shots[one["shot"]]
        assert shot["start_frame"] <= one["frame"] < shot["end_frame"]
    in_pack(studio, "keyframes", [one["file"] for one in keyframes])
    found = read(studio, "candidates")
    assert found["sampled"] == 9
    assert (found["width"], found["height"], found["scale_x"]) == (160, 90, 1.0)
    times = [one["time"] for one in found["candidates"]]
    assert {0, 1.5, 3} <= set(times)
    untils = [one["until"] for one in found["candidates"]]
    assert untils == [*times[1:], 4.5]
    in_pack(studio, "candidates", [one["file"] for one in found["candidates"]])


def in_pack(studio: Studio, name: str, files: list[str]) -> None:
    with zipfile.ZipFile(studio.path(f"{name}.zip")) as pack:
        assert set(files) <= set(pack.namelist())
        assert all(pack.read(file).startswith(b"\xff\xd8") for file in files)


def test_a_picture_that_stands_still_is_one_candidate(studio: Studio, ffmpeg: Path) -> None:
    slides = ("-f", "lavfi", "-i", "color=white:s=320x240:r=10:d=6")
    text = "drawbox=x=40:y=60:w=200:h=12:color=black:t=fill:enable='gte(t,3)'"
    make(ffmpeg, studio.path("scenes.mp4"), *slides, "-vf", text, "-c:v", "libx264")
    studio.run(LOOKED.replace("500ms", "1s"))
    found = read(studio, "candidates")["candidates"]
    assert [(one["time"], one["until"]) for one in found] == [(0, 3), (3, 6)]


def test_again_it_comes_from_the_cache(studio: Studio, scenes: Path) -> None:
    studio.bring(scenes)
    studio.run(LOOKED)
    again = studio.run(LOOKED, "--overwrite")
    assert set(states(again).values()) == {"cached"}
