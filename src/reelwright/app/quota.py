"""How much of the service one owner may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.principal import Principal
    from reelwright.app.settings import Settings
    from reelwright.store.database import Tx


def max_bytes(principal: Principal, settings: Settings) -> int | None:
    """Of the owner's uploads and results together; None: no limit."""
    return settings.serve.max_bytes if principal.max_bytes is None else principal.max_bytes


def max_running(principal: Principal, settings: Settings) -> int | None:
    """Jobs of the principal that run at a time; what is above waits. None: no limit."""
    return settings.serve.max_running if principal.max_running is None else principal.max_running


def check_bytes(tx: Tx, principal: Principal, settings: Settings, more_bytes: int = 0) -> None:
    """Whether the owner may add `more_bytes`, and has not used up the quota before.

    What a job will deliver is not known when it is submitted: the quota may be passed by the last
    one. Costs nothing where no quota is set. Raises QUOTA_EXCEEDED.
    """
    limit = max_bytes(principal, settings)
    if limit is None:
        return
    from reelwright.store.usage import owner_bytes

    used = owner_bytes(tx, principal.owner)
    if used >= limit or used + more_bytes > limit:
        raise ReelError(
            Code.QUOTA_EXCEEDED,
            f"'{principal.owner}' has {used} of {limit} bytes"
            + (f", and {more_bytes} more do not fit" if more_bytes else ""),
            hint="delete uploads and jobs that are no longer needed, or have the quota raised",
            evidence={"limit_bytes": limit},
        )
