"""NAL units of H.264 and HEVC: framing, parameter sets, and where decoding may start.

Sources: ITU-T H.264 (clause 7), ITU-T H.265 (clause 7), ISO/IEC 14496-15 for ``avcC`` and ``hvcC``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

H264_IDR, H264_SPS, H264_PPS = 5, 7, 8
HEVC_VPS, HEVC_SPS, HEVC_PPS = 32, 33, 34
# BLA_W_LP..BLA_N_LP, IDR_W_RADL, IDR_N_LP, CRA (H.265 table 7-1).
HEVC_ENTRIES = frozenset(range(16, 22))
HEVC_BLA_N_LP, HEVC_CRA = 18, 21
HEVC_CLEAN_WITHOUT_REWRITE = frozenset({16, 17, 18, 19, 20})


class BadBitstream(ValueError):  # noqa: N818 - it says what is bad
    """The bytes are not what their framing says."""


@dataclass(frozen=True, slots=True)
class Framing:
    """How NAL units stand in a packet: `length_bytes` before each, or start codes where it is 0."""

    length_bytes: int

    def split(self, data: bytes) -> list[bytes]:
        return _split_prefixed(data, self.length_bytes) if self.length_bytes else split_annexb(data)

    def join(self, nals: Iterable[bytes]) -> bytes:
        if not self.length_bytes:
            return b"".join(b"\0\0\0\1" + nal for nal in nals)
        return b"".join(len(nal).to_bytes(self.length_bytes, "big") + nal for nal in nals)


def split_annexb(data: bytes) -> list[bytes]:
    """The NAL units between start codes; zero bytes before a start code belong to it."""
    starts = []
    at = data.find(b"\0\0\1")
    while at >= 0:
        starts.append(at)
        at = data.find(b"\0\0\1", at + 3)
    ends = [*starts[1:], len(data)]
    nals = (data[a + 3 : b].rstrip(b"\0") for a, b in zip(starts, ends, strict=True))
    return [nal for nal in nals if nal]


def _split_prefixed(data: bytes, length_bytes: int) -> list[bytes]:
    nals, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + length_bytes], "big")
        at += length_bytes
        if size > len(data) - at:
            raise BadBitstream("a NAL unit is longer than its packet")
        if size:
            nals.append(data[at : at + size])
        at += size
    return nals


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """The parameter sets of a stream and the framing of its packets."""

    framing: Framing
    nals: tuple[bytes, ...]


def h264_parameters(extradata: bytes) -> ParameterSets:
    """From ``avcC`` or from start codes. Raises BadBitstream."""
    if extradata[:1] != b"\x01":
        return ParameterSets(Framing(0), tuple(split_annexb(extradata)))
    nals, _ = _avcc_nals(extradata)
    return ParameterSets(Framing((extradata[4] & 3) + 1), nals)


def hevc_parameters(extradata: bytes) -> ParameterSets:
    """From ``hvcC`` or from start codes. Raises BadBitstream."""
    # Annex B begins with zeros; hvcC with its version, 1 (0 in files made before the standard).
    if extradata[:3] in {b"\0\0\0", b"\0\0\1"} or len(extradata) < 23:
        return ParameterSets(Framing(0), tuple(split_annexb(extradata)))
    nals, at = [], 23
    for _ in range(extradata[22]):
        count = int.from_bytes(extradata[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            nal, at = _sized(extradata, at)
            nals.append(nal)
    wanted = {HEVC_VPS, HEVC_SPS, HEVC_PPS}
    return ParameterSets(
        Framing((extradata[21] & 3) + 1), tuple(n for n in nals if hevc_type(n) in wanted)
    )


def merged_avcc(extradata: bytes, more: Sequence[bytes]) -> bytes:
    """`extradata` (``avcC``) that also holds the SPS and PPS `more`."""
    _, end = _avcc_nals(extradata)
    nals = [*h264_parameters(extradata).nals, *more]
    sps = [n for n in nals if h264_type(n) == H264_SPS]
    pps = [n for n in nals if h264_type(n) == H264_PPS]
    body = bytearray(extradata[:5])
    body.append(0xE0 | len(sps))
    body += b"".join(len(n).to_bytes(2, "big") + n for n in sps)
    body.append(len(pps))
    body += b"".join(len(n).to_bytes(2, "big") + n for n in pps)
    return bytes(body) + extradata[end:]


def _avcc_nals(extradata: bytes) -> tuple[tuple[bytes, ...], int]:
    if len(extradata) < 7:
        raise BadBitstream("avcC is too short")
    nals, at = [], 5
    for mask in (0x1F, 0xFF):
        count = extradata[at] & mask
        at += 1
        for _ in range(count):
            nal, at = _sized(extradata, at)
            nals.append(nal)
        if at >= len(extradata) and mask == 0x1F:
            raise BadBitstream("avcC is too short")
    return tuple(nals), at


def _sized(data: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(data[at : at + 2], "big")
    end = at + 2 + size
    if not size or end > len(data):
        raise BadBitstream("a parameter set is longer than its record")
    return data[at + 2 : end], end


def h264_type(nal: bytes) -> int:
    return nal[0] & 0x1F


def hevc_type(nal: bytes) -> int:
    return nal[0] >> 1 & 0x3F


def h264_ids(nals: Iterable[bytes]) -> set[int]:
    """The ids of all SPS and PPS, in one set: x264 gives both of its own the same id."""
    found: set[int] = set()
    for nal in nals:
        if h264_type(nal) == H264_SPS:
            found.add(_exp_golomb(nal[4:]))  # after profile, constraints and level
        elif h264_type(nal) == H264_PPS:
            found.add(_exp_golomb(nal[1:]))
    return found


def is_h264_entry(nals: Iterable[bytes]) -> bool:
    """An IDR picture. A recovery point is none: what follows counts on the `frame_num`s before."""
    slices = (h264_type(nal) for nal in nals if 1 <= h264_type(nal) <= H264_IDR)
    return next(slices, 0) == H264_IDR


def hevc_entry(nals: Iterable[bytes]) -> int | None:
    """The NAL type of an access unit at which decoding may start, None where it may not."""
    slices = (hevc_type(nal) for nal in nals if hevc_type(nal) < HEVC_VPS)
    first = next(slices, None)
    return first if first in HEVC_ENTRIES else None


def as_broken_link(nals: Iterable[bytes]) -> list[bytes]:
    """A CRA picture as BLA_N_LP, which says: what came before is gone, nothing leads this picture.

    The syntax of both slice headers is the same (H.265, 7.3.6.1), so only the type changes.
    """
    return [
        bytes([nal[0] & 0x81 | HEVC_BLA_N_LP << 1]) + nal[1:] if hevc_type(nal) == HEVC_CRA else nal
        for nal in nals
    ]


def _exp_golomb(data: bytes) -> int:
    """The first ue(v) of a NAL payload (emulation prevention removed)."""
    clean = data[:16].replace(b"\0\0\3", b"\0\0")
    bits = int.from_bytes(clean, "big")
    total = len(clean) * 8
    zeros = total - bits.bit_length()
    if not bits or 2 * zeros + 1 > total:
        raise BadBitstream("a parameter set has no id")
    return (bits >> (total - 2 * zeros - 1)) - 1
