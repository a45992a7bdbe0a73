"""An exact trim of most of a long file: by smart cut, against encoding it again."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Row, Size
from benchmarks.media import ffmpeg, frame_count, long_file, picture_start_s
from benchmarks.work import Work, workplace

_RATE = 30


def trim(size: Size) -> list[Row]:
    """9 minutes out of 10, from a time that is no keyframe's to one that is none either."""
    with workplace("trim") as work:
        total_s = round(size.seconds(600, 6))
        source = long_file(total_s)
        # On no keyframe (each 2 s) and, with 30 frames a second, between two frames.
        start_s = round(total_s * 0.05) + 0.71
        length_s = round(total_s * 0.9) - 2 + 0.4
        spec = work.spec("trim", _spec(source, start_s, length_s))
        spent = [work.job(spec, "--no-cache").cpu_s for _ in range(size.rounds)]
        # The dear one is long enough for its noise to even out: it runs once.
        whole_s = _encoded(work, source, start_s, length_s)
        wrong = _inexact(work, source, start_s)
    noise = max(spent) / min(spent)
    facts = {"reel_cpu_s": [round(s, 3) for s in spent], "encoded_cpu_s": round(whole_s, 1)}
    return [Row("exact trim, smart cut", 0.04, min(spent) / whole_s, "×", noise, facts, wrong)]


def _spec(source: Path, start_s: float, length_s: float) -> dict[str, object]:
    cut = {"id": "cut", "op": "trim", "input": "in", "start": f"{start_s}s"}
    cut["duration"] = f"{length_s}s"
    return {
        "inputs": {"in": str(source)},
        "operations": [cut],
        "outputs": [{"from": "cut", "to": "smart.mp4"}],
    }


def _encoded(work: Work, source: Path, start_s: float, length_s: float) -> float:
    """x264's cheapest usual preset: a slower one would only flatter the smart cut."""
    window = ("-ss", f"{start_s}", "-t", f"{length_s}", "-i", source)
    encode = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-c:a", "aac")
    return work.bare(*window, *encode, "-b:a", "128k", "encoded.mp4").cpu_s


def _inexact(work: Work, source: Path, start_s: float) -> tuple[str, ...]:
    """Against the encode by FFmpeg itself: as many pictures; and against the source: copied ones
    are the same to the bit, the first and last ones show the same."""
    ours, theirs = work.folder / "smart.mp4", work.folder / "encoded.mp4"
    wrong = []
    count, expected = frame_count(ours), frame_count(theirs)
    if count != expected:
        wrong.append(f"{count} frames, not {expected}")
    first = -int(-start_s * _RATE // 1)  # the first frame that starts at or after it
    for name, number in (("first", 0), ("last", expected - 1)):
        near = _psnr_db(work, ours, number, source, first + number)
        beside = max(_psnr_db(work, ours, number, source, first + number + d) for d in (-1, 1))
        if near < 30 or near <= beside:
            wrong.append(f"the {name} picture is another one: {near:.1f} dB, beside {beside:.1f}")
    return tuple(wrong)


def _psnr_db(work: Work, one: Path, number: int, other: Path, at: int) -> float:
    """How alike picture `number` of `one` and `at` of `other` are; 100 where they are the same."""
    graph = "[0:v]{0}[a];[1:v]{1}[b];[a][b]psnr=stats_file=psnr.txt"
    pick = "select=eq(n\\,0),setpts=0"
    words: tuple[str | Path, ...] = (*_seek(one, number), "-i", one, *_seek(other, at), "-i", other)
    found = work.folder / "psnr.txt"
    found.unlink(missing_ok=True)
    ffmpeg(*words, "-filter_complex", graph.format(pick, pick), "-frames:v", "1",
           "-f", "null", "-", cwd=work.folder)  # fmt: skip
    if not found.exists() or not found.read_text():
        return 0.0  # no such picture
    value = found.read_text().partition("psnr_avg:")[2].split()[0]
    return 100.0 if value == "inf" else float(value)


def _seek(path: Path, number: int) -> tuple[str, ...]:
    """To half a frame before picture `number`; `-ss` counts from the start of the file, at which
    the sound may begin before the picture."""
    return ("-ss", f"{max(0.0, picture_start_s(path) + (number - 0.5) / _RATE):.6f}")
