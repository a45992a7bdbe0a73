"""What is in a file, read once and remembered by its content."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.media.info import MediaInfo


async def probe_file(app: App, path: Path) -> MediaInfo:
    """From memory where the content is known. Raises INPUT_*, MEDIA_*, TOOL_*, SANDBOX_*."""
    from reelwright.media.info import MediaInfo
    from reelwright.store import probes
    from reelwright.tools.probe import probe
    from reelwright.tools.probe.refusal import checked_file

    checked_file(path)
    sha256 = await digest(app, path)
    with app.store.read() as tx:
        known = probes.get(tx, sha256, app.prober)
    if known is not None:
        return MediaInfo.from_json(known)
    info = await probe(
        path,
        app.tools,
        sha256=sha256,
        sandbox=app.is_sandboxed,
        max_pixels=app.settings.limits.max_pixels,
    )
    app.store.transact(lambda tx: probes.put(tx, sha256, app.prober, info.to_json()), durable=False)
    return info


async def digest(app: App, path: Path) -> str:
    """SHA-256 of the file, from memory where it did not change. Raises INPUT_UNREADABLE."""
    from reelwright.errors import Code, ReelError
    from reelwright.store import probes

    try:
        return await asyncio.to_thread(probes.digest, app.store, path)
    except OSError as error:
        raise ReelError(
            Code.INPUT_UNREADABLE, f"{path} cannot be read: {error.strerror}", where=str(path)
        ) from error
