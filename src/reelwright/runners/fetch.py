"""Brings a URL into the workspace: a plain download, or what a page or playlist shows.

The payload of such a step, written by planning from the `fetch` operator's options::

    {"node": "get/fetch",                  under which the result is stored
     "url": "https://…",
     "format": "bv*+ba/b" | absent,        yt-dlp's selector, for pages that offer several
     "sha256": "…" | absent,               what the file must be
     "max_bytes": 500000000 | absent,
     "headers": {"Authorization": "…"},    for the host of the URL alone
     "how": "auto" | "file" | "page"}

with one output. The result is ``{"media": MediaInfo, "url", "final_url", "etag", "sha256"}``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.runners.context import StepProgress, StepResult
from reelwright.tools.download.child import fetch_file
from reelwright.tools.download.http import Downloaded, NotAFile, Wish
from reelwright.tools.probe import probe
from reelwright.tools.ytdlp.page import fetch_page
from reelwright.tools.ytdlp.request import PageAnswer, PageWish

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.planning.plan import Step
    from reelwright.runners.context import StepContext

# The best picture with the best sound; files that hold both where a page offers no others.
_FORMAT = "bv*+ba/b"


@dataclass(slots=True)
class _Fetch:
    """A step on its way; `notes` are for the report."""

    step: Step
    context: StepContext
    cpu_seconds: float = 0.0
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def payload(self) -> Mapping[str, Any]:
        return self.step.payload

    @property
    def target(self) -> Path:
        return self.context.workspace / self.step.outputs[0].name

    def tell(self, got: int, size: int | None) -> None:
        part = min(1.0, got / size) if size else None
        self.context.on_progress(StepProgress(size_bytes=got, fraction=part))


async def run(step: Step, context: StepContext) -> StepResult:
    """Raises HTTP_*, NETWORK_*, TLS_INVALID, EXTRACTOR_UNSUPPORTED, MEDIA_TOO_LARGE, DISK_FULL,
    OUTPUT_MISMATCH (another digest than asked for), and what `probe` raises."""
    fetch = _Fetch(step, context)
    got = await _bring(fetch)
    expected = fetch.payload.get("sha256")
    if expected and expected.lower() != got.sha256:
        raise ReelError(
            Code.OUTPUT_MISMATCH,
            f"{fetch.payload['url']} has the digest {got.sha256}, not {expected}",
            where=fetch.payload["url"],
            hint="the origin has another file now, or `sha256` is wrong",
        )
    media = await probe(fetch.target, context.tools, sha256=got.sha256, sandbox=context.sandbox)
    facts = media.to_json()
    result = {
        "media": facts,
        "url": fetch.payload["url"],
        "final_url": got.final_url,
        "etag": got.etag,
        "sha256": got.sha256,
    }
    name = step.outputs[0].name
    return StepResult(
        files={name: (fetch.target,)},
        results={fetch.payload["node"]: result},
        report={"outputs": {name: facts}, "fetch": fetch.notes},
        cpu_seconds=fetch.cpu_seconds,
    )


async def _bring(fetch: _Fetch) -> Downloaded:
    url = fetch.payload["url"]
    how = fetch.payload.get("how", "auto")
    if how != "page":
        try:
            return await _file(fetch, url, fetch.payload.get("headers", {}))
        except NotAFile as page:
            if how == "file":
                raise ReelError(
                    Code.MEDIA_UNRECOGNISED,
                    f"{url} is a page or a playlist ({page.content_type or 'no type'}), no file",
                    where=url,
                    hint="leave `how` out, so that the video on the page is looked for",
                ) from page
            url = page.url
    return await _page(fetch, url)


async def _file(fetch: _Fetch, url: str, headers: Mapping[str, str]) -> Downloaded:
    context = fetch.context
    wish = Wish(
        url=url,
        key=url,
        headers=dict(headers),
        **_limits(fetch),
    )
    parts = context.scratch or context.workspace / "parts"
    await asyncio.to_thread(parts.mkdir, parents=True, exist_ok=True)
    got, cpu_seconds = await fetch_file(
        wish,
        fetch.target,
        parts,
        log=context.log,
        sandbox=context.sandbox,
        on_progress=fetch.tell,
        heartbeat=context.heartbeat,
        grace_s=context.grace_s,
    )
    fetch.cpu_seconds += cpu_seconds
    fetch.notes |= {"by": "download", "resumed_bytes": got.resumed_bytes}
    return got


async def _page(fetch: _Fetch, url: str) -> Downloaded:
    """What yt-dlp finds there. A file that the page links to is downloaded by us after all."""
    context = fetch.context
    wish = PageWish(
        url=url,
        folder=str(context.workspace),
        ffmpeg=str(context.tools.ffmpeg),
        format=fetch.payload.get("format") or _FORMAT,
        headers=dict(fetch.payload.get("headers", {})),
        **_limits(fetch),
    )
    answer, cpu_seconds = await fetch_page(
        wish,
        log=context.log,
        sandbox=context.sandbox,
        on_progress=fetch.tell,
        heartbeat=context.heartbeat,
        grace_s=context.grace_s,
    )
    fetch.cpu_seconds += cpu_seconds
    found = {"page": url, "title": answer.title, "format": answer.format_id}
    if answer.direct_url is not None:
        got = await _linked(fetch, answer, answer.direct_url)
    else:
        got = await asyncio.to_thread(_written, fetch, answer, url)
    fetch.notes |= {**found, "by": f"{fetch.notes.get('by', '')} yt-dlp".strip()}
    return got


def _limits(fetch: _Fetch) -> dict[str, Any]:
    """The lower of what the spec and, in a service, its limits allow."""
    context = fetch.context
    is_service = not context.allow_private
    sizes = (fetch.payload.get("max_bytes"), context.fetch_bytes if is_service else None)
    return {
        "max_bytes": min((size for size in sizes if size is not None), default=None),
        "max_seconds": context.fetch_s if is_service else None,
        "allow_private": context.allow_private,
        "net_allow": context.net_allow,
    }


async def _linked(fetch: _Fetch, answer: PageAnswer, url: str) -> Downloaded:
    try:
        return await _file(fetch, url, answer.referer_headers)
    except NotAFile as page:
        raise ReelError(
            Code.EXTRACTOR_UNSUPPORTED, f"the video at {url} is a page again", where=url
        ) from page


def _written(fetch: _Fetch, answer: PageAnswer, url: str) -> Downloaded:
    from reelwright.media.digest import sha256_file

    assert answer.file_name is not None
    (fetch.context.workspace / answer.file_name).replace(fetch.target)
    return Downloaded(
        final_url=answer.media_url or url,
        sha256=sha256_file(fetch.target),
        size_bytes=fetch.target.stat().st_size,
        etag=None,
        content_type=None,
        resumed_bytes=0,
    )
