"""Who asks: the same for a person at the terminal, an API key, a JWT and a browser's session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.store.jobs import LOCAL_OWNER


class Role(StrEnum):
    """Each may do what the ones before it may. All but admins see what their owner owns."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


class Scope(StrEnum):
    """What a key may be narrowed to; a principal without scopes may do all that its role may."""

    READ = "read"  # jobs, artifacts, events, uploads, operators
    JOBS = "jobs"  # submit, cancel, retry
    UPLOADS = "uploads"
    WEBHOOKS = "webhooks"
    METRICS = "metrics"  # metrics and workers of the whole service; admins, and keys that name it
    ADMIN = "admin"  # keys, draining workers, audit log, everybody's jobs


_NEEDS = {
    Scope.READ: Role.VIEWER,
    Scope.JOBS: Role.EDITOR,
    Scope.UPLOADS: Role.EDITOR,
    Scope.WEBHOOKS: Role.EDITOR,
    Scope.METRICS: Role.ADMIN,
    Scope.ADMIN: Role.ADMIN,
}
_ORDER = list(Role)
# Whoever may read or write every file that the user who runs the service may.
EVERYWHERE = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """`actor` is for the audit log (``key:ID``, ``user:SUB``, ``local``); `owner` has what it
    makes.

    `folders`: absolute folders of the server that specs may name, under ``read`` and ``write``.
    `rate`, `max_running` and `max_bytes` None: what the settings say.
    """

    actor: str
    owner: str = LOCAL_OWNER
    role: Role = Role.VIEWER
    scopes: frozenset[str] = frozenset()
    key_id: str | None = None
    folders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rate: str | None = None
    max_running: int | None = None
    max_bytes: int | None = None

    def may(self, scope: Scope) -> bool:
        if scope is Scope.METRICS and (scope.value in self.scopes or self.may(Scope.ADMIN)):
            return True  # a key for what only looks at the service needs no role above viewer
        has_role = _ORDER.index(self.role) >= _ORDER.index(_NEEDS[scope])
        return has_role and (not self.scopes or scope.value in self.scopes)

    def check(self, scope: Scope) -> None:
        """Raises FORBIDDEN."""
        if not self.may(scope):
            needs = f"the role {_NEEDS[scope]} or above, and the scope {scope}"
            if scope is Scope.METRICS:
                needs = f"the role {Role.ADMIN}, or a key with the scope {scope}"
            raise ReelError(Code.FORBIDDEN, f"{self.actor} may not do this: it needs {needs}")

    @property
    def sees(self) -> str | None:
        """The owner whose things are seen; None: everybody's."""
        return None if self.may(Scope.ADMIN) else self.owner

    def to_json(self) -> dict[str, Any]:
        body = asdict(self)
        return {**body, "role": self.role.value, "scopes": sorted(self.scopes)}

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Principal:
        folders = {kind: tuple(paths) for kind, paths in body["folders"].items()}
        named = {"role": Role(body["role"]), "scopes": frozenset(body["scopes"])}
        return Principal(**{**body, **named, "folders": folders})


# The person at the terminal, and whoever holds the token that `reel serve` printed for them.
LOCAL = Principal(
    actor="local",
    role=Role.ADMIN,
    folders={"read": (EVERYWHERE,), "write": (EVERYWHERE,)},
)
