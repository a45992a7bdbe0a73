"""What can be done for files that are missing or damaged, and doing it: `reel verify --repair`.

A file is replaced in one move, by bytes whose checksum was compared before. The damaged one keeps a
second name (``NAME.damaged``) until the new one was read back from its place. What somebody has
written to since it was kept may be their work: it stays, as ``NAME.changed``.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.library import repair_remake
from reelwright.app.library.placing import write_sums, write_text
from reelwright.app.library.verify_asset import Finding, How, Report, same_content, verify_asset
from reelwright.app.library.verify_reading import Reader
from reelwright.errors import Code, Problem, ReelError
from reelwright.store import asset_files, scrub
from reelwright.store.asset_files import AssetFile, Role
from reelwright.store.blobs import copy_to, refused

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.assets import AssetRow

SUMS = "SHA256SUMS"
_MOST_NAMES = 1000
_BATCH = 100


class Way(StrEnum):
    """How a file is had again. `FETCH`: from its origin, with the whole video; `LOST`: not at
    all."""

    MOVE_BACK = "move_back"
    COPY = "copy"
    REMAKE = "remake"
    FETCH = "fetch"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What is to be done for one file; `finding` None: for the checksum file. `source`: the path
    or address that it comes from, `why`: for a person."""

    asset_id: str
    path: str
    way: Way
    finding: Finding | None = None
    source: str | None = None
    why: str = ""

    @property
    def is_local(self) -> bool:
        return self.way in (Way.MOVE_BACK, Way.COPY, Way.REMAKE)

    def to_json(self) -> dict[str, Any]:
        return {
            "asset": self.asset_id,
            "path": self.path,
            "how": None if self.finding is None else self.finding.how.value,
            "way": self.way.value,
            "source": self.source,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of an action. `kept`: where the file is that was there before; `problem`: why it
    could not be done, and then nothing has changed."""

    action: Action
    is_done: bool
    kept: str | None = None
    problem: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            **self.action.to_json(),
            "done": self.is_done,
            "kept": self.kept,
            "error": None if self.problem is None else self.problem.to_json(),
        }


def damaged(app: App, owner: str | None = None) -> Iterator[AssetRow]:
    """Assets that the last verification found not well."""
    after = ""
    while True:
        with app.store.read() as tx:
            page = scrub.bad(tx, owner=owner, after=after, limit=_BATCH)
        if not page:
            return
        after = page[-1].id
        yield from page


def plan(app: App, report: Report, reader: Reader | None = None) -> list[Action]:
    """What can be done for what `report` found, from the nearest source. Changes nothing.

    Blocking: copies are read to their end before they are promised. Raises StoppedError, STORE_*.
    """
    reader = reader or Reader()
    found = [_action(app, report, finding, reader) for finding in report.findings]
    if report.sums is not None:
        why = "it is missing" if report.sums == "missing" else "it says what is not so"
        found.append(
            Action(asset_id=report.asset.id, path=SUMS, way=Way.REMAKE, why=f"{why}: written anew")
        )
    return found


def carry_out(app: App, report: Report, actions: Sequence[Action]) -> list[Done]:
    """Does what can be done here; what has to be fetched is left (`repair_fetch`). Each file is
    looked at once more before it is replaced: a good one never is.

    Blocking. Raises STORE_*; what the file system refuses is told in the answer.
    """
    done: list[Done] = []
    for action in actions:
        if not action.is_local or action.finding is None:
            continue
        try:
            kept = _restore(app, report, action, action.finding)
        except ReelError as error:
            done.append(Done(action=action, is_done=False, problem=error.problem))
        else:
            done.append(Done(action=action, is_done=True, kept=kept))
    sums = next((action for action in actions if action.finding is None), None)
    if sums is not None or any(one.is_done for one in done):
        failed = _write_sums(app, report)
        if sums is not None:
            done.append(Done(action=sums, is_done=failed is None, problem=failed))
    return done


def repair_asset(
    app: App,
    asset_id: str,
    *,
    reader: Reader | None = None,
    on_done: Callable[[Done], None] = lambda _: None,
) -> tuple[Report, list[Action]]:
    """Verifies, repairs what can be repaired here, and verifies again; gives what is left then,
    with the plan for it. Blocking. Raises ASSET_UNKNOWN, StoppedError, STORE_*."""
    reader = reader or Reader()
    report = verify_asset(app, asset_id, reader)
    actions = plan(app, report, reader)
    done = carry_out(app, report, actions)
    for one in done:
        on_done(one)
    if not any(one.is_done for one in done):
        return report, actions
    report = verify_asset(app, asset_id, reader)
    return report, plan(app, report, reader)


def keep_aside(path: Path, how: How) -> Path | None:
    """A second name for what is there now; where the file system has none, it moves. None where
    there is nothing. Raises OSError."""
    if not os.path.lexists(path):
        return None
    before = path.with_name(f"{path.name}.damaged")
    if _is_same_file(path, before):  # of a try that was cut off
        before.unlink()
    aside = _free(path, "changed" if how is How.CHANGED else "damaged")
    try:
        os.link(path, aside, follow_symlinks=False)
    except OSError:
        path.rename(aside)
    return aside


def give_up_aside(path: Path, aside: Path | None, how: How) -> str | None:
    """After `path` was read and is good: only somebody's own work is kept; its name."""
    if aside is None:
        return None
    if how in (How.CHANGED, How.NOT_A_FILE):
        return aside.name
    with suppress(OSError):
        aside.unlink()
    return None


def _action(app: App, report: Report, finding: Finding, reader: Reader) -> Action:
    file = finding.file
    base: dict[str, Any] = {"asset_id": report.asset.id, "path": file.path, "finding": finding}
    if finding.at is not None:
        source = str(report.folder / finding.at)
        return Action(**base, way=Way.MOVE_BACK, source=source, why="it has another name")
    copy = _copy(app, report, finding, reader)
    if copy is not None:
        return Action(**base, way=Way.COPY, source=str(copy), why="the same content is there")
    made = repair_remake.made(app, report, file)
    if made is not None:
        return Action(**base, way=Way.REMAKE, source=made.source, why=f"made from {made.source}")
    return _from_origin(report, base)


def _from_origin(report: Report, base: dict[str, Any]) -> Action:
    asset = report.asset
    if asset.url is None:
        return Action(**base, way=Way.LOST, why="no copy, and nobody knows where it came from")
    if asset.origin_state == "gone":
        return Action(**base, way=Way.LOST, why="no copy, and its origin has it no more")
    why = "no copy here; its origin is asked"
    if base["finding"].file.role is not Role.VIDEO:
        why = "no copy here; it comes from its origin with the whole video (--fetch all)"
    return Action(**base, way=Way.FETCH, source=asset.url, why=why)


def _copy(app: App, report: Report, finding: Finding, reader: Reader) -> Path | None:
    """A good file with that content; the file itself under another name is none."""
    file = finding.file
    target = report.folder / file.path
    candidates = [path for path in [_stored(app, file)] if path is not None]
    with app.store.read() as tx:
        places = scrub.copies(tx, file.sha256, report.asset.owner)
    root = _root(app)
    candidates += [root / folder / path for _, folder, path in places]
    for path in candidates:
        if _is_good(path, file, reader) and not _is_same_file(path, target):
            return path.absolute()
    name = same_content(report.folder, file, report.unknown, reader)
    return None if name is None else report.folder / name


def _stored(app: App, file: AssetFile) -> Path | None:
    """What the cache has of it; from a store that other machines share it comes here."""
    from reelwright.store.shared_blobs import SharedBlobs

    if not isinstance(app.blobs, SharedBlobs):
        return app.blobs.path(file.sha256)
    try:
        return app.blobs.bring_any(file.sha256)
    except ReelError as error:
        if error.code is Code.ARTIFACT_DAMAGED:
            return None
        raise


def _is_good(path: Path, file: AssetFile, reader: Reader) -> bool:
    try:
        is_like = path.is_file() and path.stat().st_size == file.size_bytes
        return is_like and reader.sha256(path) == file.sha256
    except OSError:
        return False


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _restore(app: App, report: Report, action: Action, finding: Finding) -> str | None:
    """Gives the name under which the former file is kept. Raises ReelError."""
    file, path = finding.file, report.folder / action.path
    reader = Reader()
    if _is_good(path, file, reader):  # somebody was faster
        _accept_as_is(app, file, path)
        return None
    try:
        if action.way is Way.MOVE_BACK:
            _move_back(app, action, file, path)
            return None
        aside = keep_aside(path, finding.how)
        try:
            file = _place(app, report, action, file, path)
        except BaseException:
            _put_back(path, aside)
            raise
        kept = give_up_aside(path, aside, finding.how)
        _accept_as_is(app, file, path)
    except OSError as error:
        raise refused(error, path) from error
    return kept


def _place(app: App, report: Report, action: Action, file: AssetFile, path: Path) -> AssetFile:
    """Puts the new bytes there, and reads them back; gives the file with what they are."""
    from dataclasses import replace

    if action.way is Way.REMAKE:
        made = repair_remake.made(app, report, file)
        if made is None:
            raise ReelError(Code.FILE_MISSING, "what it is made from is gone", where=str(path))
        write_text(path, made.data, secrets.token_hex(4))
        wanted = replace(file, sha256=made.sha256, size_bytes=len(made.data))
    else:
        copy_to(Path(action.source or ""), path, f"repair-{secrets.token_hex(4)}")
        wanted = file
    if not _is_good(path, wanted, Reader()):
        raise ReelError(Code.FILE_DAMAGED, f"what was written to {path} is not what is read there")
    if wanted.sha256 != file.sha256:
        found = path.stat()
        app.store.transact(
            lambda tx: scrub.accept(
                tx,
                file,
                sha256=wanted.sha256,
                size_bytes=wanted.size_bytes,
                mtime_ns=found.st_mtime_ns,
            )
        )
    return wanted


def _put_back(path: Path, aside: Path | None) -> None:
    with suppress(OSError):
        if aside is not None:
            aside.replace(path)


def _move_back(app: App, action: Action, file: AssetFile, path: Path) -> None:
    if os.path.lexists(path):
        raise ReelError(Code.OUTPUT_EXISTS, f"{path} is there by now", where=str(path))
    Path(action.source or "").rename(path)
    _accept_as_is(app, file, path)


def _accept_as_is(app: App, file: AssetFile, path: Path) -> None:
    from reelwright.store.asset_files import FileState

    mtime_ns = path.stat().st_mtime_ns
    app.store.transact(lambda tx: scrub.mark(tx, file, FileState.OK, mtime_ns, read=True))


def _write_sums(app: App, report: Report) -> Problem | None:
    if report.asset.folder_key is None:
        return None
    with app.store.read() as tx:
        files = asset_files.of_asset(tx, report.asset.id)
    try:
        write_sums(report.folder, files)
    except ReelError as error:
        return error.problem
    return None


def _free(path: Path, ending: str) -> Path:
    """``NAME.damaged``, ``NAME.damaged-2`` …"""
    for number in range(1, _MOST_NAMES):
        name = f"{path.name}.{ending}" + (f"-{number}" if number > 1 else "")
        if len(os.fsencode(name)) > 255:
            name = f"{secrets.token_hex(8)}.{ending}"
        if not os.path.lexists(path.with_name(name)):
            return path.with_name(name)
    raise ReelError(Code.OUTPUT_PATH, f"{path.name} has no free name aside", where=str(path))


def _root(app: App) -> Path:
    from reelwright.app.library import folders

    return folders.root(app)
