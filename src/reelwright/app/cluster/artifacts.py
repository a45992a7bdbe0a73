"""Puts a job's own inputs where every node finds them, before a step that reads them leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.engine.inputs import local_path, tell_missing
from reelwright.engine.threads import stopping
from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Step, StepInput
from reelwright.store import probes
from reelwright.store.blobs import Pins
from reelwright.store.shared_blobs import SharedBlobs

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.engine.staging import Stage
    from reelwright.store.rows import StepRow

_TOLD = frozenset({Code.INPUT_CHANGED, Code.INPUT_NOT_FOUND, Code.INPUT_UNREADABLE})


def stage_of(app: App) -> Stage:
    """What the cluster executor asks for (`Hooks.stage`). Raises CONFIG_INVALID."""
    folders = shared_folders(app.settings.cluster.shared)

    async def stage(row: StepRow) -> None:
        """Raises INPUT_*, ARTIFACTS_UNAVAILABLE, DISK_FULL."""
        step = Step.from_json(row.payload)
        with Pins() as pins:
            for item in step.inputs:
                if item.uri is not None:
                    await stopping(pins, _offer_or_tell, app, item, folders, pins)

    return stage


def shared_folders(text: str) -> tuple[Path, ...]:
    """Of the setting `cluster.shared`. Raises CONFIG_INVALID."""
    found = tuple(Path(part.strip()) for part in text.split(",") if part.strip())
    for folder in found:
        if not folder.is_absolute():
            raise ReelError(
                Code.CONFIG_INVALID,
                f"'{folder}' is a relative path",
                where="cluster.shared",
                hint="absolute paths of folders that every node sees, with commas",
            )
    return found


def _offer_or_tell(app: App, item: StepInput, folders: tuple[Path, ...], pins: Pins) -> None:
    """A node cannot see what is wrong with a file of this machine: it is told."""
    try:
        _offer(app, item, folders, pins)
    except ReelError as error:
        if error.code in _TOLD and item.sha256 is not None and isinstance(app.blobs, SharedBlobs):
            tell_missing(app.blobs, item.sha256, error.problem)
        raise


def _offer(app: App, item: StepInput, folders: tuple[Path, ...], pins: Pins) -> None:
    """Blocking. What lies in a folder of all nodes is left there; a link may lead out of it."""
    path = local_path(item.uri or "")
    try:
        real = path.resolve(strict=True)
        if any(real.is_relative_to(folder.resolve()) for folder in folders):
            return
        blobs = app.blobs
        if item.sha256 is None or not isinstance(blobs, SharedBlobs):
            raise ReelError(
                Code.INPUT_UNREADABLE,
                f"{path} is on the dispatcher's machine only",
                where=str(path),
            )
        if probes.digest(app.store, path) != item.sha256:
            raise ReelError(Code.INPUT_CHANGED, f"{path} is not what it was", where=str(path))
    except FileNotFoundError as error:
        raise ReelError(Code.INPUT_NOT_FOUND, f"no file {path}", where=str(path)) from error
    except OSError as error:
        raise ReelError(Code.INPUT_UNREADABLE, str(error), where=str(path)) from error
    blobs.offer(item.sha256, real, pins)
