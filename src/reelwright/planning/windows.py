"""Passes `sequences` and `windows`: how often each file is opened, and which part is decoded.

A decode starts where its first consumer begins (a seek), not at 0. Cuts of different ranges get
decodes of their own: frames between them are never decoded, and a concat never has to hold frames
of a later segment while it waits for an earlier one.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from reelwright.graph.actions import Cut, Decode, Filter, Still
from reelwright.graph.dag import Graph, Node, Pad, Rewrite
from reelwright.media.streams import StreamKind
from reelwright.media.time import TimeRange, seconds_text

# Filters whose frame k depends on frame k of the input alone, not on its time or its neighbours:
# a seek or a shard may stand before them.
TIMELESS = frozenset(
    {"scale", "crop", "pad", "format", "setsar", "setdar", "transpose", "hflip", "vflip", "eq",
     "zscale", "tonemap", "lut", "colorspace", "aformat", "colorchannelmixer", "hue", "rotate"}
)  # fmt: skip
# Read one input to its end before the next: frames of the next one would pile up.
SEQUENTIAL = frozenset({"concat", "xfade", "acrossfade"})
# No index and no timestamps: after a seek their times are guessed from the bit rate.
_UNSEEKABLE = frozenset({"aac", "mp3", "ac3", "eac3", "h264", "hevc", "m4v", "mpegvideo", "gif"})
# Binary search by timestamp may land after the keyframe that is needed (libavformat/mpegts.c).
_PREROLL = {"mpegts": Fraction(10), "mpeg": Fraction(10), "flv": Fraction(5)}


def windows(graph: Graph, demuxers: Mapping[str, str]) -> Graph:
    """`demuxers`: by Demux node (and Fetched: unknown until it is there)."""
    wanted = _needed(graph)
    out = Rewrite()
    for node in graph:
        if isinstance(node.action, Decode) and node.action.window is None:
            _narrow(out, node, tuple(wanted.get(Pad(node.id), ())), demuxers)
        elif isinstance(node.action, Decode):
            _single(out, node, node.action, demuxers)
        else:
            _redirect(out, node, wanted)
    return _trims(out.done())


def _needed(graph: Graph) -> dict[Pad, dict[TimeRange, int]]:
    """For every raw pad that only cuts read, the ranges that they read, each once, and which in
    their order it is (from 0)."""
    needed: dict[Pad, dict[TimeRange, None]] = {}
    for node in reversed(list(graph)):
        for pad in node.inputs:
            ranges = needed.setdefault(pad, {})
            if isinstance(node.action, Cut) and not graph.edge(pad).encoded:
                ranges[node.action.range] = None
            elif isinstance(node.action, Filter) and node.action.name in TIMELESS:
                # More than one range behind a filter would run it once for each: not worth it.
                below = needed.get(Pad(node.id), {})
                ranges.update(below if len(below) == 1 else {TimeRange(): None})
            else:
                ranges[TimeRange()] = None
    return {pad: {r: n for n, r in enumerate(ranges)} for pad, ranges in needed.items()}


def _narrow(
    out: Rewrite, node: Node, ranges: tuple[TimeRange, ...], demuxers: Mapping[str, str]
) -> None:
    """One decode for each range, unless somebody reads everything anyway."""
    assert isinstance(node.action, Decode)
    if not ranges or TimeRange() in ranges or (len(ranges) > 1 and _overlap(ranges)):
        whole = TimeRange() if not ranges or TimeRange() in ranges else _union(ranges)
        window = _seekable(out, node, whole, demuxers)
        out.keep(replace(node, action=replace(node.action, window=window)))
        return
    for number, span in enumerate(ranges):
        name = node.id if number == 0 else f"{node.id}.{number + 1}"
        window = _seekable(out, node, span, demuxers)
        out.keep(replace(node, id=name, action=replace(node.action, window=window)))


def _single(out: Rewrite, node: Node, decode: Decode, demuxers: Mapping[str, str]) -> None:
    """A decode of one frame at a time that was chosen already: it may have to begin earlier."""
    assert decode.window is not None
    start = seek_to(demuxers.get(node.inputs[0].node), decode.window.start)
    early = decode.window.start - start
    out.keep(replace(node, action=replace(decode, window=TimeRange(start, decode.window.end))))
    if early > 0:
        name = f"{node.id}/preroll"
        # What follows expects the time that was asked for at 0 (`frames.take_stills`).
        shift = Filter("setpts", (("expr", f"PTS-{seconds_text(early)}/TB"),))
        because = ("decoded from earlier on: this format cannot be entered anywhere",)
        out.add(Node(name, shift, (Pad(node.id),), node.outputs, node.origin, because))
        out.move(Pad(node.id), Pad(name))


def _overlap(ranges: tuple[TimeRange, ...]) -> bool:
    ordered = sorted(ranges, key=lambda r: r.start)
    return any(a.end is None or b.start < a.end for a, b in itertools.pairwise(ordered))


def _union(ranges: tuple[TimeRange, ...]) -> TimeRange:
    ends = [r.end for r in ranges]
    end = None if None in ends else max(e for e in ends if e is not None)
    return TimeRange(min(r.start for r in ranges), end)


def seek_to(demuxer: str | None, time: Fraction) -> Fraction:
    """Where to seek so that everything from `time` on is surely decoded."""
    if demuxer in _UNSEEKABLE:
        return Fraction(0)
    return max(Fraction(0), time - _PREROLL.get(demuxer or "", Fraction(0)))


def _seekable(
    out: Rewrite, node: Node, span: TimeRange, demuxers: Mapping[str, str]
) -> TimeRange | None:
    start = seek_to(demuxers.get(node.inputs[0].node), span.start)
    file = out[node.inputs[0].node]
    # A seek to before the first picture goes to that picture, and the sound before it is lost.
    begins = max(
        (e.stream.start or 0 for e in file.outputs if e.kind is StreamKind.VIDEO), default=0
    )
    if start < begins:
        start = Fraction(0)
    window = TimeRange(start, span.end)
    return None if window == TimeRange() else window


def _redirect(out: Rewrite, node: Node, wanted: Mapping[Pad, Mapping[TimeRange, int]]) -> None:
    """A cut reads the decode that was made for its range."""
    if isinstance(node.action, Cut) and node.inputs:
        pad = node.inputs[0]
        number = wanted.get(pad, {}).get(node.action.range, 0)
        own = f"{pad.node}.{number + 1}"
        if number and own in out and isinstance(out[own].action, Decode):
            node = replace(node, inputs=(Pad(own),))
    out.keep(node)


def _trims(graph: Graph) -> Graph:
    """Cuts become trim and setpts. `late` says by how much a pad's times are behind the file's,
    because a seek made them start at 0."""
    out = Rewrite()
    late: dict[Pad, Fraction] = {}
    for node in graph:
        if isinstance(node.action, Decode):
            late[Pad(node.id)] = node.action.window.start if node.action.window else Fraction(0)
            if node.action.frames:
                late[Pad(node.id)] = Fraction(0)
            out.keep(node)
        elif isinstance(node.action, Cut) and not graph.edge(node.inputs[0]).encoded:
            _trim(out, node, node.action.range, late.get(node.inputs[0], Fraction(0)))
        elif isinstance(node.action, Filter) and node.action.name in TIMELESS:
            late[Pad(node.id)] = late.get(node.inputs[0], Fraction(0))
            out.keep(node)
        else:
            inputs = tuple(_restore(out, node, p, late) for p in node.inputs)
            out.keep(replace(node, inputs=inputs))
    return out.done()


def _trim(out: Rewrite, node: Node, span: TimeRange, late: Fraction) -> None:
    prefix = "a" if node.outputs[0].kind is StreamKind.AUDIO else ""
    args: list[tuple[str, str]] = []
    if span.start > late:
        args.append(("start", seconds_text(span.start - late)))
    if span.end is not None:
        args.append(("end", seconds_text(span.end - late)))
    inputs = tuple(out.at(p) for p in node.inputs)
    if args:
        name = f"{node.id}/trim"
        out.add(Node(name, Filter(f"{prefix}trim", tuple(args)), inputs, node.outputs, node.origin))
        inputs = (Pad(name),)
    begins = node.outputs[0].stream.start
    by = f"{seconds_text(span.start - late)}/TB" if begins else "STARTPTS"
    rebase = Filter(f"{prefix}setpts", (("expr", f"PTS-{by}"),))
    out.add(Node(node.id, rebase, inputs, node.outputs, node.origin, node.because))


def _restore(out: Rewrite, node: Node, pad: Pad, late: dict[Pad, Fraction]) -> Pad:
    """Gives a pad behind a seek its own times back, for a consumer to whom they matter."""
    by = late.get(pad, Fraction(0))
    here = out.at(pad)
    if by == 0 or here != pad:
        return pad
    edge = out.edge(pad)
    prefix = "a" if edge.kind is StreamKind.AUDIO else ""
    name = f"{pad.node}:{pad.index}/times"
    if name not in out:
        action = Filter(f"{prefix}setpts", (("expr", f"PTS+{seconds_text(by)}/TB"),))
        because = ("times of the file again, after the seek",)
        out.add(Node(name, action, (pad,), (edge,), node.origin, because))
    return Pad(name)


def sequences(graph: Graph) -> Graph:
    """Segments of one concat that share a decode each get their own: else the frames of the later
    segment would be held in memory until the earlier one has ended."""
    out = Rewrite()
    for node in graph:
        if not (isinstance(node.action, Filter) and node.action.name in SEQUENTIAL):
            out.keep(node)
            continue
        per = _pads_per_segment(node)
        seen: set[str] = set()
        inputs: list[Pad] = []
        for start in range(0, len(node.inputs), per):
            segment = node.inputs[start : start + per]
            decodes = _decodes(out, segment)
            if decodes & seen:
                number = _free(decodes, seen)
                segment = tuple(_copy_chain(out, p, number) for p in segment)
                decodes = {f"{d}~{number}" for d in decodes}
            seen |= decodes
            inputs += segment
        out.keep(replace(node, inputs=tuple(inputs)))
    return out.done()


def _free(decodes: set[str], seen: set[str]) -> int:
    """The first reading of a file that no earlier segment has. Sound and picture of a segment find
    the same one, and so share its opening."""
    number = 1
    while any(f"{d}~{number}" in seen for d in decodes):
        number += 1
    return number


def _pads_per_segment(node: Node) -> int:
    assert isinstance(node.action, Filter)
    values = dict(node.action.args)
    count = values.get("n", len(node.inputs))
    return max(1, len(node.inputs) // int(count)) if isinstance(count, int) else 1


def _decodes(out: Rewrite, pads: tuple[Pad, ...]) -> set[str]:
    found: set[str] = set()
    visited: set[str] = set()
    stack = [p.node for p in pads]
    while stack:
        name = stack.pop()
        if name in visited:
            continue
        visited.add(name)
        node = out[name]
        if isinstance(node.action, Decode):
            found.add(name)
        elif isinstance(node.action, _RAW):
            stack += [p.node for p in node.inputs]
    return found


# What lies between a decode and a concat: all of it is done again for a reading of its own.
_RAW = (Filter, Cut, Still)


def _copy_chain(out: Rewrite, pad: Pad, number: int) -> Pad:
    """The chain above `pad` once more, reading the file by itself."""
    stack = [pad.node]
    while stack:
        name = stack[-1]
        node = out[name]
        copy = f"{name}~{number}"
        raw = isinstance(node.action, _RAW)
        if copy in out or not (raw or isinstance(node.action, Decode)):
            stack.pop()
            continue
        waiting = [p.node for p in node.inputs if raw and f"{p.node}~{number}" not in out]
        if waiting:
            stack += waiting
            continue
        stack.pop()
        inputs = tuple(Pad(f"{p.node}~{number}", p.index) for p in node.inputs) if raw else None
        action = node.action
        if isinstance(action, Decode):
            action = replace(action, reading=number)
        out.add(replace(node, id=copy, action=action, inputs=inputs or node.inputs))
    return Pad(f"{pad.node}~{number}", pad.index)
