"""Text on a picture, as `drawtext` and `overlay` draw it.

The text never stands in the filter graph: it is a `Text` value, which planning writes to a file
that drawtext reads with ``expansion=none``. Lines are broken before, by the widths of the bundled
font's characters; with another font these are an estimate, on the wide side for most (DejaVu Sans
is wider than Arial, Inter or Roboto by about a tenth).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from reelwright.analysis.text_layout import clean, wrap
from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Text, Value
from reelwright.graph.operator import Strand
from reelwright.media.geometry import Length, Position
from reelwright.media.streams import VideoStream
from reelwright.media.time import seconds_text
from reelwright.media.timecode import Timecode, nominal_rate
from reelwright.operators.times import Span, fade_end

if TYPE_CHECKING:
    from reelwright.graph.builder import Builder

# Of the frame's height; drawn text of 5 % is what broadcasters' guidelines call readable.
DEFAULT_SIZE = Length(Fraction(5), "%")
NOTHING = Length(Fraction(0))
_LONGEST = 20_000  # characters; more is no text on a picture but a mistake
_SHOWN = 12


# FFmpeg counts labels for these alone (libavutil/timecode.c, av_timecode_check_frame_rate).
_TIMECODE_RATES = {10, 12, 15, 24, 25, 30, 48, 50, 60, 100, 120, 150}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lettering:
    """How a text looks and where it stands. Lengths in percent are of the frame's height, but for
    `width`, which is of its width; `position` and `margin` as in `Position.place`."""

    text: str
    position: Position
    margin: Length
    size: Length = DEFAULT_SIZE
    width: Length | None = None
    font: str | None = None
    color: str = "0xFFFFFFFF"
    opacity: float = 1.0
    align: str | None = None
    line_spacing: Length = NOTHING
    box_color: str | None = None
    box_padding: Length = NOTHING
    border: Length = NOTHING
    border_color: str = "0x000000FF"
    shadow: Length = NOTHING
    shadow_color: str = "0x000000FF"
    timecode: Timecode | None = None


def draw(
    build: Builder, strand: Strand, look: Lettering, span: Span, fade: Fraction = Fraction(0)
) -> Strand:
    """The picture with the text on it. Raises FIELD_INVALID for a picture of unknown size, and for
    a timecode at a rate that has none."""
    video = strand.stream
    assert isinstance(video, VideoStream)
    if video.width_px is None or video.height_px is None:
        raise ReelError(Code.FIELD_INVALID, "the size of the picture is not known: text needs it")
    size_px = max(1, look.size.of(video.height_px))
    _warn_of_boxes(build, look)
    args: dict[str, Value] = {
        "fontfile": build.font(look.font),
        "textfile": Text(_lines(look, video, size_px)),
        "expansion": "none",
        "fontsize": size_px,
        "fontcolor": look.color,
        "line_spacing": look.line_spacing.of(video.height_px),
        # Lines stand where the font's metrics put them, whatever letters they hold.
        "y_align": "font",
        **_place(look, video),
        **_ornaments(look, video.height_px),
        **_timecode(look, video),
        **_opacity(look, span, fade, video.duration),
        **span.enable(),
    }
    return build.filter("drawtext", args, strand)


def _lines(look: Lettering, video: VideoStream, size_px: int) -> str:
    from reelwright.analysis.bundled_font import metrics

    text = clean(look.text)
    if len(text) > _LONGEST:
        raise ReelError(
            Code.FIELD_INVALID,
            f"text: it has {len(text)} characters, and at most {_LONGEST} are drawn",
        )
    assert video.width_px
    lines = wrap(text, _room(look, video) / size_px, metrics().width_em)
    return "\n".join(lines) + (" " if look.timecode is not None and text else "")


def _warn_of_boxes(build: Builder, look: Lettering) -> None:
    """FFmpeg draws a box for what a font lacks, and looks for no other font."""
    from reelwright.analysis.bundled_font import metrics

    lacking = "" if look.font else metrics().lacking(clean(look.text))
    if lacking:
        shown = lacking if len(lacking) <= _SHOWN else f"{lacking[:_SHOWN]}…"
        build.warn(f"the bundled font has no '{shown}': boxes are drawn; set `font`")


def _room(look: Lettering, video: VideoStream) -> int:
    """Pixels that a line may take."""
    assert video.width_px
    assert video.height_px
    if look.width is not None:
        return max(1, look.width.of(video.width_px))
    room = video.width_px - 2 * _edge(look, video.height_px)
    if look.position.x is not None:
        left = look.position.x.of(video.width_px)
        room = video.width_px - max(0, left) - _padding(look, video.height_px)
    else:
        room -= 2 * look.margin.of(video.width_px)
    return max(1, room)


def _padding(look: Lettering, height_px: int) -> int:
    return look.box_padding.of(height_px) if look.box_color is not None else 0


def _edge(look: Lettering, height_px: int) -> int:
    """What box and border take around the letters."""
    return max(_padding(look, height_px), look.border.of(height_px))


def _place(look: Lettering, video: VideoStream) -> dict[str, Value]:
    assert video.width_px
    assert video.height_px
    if look.position.anchor is None:
        x, y = look.position.expressions(("w", "h"), ("text_w", "text_h"))
    else:
        # The box is drawn around the text: what keeps off the edges is the box.
        edge = _edge(look, video.height_px)
        across = Length(Fraction(look.margin.of(video.width_px) + edge))
        down = Length(Fraction(look.margin.of(video.height_px) + edge))
        x, _ = look.position.expressions(("w", "h"), ("text_w", "text_h"), across)
        _, y = look.position.expressions(("w", "h"), ("text_w", "text_h"), down)
    align = look.align or _alignment(look.position)
    return {"x": x, "y": y, "text_align": align}


def _alignment(position: Position) -> str:
    """Lines of a text in the middle are centred; those at the right edge end there."""
    anchor = position.anchor or "left"
    if anchor.endswith("left"):
        return "left"
    return "right" if anchor.endswith("right") else "center"


def _ornaments(look: Lettering, height_px: int) -> dict[str, Value]:
    made: dict[str, Value] = {}
    if look.box_color is not None:
        made |= {"box": 1, "boxcolor": look.box_color, "boxborderw": _padding(look, height_px)}
    if border := look.border.of(height_px):
        made |= {"borderw": border, "bordercolor": look.border_color}
    if shadow := look.shadow.of(height_px):
        made |= {"shadowx": shadow, "shadowy": shadow, "shadowcolor": look.shadow_color}
    return made


def _timecode(look: Lettering, video: VideoStream) -> dict[str, Value]:
    if look.timecode is None:
        return {}
    rate = video.frame_rate
    if rate is None:
        raise ReelError(
            Code.FIELD_INVALID, "timecode: the frame rate is not known", hint="use `fps`"
        )
    try:
        look.timecode.frame_number(rate)
    except ValueError as error:
        raise ReelError(Code.FIELD_INVALID, f"timecode: {error}") from error
    if nominal_rate(rate) not in _TIMECODE_RATES:
        raise ReelError(
            Code.FIELD_INVALID, f"timecode: there is none at {float(rate):g} frames a second"
        )
    return {"timecode": str(look.timecode), "timecode_rate": rate}


def _opacity(
    look: Lettering, span: Span, fade: Fraction, duration: Fraction | None
) -> dict[str, Value]:
    """The opacity over time. Raises FIELD_INVALID for a fade without a known end."""
    if not fade:
        return {} if look.opacity == 1 else {"alpha": look.opacity}
    length = seconds_text(fade)
    end = seconds_text(fade_end(span, duration))
    shape = f"clip((t-{seconds_text(span.start)})/{length},0,1)*clip(({end}-t)/{length},0,1)"
    return {"alpha": f"{look.opacity:g}*{shape}"}
