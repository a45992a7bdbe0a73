"""When an agent that has nothing to do lets its node go, so that an autoscaler may take it away.

Ray counts a node on which any actor lives as busy, also one that takes no cores.
"""

from __future__ import annotations

from dataclasses import dataclass

# Between "nothing more is handed to it" and its end: what was leased to it before it was known to
# rest is there by then.
QUIET_S = 10.0


@dataclass(slots=True)
class Rest:
    """Of one node, in monotonic seconds: since when it holds nothing, since when it rests."""

    idle_since: float | None = None
    since: float | None = None

    @property
    def is_on(self) -> bool:
        """Whether nothing may be handed to it, and no agent be started on it."""
        return self.since is not None

    def wake(self) -> None:
        self.idle_since = self.since = None

    def may_end(self, now: float, *, held: int, wanted: bool, idle_s: float | None) -> bool:
        """Whether its agent may be ended, which holds `held` attempts. `wanted`: something waits
        for a node. `idle_s` None: agents stay."""
        if idle_s is None or wanted or held:
            self.wake()
            return False
        if self.idle_since is None:
            self.idle_since = now
        if self.since is None and now - self.idle_since >= idle_s:
            self.since = now
        return self.since is not None and now - self.since >= QUIET_S
