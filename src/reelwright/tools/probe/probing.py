"""probe: one file to a MediaInfo, by one ffprobe process wherever that is enough."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.media.demuxers import pinned
from reelwright.media.digest import sha256_file
from reelwright.media.info import Chapter, MediaInfo
from reelwright.media.streams import DataStream, Stream, SubtitleStream, VideoStream
from reelwright.tools.probe.boxes import BoxFacts, read_boxes
from reelwright.tools.probe.call import Answer, ask
from reelwright.tools.probe.refusal import checked_file, damage_in, refusal, says_estimate
from reelwright.tools.probe.sniff import PictureHeader, Sniffed, is_scrambled, png_header, sniff
from reelwright.tools.probe.streams import (
    duration_of,
    hdr_of,
    is_attached_picture,
    stream_of,
    tags_of,
)
from reelwright.tools.probe.timing import PacketSample, samples
from reelwright.tools.probe.webp import Animation, read_animation

if TYPE_CHECKING:
    from reelwright.tools.binaries import Tools

# Enough for some seconds of picture and sound; costs about 5 ms and 40 KB of JSON.
_SAMPLE_PACKETS = 400
# Reading every packet of a file without an index: 64 MiB take about 0.2 s.
_LISTED_BYTES = 64 << 20
# 16384 x 16384: the largest picture that H.264, HEVC and AV1 levels come near to.
MAX_PIXELS = 1 << 28

_HEADER = ("-show_format", "-show_streams", "-show_chapters", "-show_data_hash", "sha256")
_PACKETS = (
    "-show_packets",
    "-show_entries",
    "packet=stream_index,pts,duration,flags",
    "-read_intervals",
    f"%+#{_SAMPLE_PACKETS}",
)
_FRAME = (
    "-show_frames",
    "-show_entries",
    "frame=stream_index:frame_side_data=side_data_type,rotation,displaymatrix",
    "-read_intervals",
    "%+#1",
)
_STILL_BRANDS = frozenset({"avif", "heic", "heix", "mif1", "miaf"})


async def probe(
    path: Path,
    tools: Tools,
    *,
    sha256: str | None = None,
    sandbox: bool = True,
    max_pixels: int = MAX_PIXELS,
) -> MediaInfo:
    """What is in a file. Never decodes more than one frame.

    `sha256`: the digest, where it is known already. Raises ReelError: INPUT_*, MEDIA_*,
    MOOV_MISSING, TIMEOUT, TOOL_*, SANDBOX_*; damage that leaves something to work with is in
    `MediaInfo.damage`.
    """
    size_bytes = checked_file(path)
    try:
        digest = sha256 if sha256 is not None else await asyncio.to_thread(sha256_file, path)
        seen = sniff(path)
        boxes = read_boxes(path, size_bytes) if seen.is_iso_media else BoxFacts()
    except OSError as error:
        raise ReelError(
            Code.INPUT_UNREADABLE, f"{path} cannot be read: {error}", where=str(path)
        ) from error
    if seen.picture is not None:  # before a tool allocates it
        _check_pixels(path, seen.picture.width_px, seen.picture.height_px, max_pixels)
    if seen.is_webp and (animation := read_animation(path)) is not None:
        info = _animated(animation, size_bytes, digest)
        _check_size(path, info, max_pixels)
        return info
    if boxes.is_encrypted or (seen.is_transport_stream and is_scrambled(path)):
        raise _encrypted(path)
    more = _FRAME if seen.is_image else _PACKETS
    only = (*_HEADER, *more, "-max_pixels", str(max_pixels))
    answer = await ask(path, only, tools, sandbox=sandbox, demuxer=seen.demuxer)
    described = answer.document.get("streams", [])
    if answer.exit_code != 0 or not answer.document.get("format"):
        raise refusal(path, answer.complaints, answer.exit_code)
    if any("enc_key_id" in stream.get("tags", {}) for stream in described):
        raise _encrypted(path)
    answer = await _with_real_durations(path, answer, tools, size_bytes, sandbox=sandbox)
    info = _info(answer, seen, boxes, size_bytes, digest)
    info = await _with_hidden_facts(path, info, answer, tools, sandbox=sandbox)
    _check(path, info, answer, max_pixels)
    return info


async def probe_all(
    paths: Iterable[Path], tools: Tools, *, at_once: int = 5, sandbox: bool = True
) -> dict[Path, MediaInfo | ReelError]:
    """Probes several files, `at_once` at a time. A file's error stands in its place."""
    gate = asyncio.Semaphore(at_once)

    async def one(path: Path) -> MediaInfo | ReelError:
        async with gate:
            try:
                return await probe(path, tools, sandbox=sandbox)
            except ReelError as error:
                return error

    wanted = list(dict.fromkeys(paths))
    return dict(zip(wanted, await asyncio.gather(*(one(p) for p in wanted)), strict=True))


def _animated(animation: Animation, size_bytes: int, digest: str) -> MediaInfo:
    return MediaInfo(
        size_bytes=size_bytes,
        sha256=digest,
        demuxer="webp_anim",
        format_names=("webp_anim",),
        streams=(animation.stream(),),
        start=Fraction(0),
        duration=animation.duration,
    )


def _info(
    answer: Answer, seen: Sniffed, boxes: BoxFacts, size_bytes: int, digest: str
) -> MediaInfo:
    document, container = answer.document, answer.document["format"]
    described = document.get("streams", [])
    names = tuple(str(container.get("format_name", "")).split(","))
    tags = tags_of(container)
    demuxer = seen.demuxer or pinned(",".join(names))
    is_still = tags.get("major_brand") in _STILL_BRANDS or demuxer.endswith("_pipe")
    is_image = seen.is_image or is_still
    sampled = samples(document.get("packets", []), _SAMPLE_PACKETS, described)
    if is_image:  # no packets were listed
        sampled = {index: replace(s, is_complete=False) for index, s in sampled.items()}
    frames = {int(f["stream_index"]): f for f in document.get("frames", []) if "stream_index" in f}
    streams = tuple(_stream(entry, sampled, frames, seen, is_image=is_image) for entry in described)
    start, duration = _extent(container, streams, estimated=says_estimate(answer.complaints))
    return MediaInfo(
        size_bytes=size_bytes,
        sha256=digest,
        demuxer=demuxer,
        format_names=names,
        streams=streams,
        start=None if is_image else start,
        duration=None if is_image else duration,
        bitrate_bps=_bitrate(container, is_image=is_image),
        chapters=tuple(_chapter(c) for c in document.get("chapters", [])),
        tags=tags,
        damage=(*damage_in(answer.complaints), *_promises(described, sampled, boxes)),
        is_image=is_image,
    )


def _stream(
    entry: Mapping[str, Any],
    sampled: Mapping[int, PacketSample],
    frames: Mapping[int, Mapping[str, Any]],
    seen: Sniffed,
    *,
    is_image: bool,
) -> Stream:
    index = int(entry["index"])
    made = stream_of(entry, sampled.get(index), is_image=is_image, frame=frames.get(index))
    if seen.picture and isinstance(made, VideoStream):
        return _with_picture(made, seen.picture)
    return made


def _with_picture(stream: VideoStream, picture: PictureHeader) -> VideoStream:
    coded = (picture.width_px, picture.height_px)
    shown = coded[::-1] if picture.rotation_deg in (90, 270) else coded
    return replace(
        stream,
        width_px=shown[0],
        height_px=shown[1],
        coded_width_px=coded[0],
        coded_height_px=coded[1],
        rotation_deg=picture.rotation_deg,
        is_mirrored=picture.is_mirrored,
        pix_fmt=stream.pix_fmt or picture.pix_fmt,
        has_alpha=stream.has_alpha if picture.has_alpha is None else picture.has_alpha,
    )


def _extent(
    container: Mapping[str, Any], streams: tuple[Stream, ...], *, estimated: bool
) -> tuple[Fraction | None, Fraction | None]:
    """Start and duration of the file in seconds, as exact as the streams allow.

    ffprobe prints the container's in whole microseconds, from the streams' where they have one: so
    theirs are taken, and the container's where one of them has none.
    """
    timed = [s for s in streams if s.start is not None and not isinstance(s, DataStream)]
    start = min((s.start for s in timed if s.start is not None), default=None)
    spans = [s.start + s.duration for s in timed if s.start is not None and s.duration is not None]
    exact = max(spans) - start if spans and start is not None and len(spans) == len(timed) else None
    if estimated or exact is not None:
        return start, exact
    try:
        said = Fraction(str(container["duration"]))
    except (KeyError, ValueError):
        return start, None
    return start, said if said > 0 else None


def _promises(
    described: list[Mapping[str, Any]], sampled: Mapping[int, PacketSample], boxes: BoxFacts
) -> tuple[str, ...]:
    """Where the header promises more than the file holds."""
    found = []
    if boxes.missing_bytes:
        found.append(
            f"the {boxes.cut_box} box ends {boxes.missing_bytes} bytes after the file's end"
        )
    for entry in described:
        sample, declared = sampled.get(int(entry["index"])), str(entry.get("nb_frames", ""))
        # Video only: text tracks have empty samples, and PCM counts each sample as one.
        is_video = entry.get("codec_type") == "video"
        if not is_video or not sample or not sample.is_complete or not declared.isdigit():
            continue
        held = len(sample.times) + sample.hidden
        if int(declared) - held > max(2, int(declared) // 20):
            found.append(f"stream {entry['index']} promises {declared} packets and holds {held}")
    return tuple(found)


async def _with_real_durations(
    path: Path, answer: Answer, tools: Tools, size_bytes: int, *, sandbox: bool
) -> Answer:
    """Durations that ffprobe guessed from the bit rate, counted from the packets instead.

    Without an index (raw ADTS, MP3 without a Xing header) only reading them all tells; a file that
    is too large for that keeps its duration unknown.
    """
    if not says_estimate(answer.complaints):
        return answer
    streams = [
        {k: v for k, v in stream.items() if k not in ("duration", "duration_ts")}
        for stream in answer.document["streams"]
    ]
    document = {**answer.document, "streams": streams}
    packets, demuxer = document.get("packets", []), pinned(document["format"]["format_name"])
    if len(packets) >= _SAMPLE_PACKETS and size_bytes <= _LISTED_BYTES:
        for stream in streams:
            if is_attached_picture(stream):
                continue
            last = await _last_packet(path, int(stream["index"]), demuxer, tools, sandbox=sandbox)
            base = samples(packets, _SAMPLE_PACKETS, [stream]).get(int(stream["index"]))
            if last is not None and base is not None and base.times:
                stream["duration_ts"] = last - base.times[0][0]
    return replace(answer, document=document)


async def _last_packet(
    path: Path, index: int, demuxer: str, tools: Tools, *, sandbox: bool
) -> int | None:
    """Where the last packet of a stream ends, in its ticks."""
    listing = ("-select_streams", str(index), "-show_entries", "packet=pts,duration")
    answer = await ask(path, listing, tools, sandbox=sandbox, demuxer=demuxer)
    packets = [p for p in answer.document.get("packets", []) if "pts" in p and "duration" in p]
    return max((int(p["pts"]) + int(p["duration"]) for p in packets), default=None)


async def _with_hidden_facts(
    path: Path, info: MediaInfo, answer: Answer, tools: Tools, *, sandbox: bool
) -> MediaInfo:
    """A second look, only where the headers leave something open that matters: dynamic HDR metadata
    is in the frames of a PQ stream, and the size of a PNG cover in its first packet."""
    streams = list(info.streams)
    for place, stream in enumerate(streams):
        if not isinstance(stream, VideoStream) or info.is_image:
            continue
        if stream.hdr == "hdr10" and not stream.is_still and stream.codec != "av1":
            only = ("-select_streams", str(stream.index))
            seen = await ask(path, (*only, *_FRAME), tools, sandbox=sandbox, demuxer=info.demuxer)
            frame = next(iter(seen.document.get("frames", [])), None)
            hdr = hdr_of(answer.document["streams"][place], frame)
            streams[place] = replace(stream, hdr=hdr)
        elif stream.is_still and stream.codec == "png" and stream.width_px is None:
            picture = await _cover(path, info, stream, tools, sandbox=sandbox)
            streams[place] = _with_picture(stream, picture) if picture else stream
    return replace(info, streams=tuple(streams))


async def _cover(
    path: Path, info: MediaInfo, stream: VideoStream, tools: Tools, *, sandbox: bool
) -> PictureHeader | None:
    dump = ("-select_streams", str(stream.index), "-show_data", "-read_intervals", "%+#1")
    entries = ("-show_entries", "packet=data")
    answer = await ask(path, (*dump, *entries), tools, sandbox=sandbox, demuxer=info.demuxer)
    packet: Mapping[str, Any] = next(iter(answer.document.get("packets", [])), {})
    rows = [line[10:50] for line in str(packet.get("data", "")).splitlines()[:64]]
    try:
        return png_header(bytes.fromhex("".join(rows).replace(" ", "")))
    except ValueError:
        return None


def _check(path: Path, info: MediaInfo, answer: Answer, max_pixels: int) -> None:
    media = [s for s in info.streams if not isinstance(s, DataStream)]
    evidence = {"stderr": list(answer.complaints[-20:])}
    if not media:
        raise ReelError(
            Code.MEDIA_NO_STREAMS,
            f"{path.name} holds no video, audio or subtitles",
            where=str(path),
            evidence=evidence,
        )
    timed = any(not isinstance(s, SubtitleStream) for s in media)  # no cues are no fault
    if timed and not info.is_image and not answer.document.get("packets"):
        raise ReelError(
            Code.MEDIA_NO_STREAMS,
            f"{path.name} has a header, and nothing after it",
            where=str(path),
            evidence=evidence,
        )
    _check_size(path, info, max_pixels)


def _check_size(path: Path, info: MediaInfo, max_pixels: int) -> None:
    for stream in info.streams:
        if not isinstance(stream, VideoStream) or not stream.width_px or not stream.height_px:
            continue
        _check_pixels(path, stream.width_px, stream.height_px, max_pixels)


def _check_pixels(path: Path, width_px: int, height_px: int, max_pixels: int) -> None:
    if width_px * height_px > max_pixels:
        raise ReelError(
            Code.MEDIA_TOO_LARGE,
            f"{path.name}: {width_px}x{height_px} is over {max_pixels} pixels",
            where=str(path),
        )


def _encrypted(path: Path) -> ReelError:
    return ReelError(Code.MEDIA_ENCRYPTED, f"{path.name} is encrypted", where=str(path))


def _chapter(described: Mapping[str, Any]) -> Chapter:
    base = Fraction(described["time_base"])
    title = described.get("tags", {}).get("title")
    return Chapter(int(described["start"]) * base, int(described["end"]) * base, title)


def _bitrate(container: Mapping[str, Any], *, is_image: bool) -> int | None:
    text = str(container.get("bit_rate", ""))
    return int(text) if text.isdigit() and not is_image else None


__all__ = ["MAX_PIXELS", "duration_of", "probe", "probe_all"]
