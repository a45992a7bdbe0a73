"""Encodes: what Reelwright adds to one, and what one plan saves over separate commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.measure import Row, Size, alternate
from benchmarks.media import clip, frame_count, frames_hash, picture
from benchmarks.work import Work, workplace

_RUNGS = ((1280, 720), (854, 480), (640, 360))
_X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-threads:v", "2")
_AAC = ("-c:a", "aac", "-b:a", "128k")
_VIDEO = {"codec": "h264", "crf": 23, "preset": "veryfast"}
_AUDIO = {"codec": "aac", "bitrate": "128k"}


def overhead(size: Size) -> list[Row]:
    """One encode by `reel run` against the same command by hand. The cache is not asked."""
    with workplace("overhead") as work:
        source = clip(size.seconds(20))
        to = {"from": "in", "to": "reel.mp4", "video": _VIDEO, "audio": _AUDIO}
        spec = work.spec("one", {"inputs": {"in": str(source)}, "outputs": [to]})
        took = alternate(
            size.rounds,
            {
                "reel": lambda: work.job(spec, "--no-cache").cpu_s,
                "bare": lambda: work.bare("-i", source, *_X264, *_AAC, "bare.mp4").cpu_s,
            },
        )
        wrong = _differ(work, [("reel.mp4", "bare.mp4")])
    bare, ours = took.best("bare"), took.best("reel")
    facts = {**took.facts(), "added_cpu_s": round(ours - bare, 3), "ratio": round(ours / bare, 3)}
    name = "one encode (bar: 1.03 × bare + 0.6 s)"
    return [Row(name, round(1.03 * bare + 0.6, 3), ours, "CPU-s", took.noise(), facts, wrong)]


def ladder(size: Size) -> list[Row]:
    """Three rungs from one 1080p file against three commands; then with cascading allowed."""
    with workplace("ladder") as work:
        source = clip(size.seconds(20))
        plain = work.spec("ladder", _ladder(source, "plain", cascade=False))
        cascaded = work.spec("cascade", _ladder(source, "cascade", cascade=True))

        def separate() -> float:
            return sum(_rung(work, source, w, h) for w, h in _RUNGS)

        took = alternate(
            size.rounds,
            {
                "separate": separate,
                "ladder": lambda: work.job(plain, "--no-cache").cpu_s,
                "cascade": lambda: work.job(cascaded, "--no-cache").cpu_s,
            },
        )
        pairs = [(f"plain-{h}.mp4", f"bare-{h}.mp4") for _, h in _RUNGS]
        wrong = _differ(work, pairs)
        counts = {f: frame_count(work.folder / f) for f in (f"cascade-{h}.mp4" for _, h in _RUNGS)}
        lost = tuple(f"{f} has {n} frames" for f, n in counts.items() if n != frame_count(source))
    base, noise, facts = took.best("separate"), took.noise(), took.facts()
    return [
        Row("ladder, equal pixels", 0.80, took.best("ladder") / base, "×", noise, facts, wrong),
        Row("ladder, cascading", 0.75, took.best("cascade") / base, "×", noise, facts, lost),
    ]


def _ladder(source: Path, name: str, *, cascade: bool) -> dict[str, Any]:
    rungs = [{"id": f"r{h}", "op": "scale", "input": "in", "width": w, "height": h,
              "cascade": cascade} for w, h in _RUNGS]  # fmt: skip
    outs = [{"from": f"r{h}", "to": f"{name}-{h}.mp4", "video": _VIDEO, "audio": _AUDIO}
            for _, h in _RUNGS]  # fmt: skip
    return {"inputs": {"in": str(source)}, "operations": rungs, "outputs": outs}


def _rung(work: Work, source: Path, width: int, height: int) -> float:
    scale = f"scale=w={width}:h={height}:flags=bicubic,setsar=1"
    words = ("-i", source, "-vf", scale, *_X264, *_AAC, f"bare-{height}.mp4")
    return work.bare(*words).cpu_s


def chain(size: Size) -> list[Row]:
    """Five operations in a row, against one command for each."""
    with workplace("chain") as work:
        source, logo = clip(size.seconds(12)), picture()
        spec = work.spec("chain", _chain(source, logo))
        took = alternate(
            size.rounds,
            {
                "separate": lambda: _five_commands(work, source, logo),
                "reel": lambda: work.job(spec, "--no-cache").cpu_s,
            },
        )
        ours, theirs = frame_count(work.folder / "reel.mp4"), frame_count(work.folder / "c5.mp4")
        wrong = () if ours == theirs else (f"{ours} frames, not {theirs}",)
    ratio = took.best("reel") / took.best("separate")
    return [Row("five operations", 0.30, ratio, "×", took.noise(), took.facts(), wrong)]


def _chain(source: Path, logo: Path) -> dict[str, Any]:
    operations = [
        {"id": "cropped", "op": "crop", "input": "in", "width": 1920, "height": 960},
        {"id": "small", "op": "scale", "input": "cropped", "width": 1280, "height": 640},
        {"id": "mark", "op": "overlay", "inputs": {"base": "small", "over": "logo"},
         "position": "bottom-right", "margin": 16},
        {"id": "word", "op": "drawtext", "input": "mark", "text": "Reelwright"},
        {"id": "faded", "op": "fade", "input": "word", "in": "0.2s"},
    ]  # fmt: skip
    to = {"from": "faded", "to": "reel.mp4", "video": _VIDEO, "audio": _AUDIO}
    inputs = {"in": str(source), "logo": str(logo)}
    return {"inputs": inputs, "operations": operations, "outputs": [to]}


def _five_commands(work: Work, source: Path, logo: Path) -> float:
    """Each at the settings of the one that Reelwright writes: the middle files are no better."""
    import reelwright

    font = Path(reelwright.__file__).parent / "assets/fonts/DejaVuSans.ttf"
    filters = [
        "crop=1920:960",
        "scale=1280:640",
        "[0:v][1:v]overlay=W-w-16:H-h-16",
        f"drawtext=fontfile={font}:text=Reelwright:fontsize=36:x=(w-tw)/2:y=h-th-16",
        "fade=in:d=0.2",
    ]
    spent, now = 0.0, source
    for number, text in enumerate(filters, 1):
        fresh = work.folder / f"c{number}.mp4"
        inputs = ("-i", now, "-i", logo) if "[1:v]" in text else ("-i", now)
        # Only the last touches the sound, as a person would have it.
        sound = (*("-af", "afade=in:d=0.2"), *_AAC) if number == len(filters) else ("-c:a", "copy")
        spent += work.bare(*inputs, "-filter_complex", text, *_X264, *sound, fresh).cpu_s
        now = fresh
    return spent


def _differ(work: Work, pairs: list[tuple[str, str]]) -> tuple[str, ...]:
    """Pairs of files whose decoded pictures are not the same to the bit."""
    return tuple(
        f"the pictures of {ours} and {bare} differ"
        for ours, bare in pairs
        if frames_hash(work.folder / ours) != frames_hash(work.folder / bare)
    )
