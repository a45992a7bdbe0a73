"""Reads the library again, those files first that were read longest ago: `reel verify`.

What was found is written down asset by asset, so a run that is killed loses nothing, and the next
one goes on where it was: a run over everything leaves a small file, ``HOME/verify/run.json``, until
it has come to its end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.library import folders
from reelwright.app.library.placing import write_text
from reelwright.app.library.verify_asset import Report, verify_asset
from reelwright.app.library.verify_reading import Reader, StoppedError
from reelwright.errors import Code, ReelError
from reelwright.store import assets, scrub
from reelwright.store.assets import Wanted
from reelwright.store.blobs import refused

if TYPE_CHECKING:
    from reelwright.app.wiring import App

_BATCH = 100
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`ids`: these assets; None: all of `owner` (None: everybody's). `older_than_s`: only what was
    not verified for so long. `quick`: see `verify_asset`. `rate_bytes` a second at the most.
    `anew`: a run that was cut off is not gone on with."""

    ids: Sequence[str] | None = None
    owner: str | None = None
    older_than_s: float | None = None
    quick: bool = False
    rate_bytes: float | None = None
    anew: bool = False

    @property
    def is_resumable(self) -> bool:
        return self.ids is None and self.older_than_s is None and not self.quick


@dataclass(slots=True)
class Totals:
    """`problems`: assets that could not be looked at; `lost_bytes`: of files that are not well.
    `since`: when the run began that this one goes on with."""

    assets: int = 0
    files: int = 0
    read_bytes: int = 0
    well: int = 0
    damaged: int = 0
    missing: int = 0
    incomplete: int = 0
    problems: int = 0
    unknown: int = 0
    since: float | None = None
    was_stopped: bool = False
    worst: Code | None = None
    by_how: dict[str, int] = field(default_factory=dict)

    def add(self, report: Report) -> None:
        self.assets += 1
        self.files += report.files
        self.read_bytes += report.read_bytes
        self.unknown += len(report.unknown)
        for found in report.findings:
            self.by_how[found.how.value] = self.by_how.get(found.how.value, 0) + 1
        if report.problem is not None:
            self.problems += 1
            self.worst = self.worst or report.problem.code
        elif report.is_well:
            self.well += 1
        else:
            name = report.asset.state.value
            setattr(self, name, getattr(self, name) + 1)

    @property
    def is_well(self) -> bool:
        return self.well == self.assets

    def to_json(self) -> dict[str, Any]:
        return {
            "assets": self.assets,
            "files": self.files,
            "read_bytes": self.read_bytes,
            "well": self.well,
            "damaged": self.damaged,
            "missing": self.missing,
            "incomplete": self.incomplete,
            "failed": self.problems,
            "unknown_files": self.unknown,
            "files_by": dict(self.by_how),
            "stopped": self.was_stopped,
        }


def measure(app: App, wish: Wish) -> tuple[int, int]:
    """(assets, bytes) that a run looks at, for whoever shows how far it is."""
    with app.store.read() as tx:
        if wish.ids is not None:
            found = [assets.get(tx, one, wish.owner) for one in wish.ids]
            return len(found), sum(asset.size_bytes for asset in found)
        before = tx.now() + 1.0 if wish.quick else _before(app, wish, tx.now())
        return scrub.count_due(tx, before, wish.owner)


def verify(
    app: App,
    wish: Wish,
    on_report: Callable[[Report], None] = lambda _: None,
    *,
    on_bytes: Callable[[int], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Totals:
    """Looks at what is wished for; `on_report` hears of each asset. `stop`: it ends before the next
    block of a file, and what was found so far stands.

    Blocking. Raises ASSET_UNKNOWN (also for what is others'), INPUT_NOT_FOUND where the library
    itself is not there, STORE_*.
    """
    check_library(app)
    reader = Reader(wish.rate_bytes, stop=stop, on_bytes=on_bytes)
    totals = Totals()
    with app.store.read() as tx:
        now = tx.now()
    since = _begin(app, wish, now)
    totals.since = since if since != now else None
    try:
        for asset_id in _chosen(app, wish, now if since is None else since):
            try:
                report = verify_asset(app, asset_id, reader, quick=wish.quick, since=since)
            except ReelError as error:
                if error.code is Code.ASSET_UNKNOWN and wish.ids is None:
                    continue  # somebody removed it meanwhile
                raise
            totals.add(report)
            tell(app, report)
            on_report(report)
    except StoppedError:
        totals.was_stopped = True
        return totals
    if wish.is_resumable:
        _mark_of(app, wish.owner).unlink(missing_ok=True)
    return totals


def tell(app: App, report: Report) -> None:
    """What is not well goes into the log of the archive."""
    if report.is_well:
        return
    from reelwright.app.log_lines import note

    said = f"its checksum file {report.sums}" if report.sums else "its files are not well"
    if report.findings:
        said = f"it is {report.asset.state}"
    if report.problem is not None:
        said = report.problem.message
    note(
        app,
        "error" if report.findings else "warning",
        "archive.verify",
        f"{report.asset.title}: {said}",
        owner=report.asset.owner,
        asset=report.asset.id,
        files={found.file.path: found.how.value for found in report.findings[:20]},
    )


def check_library(app: App) -> None:
    """A disk that is not mounted is no library whose files are all missing. Raises
    INPUT_NOT_FOUND."""
    root = folders.root(app)
    if (root / folders.OWN).is_dir():
        return
    with app.store.read() as tx:
        if not scrub.has_own_folders(tx):
            return
    raise ReelError(
        Code.INPUT_NOT_FOUND,
        f"the library is not at {root}: it has no folder {folders.OWN}",
        where=str(root),
        hint="mount its disk, or name its folder by --library; nothing was changed",
    )


def _chosen(app: App, wish: Wish, since: float) -> Iterator[str]:
    if wish.ids is not None:
        with app.store.read() as tx:
            found = [assets.get(tx, one, wish.owner).id for one in wish.ids]
        yield from found
    elif wish.quick and wish.older_than_s is None:
        yield from _all(app, wish)
    else:
        yield from _due(app, wish, since)


def _all(app: App, wish: Wish) -> Iterator[str]:
    after = ""
    while True:
        with app.store.read() as tx:
            page = assets.ids_after(tx, Wanted(owner=wish.owner), after, _BATCH)
        if not page:
            return
        after = page[-1]
        yield from page


def _due(app: App, wish: Wish, since: float) -> Iterator[str]:
    before = since if wish.older_than_s is None else since - wish.older_than_s
    after = (-1.0, "")
    while True:
        with app.store.read() as tx:
            page = scrub.due(tx, before, owner=wish.owner, after=after, limit=_BATCH)
        if not page:
            return
        after = (page[-1].verified_at or 0.0, page[-1].id)
        yield from (asset.id for asset in page)


def _before(app: App, wish: Wish, now: float) -> float:
    if wish.older_than_s is not None:
        return now - wish.older_than_s
    since = None if wish.anew or not wish.is_resumable else _read_mark(app, wish.owner)
    return now if since is None else since


def _begin(app: App, wish: Wish, now: float) -> float | None:
    """When the run began, which may be one that was cut off; None: it is none that is gone on
    with."""
    if not wish.is_resumable:
        return None
    since = None if wish.anew else _read_mark(app, wish.owner)
    if since is not None and since <= now:
        return since
    path = _mark_of(app, wish.owner)
    body = json.dumps({"began_at": now}).encode()
    try:
        write_text(path, body, "new")
    except OSError as error:
        raise refused(error, path) from error
    return now


def _read_mark(app: App, owner: str | None) -> float | None:
    try:
        return float(json.loads(_mark_of(app, owner).read_bytes())["began_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _mark_of(app: App, owner: str | None) -> Path:
    from hashlib import sha256

    name = "run" if owner is None else f"run-{sha256(owner.encode()).hexdigest()[:16]}"
    return app.home / "verify" / f"{name}.json"
