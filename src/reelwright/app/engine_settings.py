"""What the engine is told of this machine and of what may be set."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.engine.settings import EngineSettings


def engine_settings(app: App) -> EngineSettings:
    from reelwright.app.machine import cores, disk_bytes, memory_bytes
    from reelwright.engine.executor import Need
    from reelwright.engine.settings import EngineSettings

    limits, retry = app.settings.limits, app.settings.retry
    keep_days = app.settings.serve.keep_days
    whole = Need(
        cpus=float(limits.cpus or cores()),
        memory_bytes=limits.memory_bytes or memory_bytes(),
        disk_bytes=limits.disk_bytes or disk_bytes(app.home),
    )
    largest = None
    if app.hands_on:
        from reelwright.app.cluster.wiring import LARGEST, home_machine

        whole, largest = home_machine(app, whole), LARGEST
    return EngineSettings(
        home=app.home,
        machine=whole,
        largest=largest,
        max_attempts=retry.attempts,
        backoff_s=retry.backoff_s,
        backoff_max_s=retry.backoff_max_s,
        grace_s=app.settings.grace_s,
        cache_bytes=app.settings.cache.limit_bytes,
        keep_logs_s=app.settings.logs.keep_days * 86400.0,
        keep_calls_s=app.settings.models.keep_days * 86400.0,
        keep_jobs_s=None if keep_days is None else keep_days * 86400.0,
        keep_idempotency_s=app.settings.serve.idempotency_hours * 3600.0,
        sandbox=app.is_sandboxed,
        walls=app.settings.sandbox == "on",
        allow_private=not app.serves,
        net_allow=app.settings.net_allow,
        proxy=app.settings.archive.proxy,
        fetch_bytes=limits.fetch_bytes,
        fetch_s=limits.fetch_s,
        waits_for_room=app.serves,
    )
