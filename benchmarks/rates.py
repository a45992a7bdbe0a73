"""Measures the table of rates that estimates begin with (`planning/estimate.py`).

Each is CPU-seconds per megapixel-frame of pictures, or per second of sound: what a command costs
with it beyond what the same command costs without it. A machine learns its own rates as jobs run,
so the bar is wide: beside how fast the machine is (the median over all rates), none may be off by
more than three times. What is off by half is worth a look.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, Size, repeat
from benchmarks.media import clip, ffmpeg
from benchmarks.work import Work, workplace
from reelwright.planning import estimate

_WIDTH, _HEIGHT, _RATE = 1280, 720, 30
_FILTERS = {
    "scale": "scale=960:540:flags=bicubic",
    "overlay": "split[a][b];[b]crop=320:180[c];[a][c]overlay=10:10",
    "drawtext": "drawtext=fontfile={font}:text=Reelwright:fontsize=48",
    "pad": "pad=1300:740:10:10",
    "transpose": "transpose=1",
    "rotate": "rotate=0.1",
    "xfade": "split[a][b];[a][b]xfade=duration=1:offset=0",
    "thumbnail": "thumbnail=30",
}
_SOUNDS = {
    "loudnorm": "loudnorm",
    "ebur128": "ebur128=peak=true",
    "alimiter": "alimiter",
}
_SOUND_S = 120.0


def rates(size: Size) -> list[Row]:
    seconds = size.seconds(6)
    with workplace("rates") as work:
        found = dict(_pictures(work, seconds, size.rounds))
        found |= dict(_sounds(work, size.seconds(_SOUND_S), size.rounds))
    # A machine of half the speed has twice the rates: that is not the table's fault.
    factors = {name: max(m, 1e-7) / table for name, (table, m) in found.items()}
    speed = statistics.median(factors.values())
    rows = []
    for name, (table, measured) in found.items():
        off = max(factors[name] / speed, speed / factors[name])
        facts = {"table": table, "measured": round(measured, 6), "machine": round(speed, 3)}
        rows.append(Row(f"rate of {name}", 3.0, off, "× off", 1.0, facts))
    return rows


Measured = Iterator[tuple[str, tuple[float, float]]]


def _pictures(work: Work, seconds: float, rounds: int) -> Measured:
    source = clip(seconds, f"{_WIDTH}x{_HEIGHT}")
    units = seconds * _RATE * _WIDTH * _HEIGHT / 1e6

    def cost(*words: str | Path) -> float:
        return repeat(rounds, lambda: work.bare(*words).cpu_s).best("reel")

    def alone(path: Path) -> float:
        return cost("-i", path, "-map", "0:v", "-f", "null", "-")

    start = cost("-version")
    decode = alone(source)
    yield "decode.h264", (estimate._DECODE["h264"], (decode - start) / units)
    for codec, encoder in (("hevc", "libx265"), ("vp9", "libvpx-vp9"), ("av1", "libsvtav1")):
        made = _encoded(work, source, encoder)
        yield f"decode.{codec}", (estimate._DECODE[codec], (alone(made) - start) / units)
    for name, text in _FILTERS.items():
        graph = text.format(font=_font())
        spent = cost("-i", source, "-filter_complex", f"[0:v]{graph}", "-f", "null", "-")
        yield f"filter.{name}", (estimate._FILTER[name], (spent - decode) / units)
    for encoder, options in _ENCODERS.items():
        words: tuple[str | Path, ...] = (
            "-i",
            source,
            "-map",
            "0:v",
            "-c:v",
            encoder,
            *options,
            "-f",
            "null",
            "-",
        )
        share = estimate._PRESET["veryfast"] if "veryfast" in options else 1.0
        table = estimate._ENCODE[encoder] * share
        yield f"encode.{encoder}", (table, (cost(*words) - decode) / units)


_ENCODERS = {
    "libx264": ("-preset", "veryfast"),
    "libx265": ("-preset", "veryfast", "-x265-params", "log-level=none"),
    "mjpeg": ("-q:v", "3", "-pix_fmt", "yuvj420p"),
    "prores_ks": (),
    "ffv1": (),
}


def _encoded(work: Work, source: Path, encoder: str) -> Path:
    fast = {
        "libx265": ("-preset", "ultrafast", "-x265-params", "log-level=none"),
        "libvpx-vp9": ("-deadline", "realtime", "-cpu-used", "8", "-b:v", "3M"),
        "libsvtav1": ("-preset", "12"),
    }
    path = work.folder / f"{encoder}.mkv"
    ffmpeg("-i", source, "-map", "0:v", "-c:v", encoder, *fast[encoder], path)
    return path


def _sounds(work: Work, seconds: float, rounds: int) -> Measured:
    source = work.folder / "sound.wav"
    noise = f"anoisesrc=d={seconds:g}:r=48000:a=0.3,aformat=channel_layouts=stereo"
    ffmpeg("-f", "lavfi", "-i", noise, source)

    def cost(*words: str) -> float:
        argv: tuple[str | Path, ...] = ("-i", source, *words, "-f", "null", "-")
        return repeat(rounds, lambda: work.bare(*argv).cpu_s).best("reel")

    decode = cost()
    for name, text in _SOUNDS.items():
        spent = cost("-af", text)
        yield f"audio.{name}", (estimate._AUDIO_SECOND[name], (spent - decode) / seconds)
    for encoder in ("aac", "libopus", "libmp3lame", "flac"):
        spent = cost("-c:a", encoder)
        yield f"audio.{encoder}", (estimate._AUDIO_SECOND[encoder], (spent - decode) / seconds)


def _font() -> Path:
    import reelwright

    return Path(reelwright.__file__).parent / "assets/fonts/DejaVuSans.ttf"
