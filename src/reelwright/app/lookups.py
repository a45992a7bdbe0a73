"""What clients of the service ask without changing anything: a plan, what is in a file."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reelwright.app.intake import Asked, Origin, check_size, read_spec
from reelwright.app.principal import Principal, Scope
from reelwright.app.uploads import locate
from reelwright.errors import ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.media.info import MediaInfo


async def plan(app: App, asked: Asked, origin: Origin) -> dict[str, Any]:
    """A dry run: its inputs are looked at, nothing is written. Raises SpecErrors, INPUT_*,
    MEDIA_*, TOOL_*."""
    from reelwright.app.access import check_globs
    from reelwright.app.plan import plan_request, to_json
    from reelwright.app.request import Request
    from reelwright.planning.bind import bind

    origin.principal.check(Scope.READ)
    check_size(app, asked.text)
    # Nobody has this folder; a relative path in the spec of a dry run leads nowhere.
    base = app.home / "served" / "dry-run"
    spec = read_spec(asked, base, origin.principal)
    globs = {name: spec.inputs[name] for name in bind(spec).inputs}
    await asyncio.to_thread(check_globs, globs, origin.principal.folders, base)
    request = Request(
        text=asked.text, base=base, variables=asked.variables, use_cache=asked.use_cache
    )
    owner = origin.principal.owner
    planned = await plan_request(app, request, lambda it: locate(app, owner, it), owner)
    return to_json(planned)


async def probe(app: App, path: str, principal: Principal) -> dict[str, Any]:
    """What is in an input, named as a spec names it; a pattern gives the first that it matches.

    Raises FOLDER_REFUSED, INPUT_*, MEDIA_*, TOOL_*, NETWORK_*.
    """
    try:
        found = await look(app, path, principal)
    except ReelError as error:
        raise ReelError.of(replace(error.problem, where="path")) from error
    info = found[0] if isinstance(found, tuple) else found
    return info.to_json()


async def look(app: App, path: str, principal: Principal) -> MediaInfo | tuple[MediaInfo, ...]:
    """The same as values, all of a pattern. Raises as `probe`."""
    from reelwright.app.access import check_spec
    from reelwright.app.inputs import find_inputs
    from reelwright.spec.parse import parse_text

    principal.check(Scope.READ)
    base = app.home / "served" / "dry-run"
    spec = parse_text(_spec_of(path), base=base)
    check_spec(spec, principal.folders, base)
    owner = principal.owner
    looked = await find_inputs(app, spec.inputs, lambda it: locate(app, owner, it), owner)
    return looked.media["file"]


def _spec_of(path: str) -> str:
    import json

    inputs = {"file": {"path": path, "glob": False}}
    return json.dumps({"inputs": inputs, "outputs": [{"from": "file", "to": "probe.mkv"}]})
