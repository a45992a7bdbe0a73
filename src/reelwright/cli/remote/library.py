"""The library of a service: the answers have the form of those of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reelwright.cli.choice import Target
from reelwright.cli.remote.session import ask
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.errors import Code, ReelError

_PAGE = 500
_ID_LENGTH = 17


@contextmanager
def listing(
    target: Target, asked: Mapping[str, Any], most: int | None
) -> Iterator[tuple[dict[str, Any], Iterator[dict[str, Any]]]]:
    """The head of the document, and the assets, read page by page; one more than `most`."""
    head = ask(target, lambda client: client.get_library()).model_dump()
    yield head, _pages(target, asked, most)


def _pages(target: Target, asked: Mapping[str, Any], most: int | None) -> Iterator[dict[str, Any]]:
    left = None if most is None else most + 1
    cursor: str | None = None
    while left is None or left > 0:
        limit = _PAGE if left is None else min(_PAGE, left)
        page = ask(target, _reading(asked, limit, cursor))
        yield from (asset.model_dump() for asset in page.assets)
        left = None if left is None else left - len(page.assets)
        cursor = page.next
        if cursor is None:
            return


def _reading(asked: Mapping[str, Any], limit: int, cursor: str | None) -> Any:
    return lambda client: client.list_assets(**asked, limit=limit, cursor=cursor)


def details(target: Target, given: str) -> dict[str, Any]:
    """Raises ASSET_UNKNOWN."""

    async def read(client: AsyncClient) -> dict[str, Any]:
        found = await client.get_asset(await identify(client, given))
        return found.model_dump(exclude={"checks"})

    return ask(target, read)


def search(
    target: Target, words: str, language: str | None, asset: str | None, limit: int
) -> list[dict[str, Any]]:
    from reelwright.app.library.searching import read_terms

    read_terms(words)

    async def read(client: AsyncClient) -> list[dict[str, Any]]:
        only = None if asset is None else await identify(client, asset)
        found = await client.search_captions(q=words, language=language, asset=only, limit=limit)
        return [hit.model_dump() for hit in found.hits]

    return ask(target, read)


async def identify(client: AsyncClient, given: str) -> str:
    """The id that begins so, ``last``, or that of an address. Raises ASSET_UNKNOWN."""
    if len(given) == _ID_LENGTH:
        return given
    if given == "last":
        page = await client.list_assets(limit=1)
        found = {asset.id for asset in page.assets}
    else:
        found = {asset.id for asset in (await client.list_assets(named=given)).assets}
    if len(found) == 1:
        return found.pop()
    said = f"may be {', '.join(sorted(found))}" if found else "is no asset of the service"
    hint = "give more of the id" if found else None
    raise ReelError(Code.ASSET_UNKNOWN, f"'{given}' {said}", where=given, hint=hint)
