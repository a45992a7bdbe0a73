"""The `inputs` of a spec: names, and where each is found. Nothing is opened."""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from reelwright.errors import Code, ReelError
from reelwright.graph.params import Boolean, String
from reelwright.graph.params.form import form_of, shown
from reelwright.graph.params.nearest import meant
from reelwright.spec.forms import NAME, ON_DAMAGE
from reelwright.spec.model import InputSpec
from reelwright.spec.report import Field, Fields, Report

OBJECT_SCHEMES = ("s3", "gs", "az")
UPLOAD = "upload:"
ASSET = "asset:"
# As the library calls them (`store.asset_files.Role`).
ASSET_ROLES = ("video", "captions", "thumbnail", "info", "description", "chapters", "nfo")
_UPLOAD_ID = re.compile(r"[0-9a-hjkmnp-tv-z]{17}")  # as `store.ids` makes them
_SCHEMES = ("http", "https", *OBJECT_SCHEMES, "file")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_GLOB = re.compile(r"[*?\[]")
_STRING = form_of(String)
_BOOLEAN = form_of(Boolean)

FIELDS: Fields = {
    "path": Field(
        _STRING,
        "path, file: or http(s):// or s3://, gs://, az:// address, glob, asset:ID of the library "
        "(asset:ID/captions/en: what stands beside its video), or upload:ID of a server",
        required=True,
    ),
    "glob": Field(
        _BOOLEAN, "false: '*', '?' and '[' are part of the name; true: they match (the default)"
    ),
    "on_damage": Field(ON_DAMAGE, "fail (the default), or keep: take what can be read"),
}


def read_inputs(report: Report, value: Any, on_damage: str) -> dict[str, InputSpec]:
    """Inputs by name. A wrong one is noted and left out."""
    body = report.mapping(value, "inputs", "a mapping of names to paths", "talk: talk.mp4")
    found: dict[str, InputSpec] = {}
    for name, entry in (body or {}).items():
        where = f"inputs.{name}"
        if report.convert(NAME, name, where) is None:
            continue
        made = _read_input(report, name, entry, where, on_damage)
        if made is not None:
            found[name] = made
    return found


def _read_input(
    report: Report, name: str, entry: Any, where: str, on_damage: str
) -> InputSpec | None:
    body = {"path": entry} if isinstance(entry, str) else entry
    if not isinstance(body, dict):
        what = "nothing was given" if body is None else f"{shown(body)} is not an input"
        report.add(Code.FIELD_INVALID, where, f"{what}; write a path, or {{path: talk.mp4}}")
        return None
    fields = report.fields(body, where, FIELDS, f"input '{name}'")
    if "path" not in fields:
        return None
    try:
        uri, is_glob = resolve_input(fields["path"], report.context, fields.get("glob"))
    except ReelError as error:
        report.add(error.code, where, str(error), error.problem.hint)
        return None
    damage = fields.get("on_damage", on_damage)
    return InputSpec(name=name, uri=uri, is_glob=is_glob, on_damage=damage)


def resolve_input(
    text: str, context: Mapping[str, Any], glob: bool | None = None
) -> tuple[str, bool]:
    """The absolute path, URL, ``upload:ID`` or ``asset:ID``, and whether it is a pattern.

    Raises INPUT_SCHEME, FIELD_INVALID.
    """
    if not text.strip() or "\0" in text:
        raise ReelError(Code.FIELD_INVALID, f"{shown(text)} is not a path")
    if text.lower().startswith(UPLOAD):
        return _uploads(text, glob)
    if text.lower().startswith(ASSET):
        return _asset(text, glob), False
    scheme = url_scheme(text, _SCHEMES)
    if scheme in (None, "file"):
        path = absolute(local_path(text), context.get("base"))
        return path, _GLOB.search(path) is not None if glob is None else glob
    check_url(text)
    # In an http address '?' and '[' have a meaning of their own; object stores list by prefix.
    is_pattern = scheme in OBJECT_SCHEMES and "*" in text
    return text, is_pattern if glob is None else glob and is_pattern


def upload_ids(uri: str) -> tuple[str, ...]:
    """Of an input's `uri` that `resolve_input` gave; empty where it names no upload."""
    return tuple(uri.removeprefix(UPLOAD).split(",")) if uri.startswith(UPLOAD) else ()


@dataclass(frozen=True, slots=True)
class AssetRef:
    """A file of an asset: its newest video where nothing else is said. `which`: of captions the
    language, of a video the number of its version."""

    asset_id: str
    role: str = "video"
    which: str | None = None


def asset_ref(uri: str) -> AssetRef | None:
    """Of an input's `uri` that `resolve_input` gave; None where it names no asset."""
    return AssetRef(*uri.removeprefix(ASSET).split("/", 2)) if uri.startswith(ASSET) else None


def _asset(text: str, glob: bool | None) -> str:
    """``asset:ID``, ``asset:ID/video/1``, ``asset:ID/captions/en``."""
    asset_id, *rest = text[len(ASSET) :].strip().split("/")
    role = rest[0].lower() if rest else "video"
    is_version = role != "video" or not rest[1:] or rest[1].isdecimal()
    if (
        not _UPLOAD_ID.fullmatch(asset_id.lower())
        or role not in ASSET_ROLES
        or len(rest) > 2
        or not all(rest)
        or not is_version
        or glob
    ):
        raise ReelError(
            Code.FIELD_INVALID,
            f"{shown(text)} is not a file of an asset",
            hint="write asset: and the id that `reel library` shows, and what of it: asset:ID, "
            f"asset:ID/video/1, asset:ID/captions/en (there are {', '.join(ASSET_ROLES)}); a file "
            f"of that name: './{text[:40]}'",
        )
    return ASSET + "/".join([asset_id.lower(), *([role, *rest[1:]] if rest else [])])


def _uploads(text: str, glob: bool | None) -> tuple[str, bool]:
    """``upload:ID``, or ``upload:ID,ID`` in place of a pattern: these files in this order."""
    ids = [part.strip().lower() for part in text[len(UPLOAD) :].split(",")]
    if not all(map(_UPLOAD_ID.fullmatch, ids)):
        raise ReelError(
            Code.FIELD_INVALID,
            f"{shown(text)} is not an upload",
            hint="write upload: and the id that the server gave (several: with commas); a file of "
            f"that name: './{text[:40]}'",
        )
    if len(ids) > 1 and glob is False:
        raise ReelError(
            Code.FIELD_INVALID,
            f"{len(ids)} uploads are a list, and `glob` says that it is one file",
            hint="name one upload, or leave `glob` out",
        )
    return UPLOAD + ",".join(ids), len(ids) > 1 if glob is None else glob


def url_scheme(text: str, known: tuple[str, ...]) -> str | None:
    """The scheme in lower case; None for a path. Raises INPUT_SCHEME where it is not `known`."""
    if re.match(r"file:", text, re.IGNORECASE):
        return "file"
    found = _URL.match(text)
    if found is None:
        return None
    scheme = found[1].lower()
    if scheme not in known:
        near = meant(scheme, known)
        raise ReelError(
            Code.INPUT_SCHEME,
            f"'{scheme}://' cannot be read or written here" + (f", {near}" if near else ""),
            hint=f"use a path, or {', '.join(f'{s}://' for s in known)}; "
            f"a file of that name: './{text[:40]}'",
        )
    return scheme


def local_path(text: str) -> str:
    """``file:///a%20b`` is percent-encoded (RFC 8089), ``file:a b`` is FFmpeg's and is not."""
    if not text.lower().startswith("file:"):
        if text.startswith("~"):
            raise ReelError(
                Code.FIELD_INVALID,
                f"{shown(text)} begins with '~', which is not expanded",
                hint="write the whole path, or './~...' for a file so named",
            )
        return text
    if not text.lower().startswith("file://"):
        return text[5:]
    parts = urlsplit(text)
    if parts.netloc not in {"", "localhost"}:
        raise ReelError(Code.INPUT_SCHEME, f"{shown(text)} names a file on another host")
    return unquote(parts.path)


def check_url(text: str) -> None:
    """Raises FIELD_INVALID for an address without a host, or with spaces."""
    try:
        host = urlsplit(text).netloc
    except ValueError:
        host = ""
    if not host or re.search(r"[\s\x00-\x1f]", text):
        raise ReelError(
            Code.FIELD_INVALID,
            f"{shown(text)} is not an address",
            hint="write scheme://host/path, spaces as %20",
        )


def absolute(path: str, base: Path | str | None) -> str:
    """`path` against the spec's folder; left relative where there is none."""
    return os.path.normpath(path if base is None else os.path.join(base, path))  # noqa: PTH118
