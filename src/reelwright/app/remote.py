"""Inputs and outputs that are not files of this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.spec.model import InputSpec


def folder(app: App) -> Path:
    """Where what was brought lies, by content: an address may have something else tomorrow."""
    return app.home / "inputs"


async def bring(app: App, entry: InputSpec) -> tuple[Path, ...]:
    """Downloads an input; what a broken download left is continued, and what may pass is retried.

    Each job asks the origin anew: only its content, not its address, says what it is. Raises
    INPUT_SCHEME, LIBRARY_MISSING, MEDIA_UNRECOGNISED, and the codes of network, HTTP and disk.
    """
    import shutil
    import tempfile

    from reelwright.app.probe import digest
    from reelwright.app.wiring import make_folder

    if entry.is_glob:
        raise ReelError(
            Code.INPUT_SCHEME,
            f"{entry.uri}: objects of a store are not matched by a pattern",
            where=entry.uri,
            hint="name each object, or copy them to a folder",
        )
    make_folder(folder(app))
    make_folder(app.engine_settings.scratch)
    workspace = Path(tempfile.mkdtemp(prefix="arriving-", dir=folder(app)))
    try:
        sha256 = await _patiently(app, entry.uri, workspace / "whole")
        # The ending says nothing to FFmpeg, whose demuxer is pinned; to a person it does.
        suffix = PurePosixPath(urlsplit(entry.uri).path).suffix[:10]
        target = folder(app) / f"{sha256}{suffix}"
        # What is there stays: a job may be reading it.
        if not target.exists() or await digest(app, target) != sha256:
            (workspace / "whole").replace(target)
    finally:
        await asyncio.to_thread(shutil.rmtree, workspace, ignore_errors=True)
    return (target,)


async def _patiently(app: App, uri: str, target: Path) -> str:
    """The digest of what was brought; tried as often, and as patiently, as a step is."""
    from reelwright.engine import retry

    settings, failures = app.settings.retry, 0
    while True:
        try:
            return await _bring(app, uri, target)
        except ReelError as error:
            failures += 1
            if not retry.may_retry(error.problem, failures, settings.attempts):
                raise
            wait_s = retry.delay_s(failures, settings.backoff_s, settings.backoff_max_s)
            await asyncio.sleep(wait_s + retry.asked_s(error.problem))


async def _bring(app: App, uri: str, target: Path) -> str:
    from reelwright.media.digest import sha256_file
    from reelwright.tools.download.answers import shown
    from reelwright.tools.download.child import fetch_file
    from reelwright.tools.download.wish import NotAFile, Wish
    from reelwright.tools.storage import OBJECT_SCHEMES, fetch_object

    parts = app.engine_settings.scratch
    if urlsplit(uri).scheme.lower() in OBJECT_SCHEMES:
        await fetch_object(uri, target, parts)
        return await asyncio.to_thread(sha256_file, target)
    settings = app.engine_settings
    is_service = not settings.allow_private
    wish = Wish(
        url=uri,
        key=uri,
        max_bytes=settings.fetch_bytes if is_service else None,
        max_seconds=settings.fetch_s if is_service else None,
        allow_private=settings.allow_private,
        net_allow=settings.net_allow,
    )
    log = target.with_name("log")
    try:
        got, _ = await fetch_file(
            wish, target, parts, log=log, sandbox=app.is_sandboxed, on_progress=_nobody
        )
    except NotAFile as page:
        raise ReelError(
            Code.MEDIA_UNRECOGNISED,
            f"{shown(uri)} is a page or a playlist ({page.content_type or 'no type'}), no file",
            where=shown(uri),
            hint="use the `fetch` operator, which looks for the video on it",
        ) from page
    return got.sha256


def _nobody(done_bytes: int, of_bytes: int | None) -> None:
    """Progress that nobody watches."""


async def deliver(file: Path, uri: str, overwrite: bool) -> None:
    """Puts an output into an object store. Raises OUTPUT_EXISTS, NETWORK_* and the like."""
    from reelwright.tools.storage import object_exists, put_object

    if not overwrite and await object_exists(uri):
        raise ReelError(Code.OUTPUT_EXISTS, f"{uri} exists", where=uri)
    await put_object(file, uri)
