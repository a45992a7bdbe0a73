"""Are the origins of what the library holds still there? Asks them, and keeps every answer.

Each question takes from the site's budget like a download does. A question that fails says nothing
of the video; `store.origins` says when one counts as gone.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelwright.app.archive.identity import site_of
from reelwright.app.archive.options import ArchiveOptions, listing_options
from reelwright.errors import Code, Problem, ReelError
from reelwright.store import assets, origins, sources, troubles
from reelwright.store.assets import AssetRow
from reelwright.store.ids import new_id
from reelwright.store.origins import Origin, OriginCheck

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.tools.ytdlp.request import OriginState

_FOLDER = "checks"
_PAGE = 100
_MAX_S = 120.0
_WAITS = frozenset({Code.BUDGET_SPENT, Code.CIRCUIT_OPEN})
# Schemes of addresses that can be asked; what was imported may have another, or none.
_ASKABLE = ("http://", "https://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`ids`: these assets; None: all of `owner` (None: everybody's) that were not asked for
    `older_than_s`. `patience_s`: a site whose budget is spent is waited for so long; None: as long
    as it takes. One that failed often is left for the next time."""

    ids: Sequence[str] | None = None
    owner: str | None = None
    older_than_s: float = 0.0
    patience_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An answer. `before`: what was known; `problem`: why it is not there, or could not be asked
    (`was_asked` False: then nothing was written down)."""

    asset: AssetRow
    before: str
    outcome: Origin
    problem: Problem | None = None
    was_asked: bool = True

    @property
    def is_news(self) -> bool:
        """It is known to be otherwise now; a failed question is no news."""
        known = self.was_asked and self.outcome is not Origin.UNKNOWN
        return known and self.outcome.value != self.before

    def to_json(self) -> dict[str, Any]:
        return {
            "asset": self.asset.id,
            "key": self.asset.key,
            "title": self.asset.title,
            "url": self.asset.url,
            "origin": self.outcome.value,
            "before": self.before,
            "asked": self.was_asked,
            "code": None if self.problem is None else self.problem.code.text,
            "error": None if self.problem is None else self.problem.to_json(),
        }


@dataclass(slots=True)
class Totals:
    """By outcome; `left`: not asked now."""

    by_outcome: dict[str, int] = field(default_factory=dict)
    left: int = 0
    news: int = 0

    def add(self, one: Checked) -> None:
        if not one.was_asked:
            self.left += 1
            return
        name = one.outcome.value
        self.by_outcome[name] = self.by_outcome.get(name, 0) + 1
        self.news += one.is_news


async def check(
    app: App, asked: Asked, on_checked: Callable[[Checked], None] = lambda _: None
) -> Totals:
    """Asks; `on_checked` hears of each. What was asked is written down at once: a run that is
    stopped is gone on with by the next.

    Raises ASSET_UNKNOWN (also for what is others'), STORE_*.
    """
    totals, turns = Totals(), _turns(app, asked)
    # Sites that failed often rest: in this run they are not asked again.
    resting: dict[str, Problem] = {}
    lock = asyncio.Lock()

    async def work() -> None:
        while True:
            async with lock:
                asset = await anext(turns, None)
            if asset is None:
                return
            one = await _patiently(app, asset, asked.patience_s, resting)
            totals.add(one)
            on_checked(one)

    tasks = [asyncio.create_task(work()) for _ in range(app.settings.archive.at_once)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return totals


async def check_one(app: App, asset: AssetRow) -> Checked:
    """Asks now. Raises BUDGET_SPENT, CIRCUIT_OPEN (with `evidence["retry_after_s"]`), STORE_*."""
    url = asset.url or ""
    if not url.startswith(_ASKABLE):
        said = "nobody knows an address of it"
        return _unasked(asset, Problem(Code.INPUT_NOT_FOUND, said, where=asset.id))
    await app.budgets.enter(url)
    try:
        state = await _ask(app, asset, url)
    except ReelError as error:
        await app.budgets.leave(url, error.code)
        if error.code is not Code.TIMEOUT:
            return _unasked(asset, error.problem)
        found = await _note(app, asset, Origin.UNKNOWN.value, error.problem, {})
        return Checked(asset=asset, before=asset.origin_state, outcome=found, problem=error.problem)
    await app.budgets.leave(url, state.problem.code if state.problem else None)
    found = await _note(app, asset, state.outcome.value, state.problem, _seen(state))
    return Checked(asset=asset, before=asset.origin_state, outcome=found, problem=state.problem)


def note_origin(tx: Tx, *, key: str, owner: str, url: str, problem: Problem) -> None:
    """A download failed: where that says something of the origin, it is an answer, too; for the
    owner's asset, if there is one, and for the ledger in any case."""
    from reelwright.tools.ytdlp.request import Outcome, outcome_of

    outcome = outcome_of(problem.code)
    if outcome not in (Outcome.GONE, Outcome.RESTRICTED):
        return
    asset = assets.by_key(tx, key, owner)
    origins.note(
        tx,
        key=key,
        url=url,
        outcome=outcome.value,
        code=problem.code.text,
        evidence=_evidence(problem),
        asset_id=None if asset is None else asset.id,
    )


def history(app: App, asset_id: str, owner: str | None = None) -> list[OriginCheck]:
    """What the origin of the asset said, the newest first. Raises ASSET_UNKNOWN."""
    with app.store.read() as tx:
        asset = assets.get(tx, asset_id, owner)
        return origins.history(tx, asset.key)


def check_json(check: OriginCheck) -> dict[str, Any]:
    return {
        "at": check.at,
        "origin": check.outcome,
        "code": check.code,
        "url": check.url,
        "evidence": dict(check.evidence or {}),
    }


async def _turns(app: App, asked: Asked) -> AsyncIterator[AssetRow]:
    if asked.ids is not None:
        with app.store.read() as tx:
            found = [assets.get(tx, one, asked.owner) for one in asked.ids]
        for asset in found:
            yield asset
        return
    with app.store.read() as tx:
        before = tx.now() - asked.older_than_s
    after = (-1.0, "")
    while True:
        page = await asyncio.to_thread(_due, app, asked, before, after)
        for asset in page:
            yield asset
        if not page:
            return
        after = (page[-1].origin_checked_at or 0.0, page[-1].id)


def _due(app: App, asked: Asked, before: float, after: tuple[float, str]) -> list[AssetRow]:
    with app.store.read() as tx:
        return origins.due(tx, before=before, owner=asked.owner, after=after, limit=_PAGE)


async def _patiently(
    app: App, asset: AssetRow, patience_s: float | None, resting: dict[str, Problem]
) -> Checked:
    site = site_of(asset.url or "")
    while True:
        if site in resting:
            return _unasked(asset, resting[site])
        try:
            return await check_one(app, asset)
        except ReelError as error:
            if error.code not in _WAITS:
                raise
            wait_s = float(error.problem.evidence["retry_after_s"])
            is_too_long = patience_s is not None and wait_s > patience_s
            if error.code is Code.CIRCUIT_OPEN or is_too_long:
                resting[site] = error.problem
            else:
                await asyncio.sleep(wait_s)


async def _ask(app: App, asset: AssetRow, url: str) -> OriginState:
    from reelwright.tools.ytdlp.origin import check_origin
    from reelwright.tools.ytdlp.request import CheckWish

    folder = app.home / _FOLDER / new_id()
    options = await asyncio.to_thread(_options, app, asset.id)
    await asyncio.to_thread(folder.mkdir, parents=True)
    log = folder.with_suffix(".log")
    try:
        wish = CheckWish(
            url=url,
            folder=str(folder),
            options=listing_options(options, app.settings.archive),
            max_seconds=_MAX_S,
            allow_private=app.engine_settings.allow_private,
            net_allow=app.settings.net_allow,
        )
        grace_s = app.settings.grace_s
        return await check_origin(wish, log=log, sandbox=app.is_sandboxed, grace_s=grace_s)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        with suppress(OSError):
            log.unlink()


def _options(app: App, asset_id: str) -> ArchiveOptions:
    """How its list is asked: with its cookies, by its proxy."""
    with app.store.read() as tx:
        listed = troubles.entries_of_assets(tx, [asset_id]).get(asset_id, [])
        found = sources.of_ids(tx, [entry.source_id for entry in listed])
    for source in found.values():
        return ArchiveOptions.from_json(source.options)
    return ArchiveOptions()


async def _note(
    app: App, asset: AssetRow, outcome: str, problem: Problem | None, seen: dict[str, Any]
) -> Origin:
    evidence = seen if problem is None else {**seen, **_evidence(problem)}

    def change(tx: Tx) -> Origin:
        return origins.note(
            tx,
            key=asset.key,
            url=asset.url or "",
            outcome=outcome,
            code=None if problem is None else problem.code.text,
            evidence=evidence or None,
            asset_id=asset.id,
        )

    return await asyncio.to_thread(app.store.transact, change)


def _seen(state: OriginState) -> dict[str, Any]:
    found = {
        "title": state.title,
        "etag": state.etag,
        "last_modified": state.last_modified,
        "bytes": state.size_bytes,
        "availability": state.availability,
        "live_status": state.live_status,
    }
    return {name: value for name, value in found.items() if value is not None}


def _evidence(problem: Problem) -> dict[str, Any]:
    kept = {name: value for name, value in problem.evidence.items() if name != "log"}
    return {"said": problem.message, **kept}


def _unasked(asset: AssetRow, problem: Problem) -> Checked:
    return Checked(
        asset=asset,
        before=asset.origin_state,
        outcome=Origin.UNKNOWN,
        problem=problem,
        was_asked=False,
    )
