"""The output part of a command: maps, encoder options by stream, muxer options, the tee muxer."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from reelwright.graph.actions import Encode, Late, Mux, Value
from reelwright.graph.dag import Node, Pad
from reelwright.media.streams import Stream, StreamKind, VideoStream
from reelwright.media.time import seconds_text

_LETTER = {StreamKind.VIDEO: "v", StreamKind.AUDIO: "a", StreamKind.SUBTITLE: "s"}
FAST_START = {"mp4", "mov", "ipod"}
# Muxers that know constant rates only: others get each frame at its own time.
_CONSTANT = {"avi", "gif"}


@dataclass(frozen=True, slots=True)
class Mapped:
    """`label`: ``0:1`` or ``[p3]``. `encode` None: copied. `begins`: where a copied join begins, in
    seconds; its demuxer counts the codec delay of sound that is not copied."""

    label: str
    encode: Encode | None
    stream: Stream
    pad: Pad
    begins: Fraction | None = None


def mux_arguments(mapped: list[Mapped], node: Node, name: str) -> list[str]:
    """Everything for one output file."""
    mux = node.action
    assert isinstance(mux, Mux)
    found = _maps(mapped, mux.container)
    if mux.stills is not None:
        count = ["-frames:v", str(mux.stills)] if mux.stills else []
        return [*found, *count, "-f", "image2", "-start_number", "1", f"file:{name}"]
    found += _metadata(mux)
    if mux.container in FAST_START:
        # The index in front: playback and probing start without the end of the file.
        found += ["-movflags", "+faststart"]
    return [*found, "-f", mux.container, f"file:{name}"]


def tee_arguments(mapped: list[Mapped], files: list[tuple[Node, str]]) -> list[str]:
    """Several files that share an encoded stream: it is encoded once, and teed."""
    place = {m.pad: spot for m, spot in zip(mapped, _spots(mapped), strict=True)}
    first = files[0][0].action
    assert isinstance(first, Mux)
    # The tee muxer does not tell encoders that its files want their headers in front.
    found = [*_maps(mapped, first.container), "-flags", "+global_header", *_metadata(first)]
    slaves = []
    for node, name in files:
        assert isinstance(node.action, Mux)
        # One file that fails must not leave the others looking finished.
        options = [f"f={node.action.container}", "onfail=abort"]
        if node.action.container in FAST_START:
            options.append("movflags=+faststart")
        streams = ",".join(place[p] for p in node.inputs)
        slaves.append(f"[{':'.join(options)}:select=\\'{streams}\\']{name}")
    return [*found, "-f", "tee", "|".join(slaves)]


def _spots(mapped: list[Mapped]) -> list[str]:
    """``v:0`` for the first video of the output, and so on."""
    counts: dict[str, int] = {}
    found = []
    for entry in mapped:
        letter = _LETTER[entry.stream.kind]
        found.append(f"{letter}:{counts.get(letter, 0)}")
        counts[letter] = counts.get(letter, 0) + 1
    return found


def _maps(mapped: list[Mapped], container: str) -> list[str]:
    found: list[str] = []
    for entry in mapped:
        found += ["-map", entry.label]
    for entry, spot in zip(mapped, _spots(mapped), strict=True):
        if entry.encode is None:
            found += [f"-c:{spot}", "copy"]
            if entry.begins is not None and any(other.encode for other in mapped):
                found += [f"-bsf:{spot}", _beginning(entry.begins)]
        else:
            found += [f"-c:{spot}", entry.encode.codec]
            for key, value in entry.encode.options:
                found += [f"-{key}:{spot}", option_text(value)]
            found += _timing(entry.stream, spot, container)
        found += _tags(entry.stream, spot, container)
        if entry.stream.language and entry.encode is not None:
            found += [f"-metadata:s:{spot}", f"language={entry.stream.language}"]
    return found


def _beginning(start: Fraction) -> str:
    shift = f"STARTPTS+{seconds_text(start)}/TB"
    return f"setts=pts=PTS-{shift}:dts=DTS-{shift}"


def _timing(stream: Stream, spot: str, container: str) -> list[str]:
    """Frames keep their own times. At a varying rate the encoder must not round them to a rate that
    was guessed from the average, so it works in the filter graph's time base."""
    if not isinstance(stream, VideoStream) or container in _CONSTANT:
        return []
    found = [f"-fps_mode:{spot}", "passthrough"]
    if stream.is_vfr is not False and not stream.is_still:
        found += [f"-enc_time_base:{spot}", "filter"]
    return found


def _tags(stream: Stream, spot: str, container: str) -> list[str]:
    # Apple's players take HEVC only under hvc1 (parameter sets in the header).
    if stream.codec == "hevc" and container in FAST_START:
        return [f"-tag:{spot}", "hvc1"]
    return []


def _metadata(mux: Mux) -> list[str]:
    found: list[str] = []
    for key, value in mux.metadata:
        found += ["-metadata", f"{key}={value}"]
    for key, option in mux.options:
        found += [f"-{key}", option_text(option)]
    return found


def option_text(value: Value) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Fraction):
        return str(float(value))
    if isinstance(value, Late):
        return f"{{{value.node}.{value.key}}}"
    return str(value)
