"""`thumbnail`: pictures of a video."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from reelwright.analysis.sprite import SpriteGrid, sprite_vtt
from reelwright.analysis.stills import evenly, every, on_frames, steps
from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Value
from reelwright.graph.builder import Builder, stills
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, Strand, require_video
from reelwright.graph.params import Duration, Form, Integer, String
from reelwright.graph.params.times import parse_moment
from reelwright.media.geometry import Size
from reelwright.media.info import MediaInfo
from reelwright.media.streams import StreamKind, VideoStream
from reelwright.media.time import clock_text
from reelwright.media.timecode import Timecode, duration_text, seconds
from reelwright.operators.analyse.shots import shots_of
from reelwright.operators.fetch.origin import Asking, http_address
from reelwright.operators.video.scale import scaled
from reelwright.operators.video.sizing import Wish, picture_size, resized
from reelwright.operators.video.trim import ending, resolved

# Encoders put a keyframe at the latest every 250 frames (x264's keyint), 10 s of film: a seek
# decodes 5 s on average, so pictures closer than that come cheaper from one whole decode.
_SEEK_FROM = Fraction(5)

Moments = tuple[Fraction | Timecode, ...]


def parse_at(value: Any) -> Moments | Literal["each-shot"]:
    """One time, a list of them, or ``each-shot``. Raises ValueError."""
    if value == "each-shot":
        return "each-shot"
    if not isinstance(value, list | tuple):
        return (parse_moment(value),)
    if not value:
        raise ValueError("the list is empty")
    return tuple(parse_moment(entry) for entry in value)


def _at_text(value: Moments | str) -> Any:
    if isinstance(value, str):
        return value
    return [
        f"-{duration_text(-v)}" if isinstance(v, Fraction) and v < 0 else duration_text(v)
        for v in value
    ]


At = Annotated[
    Moments | Literal["each-shot"],
    Form(
        "list of times",
        "write times like [5s, 00:01:02.5, -10s], or each-shot",
        parse_at,
        {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "array", "minItems": 1}]},
        (["5s", "-10s"], "00:01:02.5", "each-shot"),
        _at_text,
    ),
]


class SpriteParams(Params):
    interval: Duration = Field(Fraction(10), description="Time from one picture to the next.")
    columns: Integer = Field(10, ge=1, le=100, description="Pictures beside each other.")
    rows: Integer = Field(
        10, ge=1, le=100, description="Rows of a sheet; what does not fit goes to further sheets."
    )
    width: Integer = Field(
        160, ge=16, le=1920, description="Width of one picture in pixels; its height follows."
    )


class ThumbnailParams(Asking):
    url: String | None = Field(
        None,
        description="In place of a video: the picture that the page at this address shows of it.",
    )
    at: At | None = Field(
        None,
        description=(
            "The frames on screen at these times (-10s: before the end), or each-shot: the middle"
            " of every shot."
        ),
    )
    every: Duration | None = Field(None, description="One picture each time this has passed.")
    count: Integer | None = Field(
        None, ge=1, le=1000, description="This many, evenly spread over the video."
    )
    best: Integer | None = Field(
        None,
        ge=2,
        le=10000,
        description="One: the most representative of the first this many frames (left out: 100).",
    )
    sprite: SpriteParams | None = Field(
        None,
        description=(
            "Small pictures in sheets, with the WebVTT for players under the label `vtt`:"
            " {interval, columns, rows, width}."
        ),
    )
    width: Integer | None = Field(
        None, ge=16, le=16384, description="Width in pixels; left out: the video's, or by aspect."
    )
    height: Integer | None = Field(
        None, ge=16, le=16384, description="Height in pixels; left out: the video's, or by aspect."
    )

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str | None) -> str | None:
        return None if url is None else http_address(url)

    @model_validator(mode="after")
    def _one_way(self) -> ThumbnailParams:
        ways = [w for w in ("at", "every", "count", "best", "sprite") if getattr(self, w)]
        if self.url is not None and ways:
            raise ValueError(f"`{ways[0]}` needs a video: fetch it, and leave `url` out")
        if self.url is None and self.session():
            raise ValueError(f"`{next(iter(self.session()))}` goes with `url`")
        if len(ways) > 1:
            raise ValueError(f"give one of {' and '.join(ways)}, not both")
        if self.sprite and (self.width or self.height):
            raise ValueError("the size of a sprite's pictures stands in `sprite: {width: ...}`")
        if self.every is not None and not self.every:
            raise ValueError("`every` is longer than 0")
        return self


class Thumbnail(Operator):
    name = "thumbnail"
    summary = (
        "Takes pictures: at times, at intervals, of each shot, the best one, or a sprite sheet;"
        " or fetches the one that a page shows."
    )
    params = ThumbnailParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="What the pictures are taken of."),
    )
    instead = "url"
    example = "{id: still, op: thumbnail, input: talk, at: [5s, 1m]}"

    def build(self, params: ThumbnailParams, inputs: Inputs, build: Builder) -> Bundle:
        if params.url is not None:
            return _shown(build, params, params.url)
        bundle = inputs["input"][0]
        if params.sprite is not None:
            return _sprite(build, require_video(bundle), params.sprite)
        taken = _taken(build, bundle, params)
        if params.width is None and params.height is None:
            size = picture_size(_video(taken))
            # A picture viewer knows only square pixels.
            made = scaled(build, taken, Wish(height_px=size.height_px, step=1))
        else:
            made = scaled(build, taken, Wish(params.width, params.height, step=1))
        return Bundle((made,))


def _shown(build: Builder, params: ThumbnailParams, url: str) -> Bundle:
    """The picture of the page. Raises Unknown, and MEDIA_NO_STREAMS where it shows none."""
    fetched = build.fetch(url, {}, session=params.session(), part="thumbnail", label="picture")
    media = build.result(fetched)["media"]
    if media is None:
        raise ReelError(
            Code.MEDIA_NO_STREAMS,
            f"{url} shows no picture of its video",
            where="url",
            hint="take one of the video: `fetch` it, then `thumbnail` with `best`",
        )
    bundle = build.fetched(fetched, MediaInfo.from_json(media))
    if params.width is None and params.height is None:
        return bundle
    made = scaled(build, require_video(bundle), Wish(params.width, params.height, step=1))
    return Bundle((made,))


def _video(strand: Strand) -> VideoStream:
    assert isinstance(strand.stream, VideoStream)
    return strand.stream


def _taken(build: Builder, bundle: Bundle, params: ThumbnailParams) -> Strand:
    strand = require_video(bundle)
    video = _video(strand)
    if params.at == "each-shot":
        middles = [shot.middle for shot in shots_of(build, bundle)]
        return build.still(strand, _distinct(_snapped(video, middles)))
    if params.at is not None:
        return build.still(strand, _asked(video, params.at))
    if params.every is not None:
        interval = _interval(params.every, video, "every")
        return _series(build, strand, interval)
    if params.count is not None:
        times = evenly(params.count, _duration(video, "count"))
        return build.still(strand, _distinct(_snapped(video, times)))
    best = build.filter("thumbnail", {"n": params.best or 100}, strand, stream=stills(video, None))
    return build.filter("trim", {"end_frame": 1}, best, stream=stills(video, 1))


def _asked(video: VideoStream, moments: Moments) -> tuple[Fraction, ...]:
    """The times in order. Raises RANGE_EMPTY beyond the end, FIELD_INVALID for one frame twice."""
    times, end = [], ending(video)
    for n, moment in enumerate(moments):
        where = f"at[{n}]"
        time = resolved(moment, video.frame_rate, end, where)
        if end is not None and time >= end:
            raise ReelError(
                Code.RANGE_EMPTY,
                f"there is no frame at {duration_text(time)}: the video ends at"
                f" {duration_text(end)}",
                where=where,
            )
        times.append(time)
    snapped = _snapped(video, sorted(times))
    for one, other in pairwise(snapped):
        if one == other:
            raise ReelError(
                Code.FIELD_INVALID,
                f"two of the times show the same frame, at {clock_text(one)}",
                where="at",
            )
    return snapped


def _snapped(video: VideoStream, times: Sequence[Fraction]) -> tuple[Fraction, ...]:
    if video.is_vfr is not False or not video.frame_rate:
        return tuple(times)
    return on_frames(times, video.frame_rate, video.frame_count, video.start or Fraction(0))


def _distinct(times: Sequence[Fraction]) -> tuple[Fraction, ...]:
    return tuple(sorted(set(times)))


def _duration(video: VideoStream, where: str) -> Fraction:
    end = ending(video)
    if end is None:
        raise ReelError(
            Code.TIMESTAMPS_INVALID,
            f"`{where}` needs to know how long the video is, and the file does not say",
            where=where,
            hint="remux the file to MP4 or Matroska, or name the times with `at`",
        )
    return end


def _interval(value: Fraction | Timecode, video: VideoStream, where: str) -> Fraction:
    try:
        interval = seconds(value, video.frame_rate)
    except ValueError as error:
        raise ReelError(Code.FIELD_INVALID, str(error), where=where) from None
    if interval <= 0:
        raise ReelError(Code.FIELD_INVALID, "the interval is longer than 0", where=where)
    return interval


def _series(build: Builder, strand: Strand, interval: Fraction) -> Strand:
    """The frames on screen at 0, `interval`, 2·`interval`, ..."""
    video = _video(strand)
    end = ending(video)
    if end is not None and interval >= _SEEK_FROM:
        times = _snapped(video, every(interval, end))
        return build.still(strand, _distinct(times))
    # Rounding frame times up to the grid leaves at each of its points the last frame at or before.
    args: dict[str, Value] = {"fps": 1 / interval, "start_time": 0, "round": "up"}
    sparse = build.filter("fps", args, strand, stream=stills(video, None))
    if end is None:
        return sparse
    # The last frame may end a little before the duration that the container tells.
    count = steps(interval, end)
    padded = build.filter("tpad", {"stop": 1, "stop_mode": "clone"}, sparse)
    return build.filter("trim", {"end_frame": count}, padded, stream=stills(video, count))


def _sprite(build: Builder, strand: Strand, params: SpriteParams) -> Bundle:
    video = _video(strand)
    duration = _duration(video, "sprite")
    interval = _interval(params.interval, video, "sprite.interval")
    cells = scaled(build, _series(build, strand, interval), Wish(width_px=params.width))
    pictures = _video(cells).frame_count or 1
    columns = min(params.columns, pictures)
    rows = min(params.rows, -(-pictures // columns))
    grid = SpriteGrid(columns, rows, picture_size(_video(cells)), interval)
    _check_sheet(grid.size)
    sheets = build.filter(
        "tile",
        {"layout": f"{columns}x{rows}"},
        cells,
        stream=resized(_video(cells), grid.size, frame_count=grid.sheets(pictures)),
    )
    vtt = build.write(sprite_vtt(grid, pictures, duration), ".vtt", "vtt", sheets)
    return Bundle((sheets, vtt))


def _check_sheet(size: Size) -> None:
    # JPEG's sides have 16 bits; libwebp's 14, which its encoder refuses by itself.
    if max(size.width_px, size.height_px) > 65535:
        raise ReelError(
            Code.FIELD_INVALID,
            f"a sheet of {size} pixels is larger than a picture can be",
            where="sprite",
            hint="lower width, columns or rows",
        )


__all__ = ["At", "SpriteParams", "Thumbnail", "ThumbnailParams"]
