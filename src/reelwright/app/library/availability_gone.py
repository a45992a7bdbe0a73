"""Reports: what is gone at its origin and held here, and what is gone and nobody has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from reelwright.app.library import folders
from reelwright.errors import Code
from reelwright.store import asset_files, origins, troubles

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.assets import AssetRow
    from reelwright.store.origins import Lost

T = TypeVar("T")
_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """`path`: of its newest video; `since`: when its origin was last asked, seconds since 1970."""

    asset: AssetRow
    path: str | None
    code: str | None
    since: float | None

    def to_json(self) -> dict[str, Any]:
        return {
            "asset": self.asset.id,
            "key": self.asset.key,
            "title": self.asset.title,
            "channel": self.asset.channel,
            "url": self.asset.url,
            "state": self.asset.state.value,
            "path": self.path,
            "code": self.code,
            "checked_at": self.since,
        }


@dataclass(frozen=True, slots=True)
class Missing:
    """`is_certain` False: one 404 said so, and nobody asked again."""

    lost: Lost
    is_certain: bool

    def to_json(self) -> dict[str, Any]:
        lost = self.lost
        return {
            "key": lost.key,
            "title": lost.title,
            "url": lost.url,
            "asset": lost.asset_id,
            "entry": lost.entry_id,
            "code": lost.code,
            "certain": self.is_certain,
            "at": lost.at,
        }


def held(app: App, owner: str | None = None) -> Iterator[Held]:
    """What its origin has no more, and we have: take care of these copies."""

    def page(after: str) -> list[AssetRow]:
        with app.store.read() as tx:
            return origins.held(tx, owner=owner, after=after, limit=_PAGE)

    for rows in _pages(page, lambda row: row.id):
        with app.store.read() as tx:
            checks = troubles.last_checks(tx, {row.key for row in rows})
            files = asset_files.of_assets(tx, [row.id for row in rows])
        for row in rows:
            video = asset_files.newest_video(files[row.id])
            path = None if video is None else str(folders.path_of(app, row, video).absolute())
            said = checks.get(row.key, {})
            code, at = said.get("code"), row.origin_checked_at
            yield Held(asset=row, path=path, code=code, since=at)


def lost(app: App, owner: str | None = None) -> Iterator[Missing]:
    """What its origin has no more, and we have not: assets whose file was lost, then what lists
    named and was gone before it was fetched."""

    def of_assets(after: str) -> list[Lost]:
        with app.store.read() as tx:
            return origins.lost_assets(tx, owner=owner, after=after, limit=_PAGE)

    def of_entries(after: str) -> list[Lost]:
        with app.store.read() as tx:
            return origins.lost_entries(tx, owner=owner, after=after, limit=_PAGE)

    for rows in _pages(of_assets, lambda row: row.asset_id or ""):
        yield from (Missing(row, is_certain=True) for row in rows)
    for rows in _pages(of_entries, lambda row: row.entry_id or ""):
        with app.store.read() as tx:
            checks = troubles.last_checks(tx, {row.key for row in rows})
        for row in rows:
            is_typed = row.code != Code.HTTP_NOT_FOUND.text
            is_confirmed = checks.get(row.key, {}).get("outcome") == origins.Origin.GONE
            yield Missing(row, is_certain=is_typed or is_confirmed)


def _pages(read: Callable[[str], list[T]], name: Callable[[T], str]) -> Iterator[Sequence[T]]:
    after = ""
    while rows := read(after):
        yield rows
        after = name(rows[-1])
