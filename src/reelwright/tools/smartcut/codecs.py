"""What each codec needs so that encoded edges and copied packets make one legal stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reelwright.tools.smartcut import bitstream as bits
from reelwright.tools.smartcut.job import CannotCut

# What reorders frames, so that packets stand in another order than pictures.
REORDERING = frozenset({"h264", "hevc", "mpeg2video", "mpeg1video", "mpeg4", "vc1"})


@dataclass(slots=True)
class Grammar:
    """The rules of a codec whose keyframes all are places where decoding may start.

    `extradata` is the source's; `more` is what the edge encoder wrote as its own.
    """

    extradata: bytes
    more: bytes = b""

    codec_tag: str | None = None

    def is_entry(self, data: bytes) -> bool:
        """May copying begin with this keyframe?"""
        return bool(data)

    def encoder_options(self) -> dict[str, str]:
        return {}

    def merged_extradata(self) -> bytes:
        return self.extradata or self.more

    def first(self, data: bytes) -> bytes:
        """The keyframe with which copying begins, after an edge."""
        return self.key(data)

    def key(self, data: bytes) -> bytes:
        """Any copied keyframe."""
        return data

    def edge(self, data: bytes, *, is_key: bool) -> bytes:
        """A packet of the edge encoder."""
        return data


@dataclass(slots=True)
class H264(Grammar):
    """Two parameter sets of different ids in the stream's extradata; start codes carry them too."""

    source: bits.ParameterSets = field(init=False)

    def __post_init__(self) -> None:
        self.source = bits.h264_parameters(self.extradata)

    def is_entry(self, data: bytes) -> bool:
        return bits.is_h264_entry(self.source.framing.split(data))

    def encoder_options(self) -> dict[str, str]:
        return {"sps-id": str(self._free_id())}

    def _free_id(self) -> int:
        taken = bits.h264_ids(self.source.nals)
        # x264 takes 0..31; 0 is what nearly every encoder uses and in-band sets would bring back.
        return next(i for i in range(31, -1, -1) if i not in taken)

    def merged_extradata(self) -> bytes:
        more = self._edge_sets()
        if not self.source.framing.length_bytes:
            return bits.Framing(0).join([*self.source.nals, *more])
        return bits.merged_avcc(self.extradata, more)

    def _edge_sets(self) -> list[bytes]:
        return list(bits.h264_parameters(self.more).nals) if self.more else []

    def key(self, data: bytes) -> bytes:
        """Raises CannotCut where the source has parameter sets in band that collide with ours."""
        nals = self.source.framing.split(data)
        sets = [n for n in nals if bits.h264_type(n) in (bits.H264_SPS, bits.H264_PPS)]
        if sets and bits.h264_ids(sets) & bits.h264_ids(self._edge_sets()):
            raise CannotCut("the stream brings parameter sets with the ids of the encoded edges")
        if self.source.framing.length_bytes or sets:
            return data
        return self.source.framing.join([*self.source.nals, *nals])

    def edge(self, data: bytes, *, is_key: bool) -> bytes:
        nals = bits.split_annexb(data)
        framing = self.source.framing
        sets = self._edge_sets() if is_key and not framing.length_bytes else []
        return framing.join([*sets, *nals])


@dataclass(slots=True)
class Hevc(Grammar):
    """x265 cannot choose the ids of its parameter sets, so both sides bring theirs in band.

    Every copied keyframe repeats the source's: who jumps there may have decoded an edge before.
    """

    source: bits.ParameterSets = field(init=False)

    def __post_init__(self) -> None:
        self.source = bits.hevc_parameters(self.extradata)
        # hvc1 promises that no parameter sets are in band; hev1 does not (ISO/IEC 14496-15).
        self.codec_tag = "hev1"

    def is_entry(self, data: bytes) -> bool:
        return bits.hevc_entry(self.source.framing.split(data)) is not None

    def merged_extradata(self) -> bytes:
        return self.extradata

    def first(self, data: bytes) -> bytes:
        nals = bits.as_broken_link(self.source.framing.split(data))
        return self._with_sets(nals)

    def key(self, data: bytes) -> bytes:
        return self._with_sets(self.source.framing.split(data))

    def _with_sets(self, nals: Sequence[bytes]) -> bytes:
        if any(bits.hevc_type(nal) == bits.HEVC_SPS for nal in nals):
            return self.source.framing.join(nals)
        return self.source.framing.join(_after_delimiter(nals, self.source.nals))

    def edge(self, data: bytes, *, is_key: bool) -> bytes:
        nals = bits.split_annexb(data)
        if is_key and not any(bits.hevc_type(nal) == bits.HEVC_SPS for nal in nals):
            nals = _after_delimiter(nals, bits.hevc_parameters(self.more).nals)
        return self.source.framing.join(nals)


def _after_delimiter(nals: Sequence[bytes], sets: Sequence[bytes]) -> list[bytes]:
    """An access unit delimiter (type 35) comes first in its access unit."""
    head = [n for n in nals[:1] if bits.hevc_type(n) == 35]
    return [*head, *sets, *nals[len(head) :]]


@dataclass(slots=True)
class Mpeg2(Grammar):
    """The sequence header stands before each intra picture, ours and the source's alike."""

    def key(self, data: bytes) -> bytes:
        return data if data.startswith(b"\0\0\1\xb3") else self.extradata + data


@dataclass(slots=True)
class InBand(Grammar):
    """Keyframes bring all that a decoder needs (VP8, VP9, AV1 with its sequence header)."""

    def merged_extradata(self) -> bytes:
        return self.extradata


GRAMMARS: dict[str, Callable[[bytes], Grammar]] = {
    "h264": H264,
    "hevc": Hevc,
    "mpeg2video": Mpeg2,
    "vp8": InBand,
    "vp9": InBand,
    "av1": InBand,
}


def grammar_of(codec: str, extradata: bytes) -> Grammar:
    """Raises CannotCut where the codec's own headers cannot be read."""
    try:
        return GRAMMARS.get(codec, Grammar)(extradata)
    except (bits.BadBitstream, IndexError) as error:
        raise CannotCut(f"the parameter sets cannot be read: {error}") from error
