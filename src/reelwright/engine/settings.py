"""What may be set about the engine; the defaults are those of the design."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reelwright.engine.executor import Need


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """`machine` is what running steps may hold together on this host; `largest` what one step may
    hold where others run steps too (the largest node), None: what `machine` has.

    A lease lives `lease_s` on the database's clock and is renewed every `renew_s`. A step is tried
    `max_attempts` times where its errors allow it; a worker's death is not the step's fault and
    counts apart, up to `max_losses`. Delays before a new try: full jitter below
    ``backoff_s * 2**n``, at most `backoff_max_s`. `grace_s` lies between SIGINT and SIGKILL.
    `cache_bytes`: the cache's size limit, None for none. `keep_logs_s`: how long the logs of a
    finished job are kept after the last word in them; `keep_calls_s`: how long the record of a
    model's call is; `keep_jobs_s`: how long a service keeps a job
    that has ended, with its own folder, None for ever; `keep_idempotency_s`: how long the answer to
    an Idempotency-Key is. `walls`: what runs media goes only to nodes
    that wall it in. `allow_private`: downloads may connect to
    whatever this machine's user can reach; a service that runs specs of others says False, and in
    `net_allow` which networks beside the public ones are allowed all the same. `proxy`: the
    administrator's own, which may be gone through in a service too. `fetch_bytes`,
    `fetch_s`: what a download of such a service may take; None: no limit. `waits_for_room`: a full
    disk does not fail what is fetched and kept; it goes on when there is room.
    """

    home: Path
    machine: Need
    largest: Need | None = None
    lease_s: float = 15.0
    renew_s: float = 5.0
    poll_s: float = 0.5
    max_attempts: int = 3
    max_losses: int = 20
    backoff_s: float = 1.0
    backoff_max_s: float = 60.0
    grace_s: float = 5.0
    cache_bytes: int | None = None
    keep_logs_s: float = 30 * 86400.0
    keep_calls_s: float = 365 * 86400.0
    keep_jobs_s: float | None = None
    keep_idempotency_s: float = 86400.0
    sandbox: bool = True
    walls: bool = False
    allow_private: bool = True
    net_allow: str = ""
    proxy: str | None = None
    fetch_bytes: int | None = None
    fetch_s: float | None = None
    waits_for_room: bool = False

    @property
    def workspaces(self) -> Path:
        return self.home / "work"

    @property
    def scratch(self) -> Path:
        """Half downloads, which outlive the attempt that began them."""
        return self.home / "scratch"

    @property
    def served(self) -> Path:
        """The own folders of a service's jobs, by their ids."""
        return self.home / "served"

    @property
    def logs(self) -> Path:
        return self.home / "logs"
