"""The work plan of a service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelwright.cli.choice import Target
from reelwright.cli.exits import DONE
from reelwright.cli.remote import archiving
from reelwright.cli.remote.session import ask
from reelwright.client import models
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.cli.workplan_here import Told, Wanted

_PAGE = 500
_ID_LENGTH = 17


def read(
    target: Target, wanted: Wanted
) -> tuple[Mapping[str, Any], Iterable[tuple[Mapping[str, Any], Iterable[Any]]]]:
    """The head of the document, and its causes, each with its items, read page by page."""
    causes: Any = list(wanted.causes)
    source = None if wanted.source is None else ask(target, lambda c: _source(c, wanted.source))
    asked: dict[str, Any] = {"source": source, "host": wanted.host, "skipped": wanted.skipped}
    first = ask(target, lambda c: c.get_workplan(cause=causes or None, limit=1, **asked))

    def items(cause: str) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        only: Any = [cause]
        while True:
            page = ask(target, _reading(only, asked, cursor))
            yield from (item.model_dump() for item in page.items)
            cursor = page.next
            if cursor is None:
                return

    head = {"made_at": first.made_at, "total": first.total}
    return head, ((one.model_dump(), items(one.cause)) for one in first.causes)


def carry_out(target: Target, wanted: Wanted, told: Told, *, dry_run: bool, as_json: bool) -> int:
    """Gives the exit code: that of what the service fetches."""

    async def order(client: AsyncClient) -> models.RunAnswer:
        body: dict[str, Any] = {"causes": list(wanted.causes), "dry_run": dry_run}
        if wanted.only:
            body["ids"] = [await _identify(client, one) for one in wanted.only]
        if wanted.source is not None:
            body["source"] = await _source(client, wanted.source)
        if wanted.host is not None:
            body["host"] = wanted.host
        return await client.run_workplan(body)

    done = ask(target, order)
    for item in done.items:
        told.item(item.model_dump())
    told.ended({"tried": done.tried, "left": done.left, "causes": done.causes})
    if dry_run or not done.sources:
        return DONE

    async def begun(_: AsyncClient) -> tuple[list[str], float]:
        return list(done.sources), done.at

    return archiving.follow(target, begun, as_json=as_json, only_new=True)


def skip(target: Target, ids: Sequence[str], because: str | None) -> list[str]:
    async def order(client: AsyncClient) -> list[str]:
        named = [await _identify(client, one) for one in ids]
        return list((await client.skip_items({"ids": named, "because": because})).changed)

    return ask(target, order)


def unskip(target: Target, ids: Sequence[str]) -> list[str]:
    async def order(client: AsyncClient) -> list[str]:
        named = [await _identify(client, one, skipped=True) for one in ids]
        return list((await client.unskip_items({"ids": named})).changed)

    return ask(target, order)


def _reading(causes: Any, asked: Mapping[str, Any], cursor: str | None) -> Any:
    return lambda client: client.get_workplan(cause=causes, limit=_PAGE, cursor=cursor, **asked)


async def _source(client: AsyncClient, given: str | None) -> str:
    """By the beginning of its id, or its address; what is followed, or was asked for. Raises
    SOURCE_UNKNOWN."""
    assert given is not None
    cursor: str | None = None
    found: list[models.Source] = []
    while True:
        page = await client.list_sources(limit=_PAGE, cursor=cursor)
        found += [one for one in page.sources if one.url == given or one.id.startswith(given)]
        cursor = page.next
        if cursor is None or found:
            return archiving.identified(found[:1] if "://" in given else found, given).id


async def _identify(client: AsyncClient, given: str, *, skipped: bool = False) -> str:
    """The id of an item that begins so. Raises USAGE."""
    if len(given) == _ID_LENGTH or given == "disk" or given.startswith("host:"):
        return given
    found: set[str] = set()
    cursor: str | None = None
    while True:
        page = await client.get_workplan(limit=_PAGE, cursor=cursor, skipped=skipped)
        found |= {item.id for item in page.items if item.id.startswith(given)}
        cursor = page.next
        if cursor is None:
            break
    if len(found) != 1:
        said = f"may be {', '.join(sorted(found)[:5])}" if found else "is no item of the work plan"
        raise ReelError(Code.USAGE, f"'{given}' {said}", where=given)
    return found.pop()
