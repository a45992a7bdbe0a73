"""Runs a FETCH step: parts of what is at one address, by one extraction, into the workspace.

Its payload is described in ``planning.fetching``. The results, by node::

    {"role": "video", "files": [{"role", "format"}], "media": MediaInfo, "info": VideoInfo,
     "url", "final_url", "etag", "last_modified", "sha256"}
    {"role": "thumbnail", "files": [...], "media": MediaInfo or None}
    {"role": "metadata", "files": [...], "info": VideoInfo}
    {"role": "captions", "files": [{"role", "format", "language", "kind"}, …]}     none is fine
    {"role": "info" | "description" | "comments" | "live_chat", "files": [...]}

each with one entry of `files` for every file of the node's output, in the same order.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, Kind, ReelError
from reelwright.runners.bringing import Bringing, Brought, BroughtFile
from reelwright.runners.context import StepResult
from reelwright.runners.plain import extension_in
from reelwright.tools.probe import probe

if TYPE_CHECKING:
    from reelwright.media.info import MediaInfo
    from reelwright.planning.plan import Step
    from reelwright.runners.context import Gate, StepContext

# A language comes from the site and goes into names of files.
_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")
_LANGUAGE_CHARS = 35
# What ended the asking, but says nothing of the site.
_OURS = frozenset({Kind.RESOURCE, Kind.STATE, Kind.TOOL, Kind.INTERNAL, Kind.CANCELLED})


@dataclass(frozen=True, slots=True)
class _Looked:
    """What is known of a file when it was looked into."""

    sha256: str
    media: MediaInfo


async def run(step: Step, context: StepContext) -> StepResult:
    """Raises HTTP_*, NETWORK_*, VIDEO_*, TLS_INVALID, EXTRACTOR_*, FORMAT_UNAVAILABLE,
    MEDIA_TOO_LARGE, DISK_FULL, BUDGET_SPENT, CIRCUIT_OPEN, OUTPUT_MISMATCH (another digest than
    asked for), STREAM_MISSING (no captions where they are required), and what `probe` raises."""
    bringing = Bringing(step.payload, context)
    async with _passing(context.gate, bringing.url):
        brought = await bringing.run()
    _check_captions(bringing, brought)
    looked: dict[str, _Looked | None] = {
        part: await _look_into(brought.of(part), context)
        for part in ("video", "thumbnail")
        if part in bringing.parts
    }
    _check_digest(bringing, looked.get("video"))
    if "video" in looked and looked["video"] is None:
        raise ReelError(
            Code.TOOL_NO_OUTPUT, f"no video came from {bringing.url}", where=bringing.url
        )
    brought = await asyncio.to_thread(_with_metadata, bringing, _named(brought, looked))
    return _result(step, bringing, brought, looked)


@asynccontextmanager
async def _passing(gate: Gate | None, url: str) -> AsyncIterator[None]:
    """Through the gate, and what the site said back to it."""
    if gate is None:
        yield
        return
    await gate.enter(url)
    try:
        yield
    except ReelError as error:
        if error.code.kind not in _OURS:
            await _tell(gate, url, error.code if error.code.kind is Kind.NETWORK else None)
        raise
    await _tell(gate, url, None)


async def _tell(gate: Gate, url: str, code: Code | None) -> None:
    """What was fetched is not lost because nobody could write down how it went."""
    with suppress(ReelError):
        await gate.leave(url, code)


def _with_metadata(bringing: Bringing, brought: Brought) -> Brought:
    if "metadata" not in bringing.parts:
        return brought
    path = bringing.context.workspace / "metadata.json"
    text = json.dumps(brought.info.to_json(), ensure_ascii=False, indent=2)
    path.write_text(text + "\n", encoding="utf-8")
    file = BroughtFile(part="metadata", path=path, format="json")
    return replace(brought, files=(*brought.files, file))


def _check_captions(bringing: Bringing, brought: Brought) -> None:
    if not bringing.wanted("captions").get("required"):
        return
    if not any(brought.of(part) for part in bringing.parts if part.startswith("captions.")):
        offered = brought.info.captions_human or brought.info.captions_auto
        raise ReelError(
            Code.STREAM_MISSING,
            f"{bringing.url} offers no captions in the languages that are wanted",
            where=bringing.url,
            hint=f"there are: {', '.join(offered[:20]) or 'none'}",
            evidence={
                "human": list(brought.info.captions_human),
                "auto": list(brought.info.captions_auto),
            },
        )


async def _look_into(files: Sequence[BroughtFile], context: StepContext) -> _Looked | None:
    if not files:
        return None
    from reelwright.media.digest import sha256_file

    file = files[0]
    sha256 = file.sha256
    if sha256 is None:
        sha256 = await asyncio.to_thread(sha256_file, file.path)
    media = await probe(file.path, context.tools, sha256=sha256, sandbox=context.sandbox)
    return _Looked(sha256, media)


def _check_digest(bringing: Bringing, video: _Looked | None) -> None:
    expected = bringing.wanted("video").get("sha256")
    if expected and video is not None and expected.lower() != video.sha256:
        raise ReelError(
            Code.OUTPUT_MISMATCH,
            f"{bringing.url} has the digest {video.sha256}, not {expected}",
            where=bringing.url,
            hint="the origin has another file now, or `sha256` is wrong",
        )


def _named(brought: Brought, looked: Mapping[str, _Looked | None]) -> Brought:
    """With digests and forms where they are known only now, and languages fit for names."""
    files = []
    for file in brought.files:
        found = looked.get(file.part)
        if found is not None:
            form = file.format or extension_in(found.media)
            file = replace(file, sha256=found.sha256, format=form)
        if file.language is not None:
            safe = _UNSAFE.sub("-", file.language).strip("-")[:_LANGUAGE_CHARS]
            file = replace(file, language=safe or "und")
        files.append(file)
    info = brought.info
    video = looked.get("video")
    if info.duration_s is None and video is not None and video.media.duration is not None:
        info = replace(info, duration_s=float(video.media.duration))
    return replace(brought, files=tuple(files), info=info)


def _result(
    step: Step,
    bringing: Bringing,
    brought: Brought,
    looked: Mapping[str, _Looked | None],
) -> StepResult:
    parts: Mapping[str, str] = step.payload["outputs"]
    files = {name: tuple(f.path for f in brought.of(part)) for name, part in parts.items()}
    told = {part: _told(part, bringing, brought, looked.get(part)) for part in parts.values()}
    facts = {
        name: found.media.to_json()
        for name, part in parts.items()
        if (found := looked.get(part)) is not None
    }
    return StepResult(
        files=files,
        results={node: told[parts[name]] for node, name in step.payload["nodes"].items()},
        report={"outputs": facts, "fetch": bringing.notes},
        digests={file.path: file.sha256 for file in brought.files if file.sha256},
        cpu_seconds=bringing.cpu_seconds,
    )


def _told(
    part: str, bringing: Bringing, brought: Brought, looked: _Looked | None
) -> dict[str, Any]:
    kind, _, name = part.partition(".")
    role = name if kind == "metadata" and name else kind
    body: dict[str, Any] = {
        "role": role,
        "files": [_file(role, file) for file in brought.of(part)],
    }
    if part == "video" and looked is not None:
        body |= {
            "media": looked.media.to_json(),
            "info": brought.info.to_json(),
            "url": bringing.url,
            "final_url": brought.final_url,
            "etag": brought.etag,
            "last_modified": brought.last_modified,
            "sha256": looked.sha256,
        }
    elif part == "thumbnail":
        body["media"] = None if looked is None else looked.media.to_json()
    elif part == "metadata":
        body["info"] = brought.info.to_json()
    return body


def _file(role: str, file: BroughtFile) -> dict[str, Any]:
    body = {"role": role, "format": file.format}
    if role == "captions":
        body |= {"language": file.language or "und", "kind": file.kind or "human"}
    return body
