"""Shots, and all that is looked at in one decode, against the tools that people use for them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.measure import Row, Size, alternate, run
from benchmarks.media import clip, frame_count, kept
from benchmarks.work import Work, workplace

_LEAST_FRAMES = 30
# Each scene: part of the clip, and what makes it another place.
_SCENES = (
    ("0:4.2", "null"),
    ("1:3.5", "hflip,hue=h=120"),
    ("2:6.1", "negate"),
    ("0.5:2.4", "vflip,hue=h=220,eq=brightness=0.1"),
    ("3:7.9", "crop=iw/2:ih/2,scale=iw*2:ih*2"),
    ("0:5.3", "hue=h=60,eq=contrast=0.7"),
)


def film(seconds: float, size: str) -> tuple[Path, list[int]]:
    """A film with hard cuts, encoded as most are; and the first frames of its shots but the
    first."""
    source = clip(20 if seconds > 10 else 4, size, grain=1)
    parts: list[str] = []
    cuts: list[int] = []
    at = 0
    while at < seconds * 30:
        begin, _, end = _SCENES[len(parts) % len(_SCENES)][0].partition(":")
        frames = max(_LEAST_FRAMES, round((float(end) - float(begin)) * 30 * min(1, seconds / 20)))
        look = _SCENES[len(parts) % len(_SCENES)][1]
        start = round(float(begin) * 30 * min(1, seconds / 20))
        parts.append(
            f"[0:v]trim=start_frame={start}:end_frame={start + frames},setpts=PTS-STARTPTS,"
            f"{look},setsar=1,format=yuv420p[s{len(parts)}]"
        )
        cuts.append(at)
        at += frames
    joined = "".join(f"[s{n}]" for n in range(len(parts)))
    graph = ";".join([*parts, f"{joined}concat=n={len(parts)}[v]"])
    words = ("-i", str(source), "-filter_complex", graph, "-map", "[v]", "-c:v", "libx264")
    quality = ("-preset", "medium", "-crf", "23", "-threads", "2")
    return kept(f"film-{size}-{seconds:g}s.mp4", *words, *quality), cuts[1:]


def _detect(work: Work, source: Path, *more: str) -> float:
    """PySceneDetect with its own defaults."""
    program = Path(sys.executable).with_name("scenedetect")
    argv: list[str | Path] = [
        program,
        "-q",
        "-i",
        source,
        "-o",
        work.folder,
        "detect-adaptive",
        *more,
    ]
    return run(argv, work.folder).cpu_s


def shots(size: Size) -> list[Row]:
    """`reel shots` against PySceneDetect's adaptive detector; the cuts are known."""
    with workplace("shots") as work:
        return [_shots(work, size, frame) for frame in ("1920x1080", "1280x720")]


def _shots(work: Work, size: Size, frame: str) -> Row:
    source, cuts = film(size.seconds(60, 2), frame)
    found: list[int] = []

    def ours() -> float:
        cost = work.reel("shots", source, "--json", "--no-cache")
        found[:] = [shot["start_frame"] for shot in json.loads(cost.stdout)["shots"][1:]]
        return cost.cpu_s

    took = alternate(
        size.rounds,
        {
            "reel": ours,
            "scenedetect": lambda: _detect(work, source, "list-scenes", "-n"),
            "bare-decode": lambda: work.bare("-i", source, "-map", "0:v", "-f", "null", "-").cpu_s,
        },
    )
    ratio = took.best("reel") / took.best("scenedetect")
    facts = {**took.facts(), "frames": frame_count(source), "cuts": len(cuts)}
    wrong = _missed(found, cuts)
    return Row(f"shots of {frame}", 0.6, ratio, "×", took.noise(), facts, wrong)


def _missed(found: list[int], cuts: list[int]) -> tuple[str, ...]:
    missing = [cut for cut in cuts if not any(abs(cut - one) <= 1 for one in found)]
    extra = [one for one in found if not any(abs(cut - one) <= 1 for cut in cuts)]
    said = [f"cut {cut} is not found" for cut in missing]
    return (*said, *(f"{one} is no cut" for one in extra))


def analysis_pass(size: Size) -> list[Row]:
    """Shots, keyframes, a sprite sheet and text candidates by one spec, against the same by
    PySceneDetect and three FFmpeg commands."""
    with workplace("analysis-pass") as work:
        source, cuts = film(size.seconds(60, 2), "1920x1080")
        spec = work.spec("pass", _spec(source))
        took = alternate(
            size.rounds,
            {
                "reel": lambda: work.job(spec, "--no-cache").cpu_s,
                "separate": lambda: _separate(work, source),
            },
        )
        said = json.loads((work.folder / "shots.json").read_text())["shots"]
        wrong = _missed([shot["start_frame"] for shot in said[1:]], cuts)
        pictured = json.loads((work.folder / "keyframes.json").read_text())["keyframes"]
        if {one["shot"] for one in pictured} != set(range(len(said))):
            wrong = (*wrong, "a shot has no keyframe")
    ratio = took.best("reel") / took.best("separate")
    facts = {**took.facts(), "frames": frame_count(source)}
    return [Row("analysis in one pass", 0.4, ratio, "×", took.noise(), facts, wrong)]


def _spec(source: Path) -> dict[str, object]:
    return {
        "inputs": {"in": str(source)},
        "operations": [
            {"id": "found", "op": "shots", "input": "in"},
            {"id": "faces", "op": "keyframes", "input": "found"},
            {"id": "slides", "op": "candidates", "input": "faces"},
            {"id": "sheet", "op": "thumbnail", "input": "in", "sprite": {"interval": "5s"}},
        ],
        "outputs": [
            {"from": "slides.shots", "to": "shots.json"},
            {"from": "slides.keyframes", "to": "keyframes.json"},
            {"from": "slides.keyframe-pictures", "to": "keyframes.zip"},
            {"from": "slides.candidates", "to": "candidates.json"},
            {"from": "slides.candidate-pictures", "to": "candidates.zip"},
            {"from": "sheet", "to": "sheet.jpg"},
            {"from": "sheet.vtt", "to": "sheet.vtt"},
        ],
    }


def _separate(work: Work, source: Path) -> float:
    keyframes = ("-vf", "thumbnail=150,scale=640:-2", "-fps_mode", "vfr", "-q:v", "2", "k%05d.jpg")
    candidates = ("-vf", "fps=1,scale=1280:-2", "-q:v", "2", "c%05d.jpg")
    sprite = ("-vf", "fps=1/5:round=up,scale=160:-2,tile=10x10", "-frames:v", "1", "sheet-bare.jpg")
    spent = _detect(work, source, "list-scenes", "-q")
    return spent + sum(
        work.bare("-i", source, "-an", *words).cpu_s for words in (keyframes, candidates, sprite)
    )
