"""What stands in a request's query: parameters that the route has, and no others.

One that is misspelt would else be left out without a word: a list that is not filtered, a job that
has another priority than was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request

from reelwright.errors import Code, Problem, SpecErrors
from reelwright.graph.params.nearest import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.dependencies.models import Dependant
    from fastapi.routing import APIRoute

# Outside of it are machines' probes, which some send with words of their own.
_CHECKED = "/v1/"


async def check_query(request: Request) -> None:
    """Dependency of every route. Raises SpecErrors of FIELD_UNKNOWN, one for each name."""
    if not request.scope["query_string"] or not request.scope["path"].startswith(_CHECKED):
        return
    known = _names(request.scope["route"])
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise SpecErrors([_refusal(name, known) for name in unknown])


def _names(route: APIRoute) -> tuple[str, ...]:
    return tuple(_all_of(route.dependant))


def _all_of(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        yield field.alias
    for inner in dependant.dependencies:
        yield from _all_of(inner)


def _refusal(name: str, known: tuple[str, ...]) -> Problem:
    shown = name if len(name) <= 100 else f"{name[:100]}…"
    near = meant(name, known)
    allowed = f"there are: {', '.join(known)}" if known else "this request takes none"
    return Problem(
        Code.FIELD_UNKNOWN,
        f"there is no parameter '{shown}'{', ' if near else ''}{near}",
        f"query.{shown}",
        allowed,
        {"allowed": list(known)},
    )
