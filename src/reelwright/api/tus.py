"""The headers of tus 1.0 (https://tus.io/protocols/resumable-upload), read and checked."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from reelwright.api.problems import Answered
from reelwright.app.upload_parts import CHECKSUMS, Checksum
from reelwright.errors import Code, Problem

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,expiration,checksum"
_NAME_CHARS = 255
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,255}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


def checksum(given: str | None) -> Checksum | None:
    """``sha1 BASE64`` of Upload-Checksum. Raises FIELD_INVALID."""
    if given is None:
        return None
    algorithm, _, encoded = given.strip().partition(" ")
    allowed = f"use {', '.join(CHECKSUMS)}"
    if algorithm not in CHECKSUMS:
        said = f"'{algorithm[:20]}' is not a checksum that is known here"
        raise wrong(Code.FIELD_INVALID, "upload-checksum", said, allowed)
    digest = _decoded(encoded.strip())
    if not digest:
        said = "the checksum is not base64"
        raise wrong(Code.FIELD_INVALID, "upload-checksum", said, f"{allowed}, a space, base64")
    return Checksum(algorithm, digest)


def metadata(given: str | None) -> dict[str, str]:
    """Upload-Metadata: name → base64. Raises FIELD_INVALID."""
    found: dict[str, str] = {}
    for pair in (given or "").split(","):
        name, _, encoded = pair.strip().partition(" ")
        if not name and not (given or "").strip():
            continue
        encoded = encoded.strip()
        if not _KEY.fullmatch(name) or name in found or _decoded(encoded) is None:
            raise wrong(
                Code.FIELD_INVALID,
                "upload-metadata",
                f"'{pair.strip()[:40]}' is not a name, a space and base64"
                if name not in found
                else f"'{name[:40]}' is there twice",
                "send pairs with commas between: `filename dGFsay5tcDQ=`",
            )
        found[name] = encoded
    return found


def name_of(metadata: Mapping[str, str]) -> str:
    """Of the file alone, whatever folders stand before it; for people, never for a path."""
    given = _text(metadata, "filename") or _text(metadata, "name") or ""
    name = _UNPRINTABLE.sub("", given.replace("\\", "/").rpartition("/")[2])
    return name[:_NAME_CHARS] or "upload"


def sha256_of(metadata: Mapping[str, str]) -> str | None:
    """What the client says that the file will be. Raises FIELD_INVALID."""
    given = _text(metadata, "sha256")
    if given is None:
        return None
    if not _SHA256.fullmatch(given):
        said = "the `sha256` is not 64 hexadecimal digits, in base64"
        raise wrong(Code.FIELD_INVALID, "upload-metadata", said, "leave it out, or correct it")
    return given.lower()


def _text(metadata: Mapping[str, str], name: str) -> str | None:
    encoded = metadata.get(name)
    return None if encoded is None else (_decoded(encoded) or b"").decode("utf-8", "replace")


def _decoded(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None


def wrong(code: Code, header: str, message: str, hint: str) -> Answered:
    """400, as tus has it for headers that cannot be read."""
    return Answered(Problem(code, message, f"header.{header}", hint), 400)
