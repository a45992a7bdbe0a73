"""Which nodes may run steps of a service: what it expects of them, and what they say of themselves.

A node that would make other bytes, write into another database or into another store is refused,
with the reason. It is asked again at each look: what was mended counts at once.
"""

from __future__ import annotations

import platform
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.shared import SharedStore

# A text in the shared store that is in no other.
_MARK = "cluster/mark"
_NAMES = {"reelwright": "Reelwright", "python": "Python", "ray": "Ray", "ffmpeg": "FFmpeg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a dispatcher's nodes are to share with it. `worker` is its row in the database; `mark`
    stands in its shared store, which it calls `artifacts`; `machine` is its host."""

    versions: Mapping[str, str]
    worker: str
    machine: str
    is_server: bool
    artifacts: str
    mark: str

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "versions": dict(self.versions)}


def versions(app: App) -> dict[str, str]:
    """Raises TOOL_MISSING where there is no FFmpeg."""
    from reelwright import __version__

    return {
        "reelwright": __version__,
        "python": platform.python_version(),
        "ray": version("ray"),
        "ffmpeg": app.tools.build_id,
    }


def expected(app: App, worker: str) -> Expected:
    """Of this process's service. Blocking. Raises TOOL_MISSING, CONFIG_INVALID without a shared
    store, ARTIFACTS_UNAVAILABLE."""
    from reelwright.engine.presence import this_host

    store = shared_store(app)
    return Expected(
        versions=versions(app),
        worker=worker,
        machine=this_host(),
        is_server=is_server(app),
        artifacts=store.where,
        mark=made_mark(store),
    )


def shared_store(app: App) -> SharedStore:
    """Raises CONFIG_INVALID."""
    from reelwright.app.cluster.checks_settings import check_settings
    from reelwright.store.shared import open_shared

    check_settings(app.settings, None, hint_for="a cluster")
    return open_shared(app.settings.cluster.artifacts or "")


def is_server(app: App) -> bool:
    """Whether the database is one that other machines reach."""
    return app.store.url.startswith("postgresql")


def made_mark(store: SharedStore) -> str:
    """The mark of that store: what stands there, or a new one."""
    found = store.get_text(_MARK)
    if not found:
        store.put_text(_MARK, secrets.token_hex(16).encode())
        found = store.get_text(_MARK) or b""
    return found.decode()


def other_versions(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """What a node runs that is not what its dispatcher does; of Python the patch release may be
    another."""
    return [
        f"{name} {found.get(key) or '?'} there, {wanted[key]} here"
        for key, name in _NAMES.items()
        if _counts(key, wanted.get(key, "")) != _counts(key, found.get(key) or "")
    ]


def _counts(name: str, text: str) -> str:
    return ".".join(text.split(".")[:2]) if name == "python" else text


def problems(app: App, wanted: Mapping[str, Any]) -> list[str]:
    """Why the node that this is must not run steps for who expects `wanted`. Blocking. Raises what
    a database or a store raises that cannot be looked at."""
    return [*_database(app, wanted), *_store(app, wanted)]


def _database(app: App, wanted: Mapping[str, Any]) -> list[str]:
    from reelwright.engine.presence import this_host
    from reelwright.store import nodes, workers

    if app.settings.database is None:
        return ["no database: set REEL_DATABASE there to that of the service"]
    if not is_server(app) and wanted["machine"] != this_host():
        return ["its database is a file (SQLite), and the service is on another machine"]
    with app.store.read() as tx:
        is_known = any(row.id == wanted["worker"] for row in workers.listing(tx)) or any(
            head.dispatcher == wanted["worker"] for head in nodes.heads(tx)
        )
    return [] if is_known else ["another database: the service is not known in it"]


def _store(app: App, wanted: Mapping[str, Any]) -> list[str]:
    from reelwright.store.shared import open_shared

    where = app.settings.cluster.artifacts
    if where is None:
        return [f"no shared store: set REEL_CLUSTER__ARTIFACTS there (here: {wanted['artifacts']})"]
    mark = open_shared(where).get_text(_MARK)
    if mark is None or mark.decode() != wanted["mark"]:
        return [f"another shared store: {where} there, {wanted['artifacts']} here"]
    return []
