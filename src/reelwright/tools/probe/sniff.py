"""What the first bytes of a file say by themselves, before any tool reads it.

Three things need it: FFmpeg's ``image2`` takes any ``*.jpg`` by its name and cannot be allowed, so
a JPEG is pinned to ``jpeg_pipe``; the ffprobe of the wheel is built without zlib and cannot read
the size of a PNG or of a deflated TIFF; and EXIF orientation is on the frame, so an image wants one
decoded frame.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_HEAD_BYTES = 1 << 16
_WIDTH, _HEIGHT, _ORIENTATION = 0x100, 0x101, 0x112  # TIFF tags
_PNG = b"\x89PNG\r\n\x1a\n"

# PNG specification, table 11.1: color type -> FFmpeg's pixel format at 8 and at 16 bits a sample.
_PNG_FORMATS = {
    0: ("gray", "gray16be"),
    2: ("rgb24", "rgb48be"),
    3: ("pal8", "pal8"),
    4: ("ya8", "ya16be"),
    6: ("rgba", "rgba64be"),
}

# EXIF 2.32, tag 0x0112, in FFmpeg's terms: mirrored top to bottom first, then turned clockwise.
_ORIENTATIONS = {
    1: (0, False),
    2: (180, True),
    3: (180, False),
    4: (0, True),
    5: (90, True),
    6: (90, False),
    7: (270, True),
    8: (270, False),
}


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What an image's own header says of the picture. None: it does not say."""

    width_px: int
    height_px: int
    pix_fmt: str | None = None
    has_alpha: bool | None = None
    rotation_deg: int = 0
    is_mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Sniffed:
    """`demuxer` is set where it must be pinned; `is_image`: one picture, worth decoding."""

    demuxer: str | None = None
    is_image: bool = False
    picture: PictureHeader | None = None
    is_iso_media: bool = False
    is_webp: bool = False
    is_transport_stream: bool = False


def sniff(path: Path) -> Sniffed:
    """Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if head[:4] in (b"II*\0", b"MM\0*"):
            return Sniffed(is_image=True, picture=_tiff_header(file, head))
    if head.startswith(b"\xff\xd8\xff"):
        return Sniffed(demuxer="jpeg_pipe", is_image=True)
    if head.startswith(_PNG):
        return Sniffed(is_image=b"acTL" not in head, picture=png_header(head))
    if head[:6] in (b"GIF87a", b"GIF89a") and len(head) >= 10:
        # Of a canvas that it finds impossible FFmpeg's demuxer says no size at all.
        return Sniffed(picture=PictureHeader(*struct.unpack_from("<HH", head, 6)))
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    if head[:2] == b"BM" or is_webp:
        return Sniffed(is_image=True, is_webp=is_webp)
    is_ts = len(head) > 376 and head[0] == head[188] == head[376] == 0x47
    return Sniffed(is_iso_media=head[4:8] in _ISO_BOXES, is_transport_stream=is_ts)


_ISO_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"pnot"})


def png_header(head: bytes) -> PictureHeader | None:
    """The header of a PNG from its first bytes; None where they hold none."""
    if len(head) < 33 or head[:8] != _PNG or head[12:16] != b"IHDR":
        return None
    width, height, depth, kind = struct.unpack_from(">IIBB", head, 16)
    if kind not in _PNG_FORMATS:
        return None
    pix_fmt = "monob" if kind == 0 and depth == 1 else _PNG_FORMATS[kind][depth == 16]
    turn, has_palette_alpha = (0, False), False
    offset = 33
    while offset + 8 <= len(head):  # ancillary parts before the picture's data
        size, name = struct.unpack_from(">I4s", head, offset)
        if name == b"IDAT":
            break
        if name == b"eXIf":
            tags = _tiff_tags(head[offset + 8 : offset + 8 + size])
            turn = _ORIENTATIONS.get(tags.get(_ORIENTATION, 1), turn)
        has_palette_alpha |= name == b"tRNS"
        offset += size + 12
    return PictureHeader(width, height, pix_fmt, kind in (4, 6) or has_palette_alpha, *turn)


def _tiff_header(file: BinaryIO, head: bytes) -> PictureHeader | None:
    """Size from a TIFF's first directory, which may stand anywhere in the file."""
    order = ">" if head[:2] == b"MM" else "<"
    if len(head) < 8:
        return None
    (start,) = struct.unpack_from(f"{order}I", head, 4)
    file.seek(start)
    # As if the directory stood right behind the header.
    tags = _tiff_tags(head[:4] + struct.pack(f"{order}I", 8) + file.read(_HEAD_BYTES))
    if _WIDTH not in tags or _HEIGHT not in tags:
        return None
    return PictureHeader(tags[_WIDTH], tags[_HEIGHT])


def _tiff_tags(tiff: bytes) -> dict[int, int]:
    """The first directory's tags that hold one SHORT or LONG (TIFF 6.0, section 2)."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 10:
        return {}
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return {}
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    found: dict[int, int] = {}
    for entry in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, values = struct.unpack_from(f"{order}HHI", tiff, entry)
        if values == 1 and kind in (3, 4):
            (found[tag],) = struct.unpack_from(order + "HI"[kind == 4], tiff, entry + 8)
    return found


def is_scrambled(path: Path) -> bool:
    """Whether most payload of an MPEG transport stream is scrambled (ISO/IEC 13818-1, 2.4.3.3)."""
    with path.open("rb") as file:
        head = file.read(188 * 512)
    packets = [head[i : i + 4] for i in range(0, len(head) - 187, 188)]
    payload = [p for p in packets if p[0] == 0x47 and p[3] & 0x10]
    scrambled = [p for p in payload if p[3] & 0xC0]
    return len(scrambled) * 2 > len(payload) > 0
