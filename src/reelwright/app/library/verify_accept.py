"""Takes an asset's files as somebody has left them: edited, renamed, deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.app.library.placing import write_sums
from reelwright.app.library.said import passages_of
from reelwright.app.library.verify_asset import Finding, How, verify_asset
from reelwright.app.library.verify_reading import Reader
from reelwright.errors import ReelError
from reelwright.store import asset_files, captions, scrub
from reelwright.store.asset_files import FileState, Role

if TYPE_CHECKING:
    from reelwright.app.library.verify_asset import Report
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx


@dataclass(frozen=True, slots=True)
class Accepted:
    """`what`: edited, renamed, forgotten; refused (with `why`): nothing was changed for it."""

    path: str
    what: str
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"path": self.path, "what": self.what, "why": self.why}


def accept(app: App, asset_id: str) -> list[Accepted]:
    """What was written to by somebody is right from now on, what has another name keeps it, and
    what is missing beside a video is not missed. Rot is not accepted, nor a missing video.

    Blocking. Raises ASSET_UNKNOWN, DISK_FULL, PERMISSION_DENIED, STORE_*; ReelError where the
    asset could not be looked at.
    """
    report = verify_asset(app, asset_id, Reader())
    if report.problem is not None:
        raise ReelError.of(report.problem)
    done = [_accept(app, report, finding) for finding in report.findings]
    if any(one.what != "refused" for one in done) or report.sums is not None:
        _settle(app, report)
    return done


def _accept(app: App, report: Report, found: Finding) -> Accepted:
    file = found.file
    path = report.folder / file.path
    if found.how is How.CHANGED and file.role is not Role.VIDEO and found.mtime_ns is not None:
        sha256, stat, mtime_ns = Reader().sha256(path), path.stat(), found.mtime_ns
        if stat.st_mtime_ns != mtime_ns:
            return Accepted(file.path, "refused", "it is being written to")
        app.store.transact(
            lambda tx: scrub.accept(
                tx, file, sha256=sha256, size_bytes=stat.st_size, mtime_ns=mtime_ns
            )
        )
        return Accepted(file.path, "edited")
    if found.at is not None:
        name = found.at
        mtime_ns = (report.folder / name).stat().st_mtime_ns

        def rename(tx: Tx) -> None:
            asset_files.move(tx, report.asset.id, [(file.path, name)])
            asset_files.mark(tx, report.asset.id, name, FileState.OK, mtime_ns=mtime_ns)

        app.store.transact(rename)
        return Accepted(file.path, "renamed")
    if found.how is How.MISSING and file.role is not Role.VIDEO:
        app.store.transact(lambda tx: asset_files.remove(tx, report.asset.id, [file.path]))
        return Accepted(file.path, "forgotten")
    if file.role is Role.VIDEO and found.how is How.CHANGED:
        why = "another video is another asset, or a version: `reel import` takes it over"
    else:
        why = "`--repair` restores it where there is a copy"
    return Accepted(file.path, "refused", why)


def _settle(app: App, report: Report) -> None:
    with app.store.read() as tx:
        files = asset_files.of_asset(tx, report.asset.id)
    good = [file for file in files if file.state is FileState.OK]
    said = passages_of(report.folder, good)
    spoken = [file.path for file in files if file.role is Role.CAPTIONS]
    if report.asset.folder_key is not None:
        write_sums(report.folder, files)

    def change(tx: Tx) -> None:
        captions.replace(tx, report.asset.id, spoken, [p for g in said.values() for p in g])
        scrub.settle(tx, report.asset.id, lacks_sums=False, is_read=True)

    app.store.transact(change)
