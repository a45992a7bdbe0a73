"""The metrics of the service, for Prometheus: how it stands, what was done, what was answered.

How it stands and what was done are read from the tables when somebody asks, so every API process
tells the same and workers need no port of their own.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from prometheus_client import (
    CollectorRegistry,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from reelwright import __version__
from reelwright.app.observe.http_stats import HttpStats
from reelwright.app.observe.tally import Tally
from reelwright.errors import ReelError
from reelwright.store import metrics as queries
from reelwright.store import model_costs
from reelwright.store.model_costs import Cost

if TYPE_CHECKING:
    from reelwright.app.wiring import App

disable_created_metrics()  # type: ignore[no-untyped-call]

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Several scrapers, and a person who reloads the page, share an answer.
_FRESH_S = 3.0
_CACHE_FRESH_S = 60.0
# A database that does not answer must not make the rest unreadable: Prometheus waits ten seconds.
_PATIENCE_S = 4.0
_COMMITS = (1, 2, 4, 8, 16, 32, 64, 128)
_JOB_STATES = ("queued", "running")
_STEP_STATES = ("waiting", "ready", "running")
_WORKER_STATES = ("active", "draining", "stale")
_OUTBOX_STATES = ("pending", "dead")
_NODE_STATES = ("starting", "active", "draining", "refused", "lost")


class Metrics:
    """Of this process. `text` may be called by any thread."""

    def __init__(self, app: App) -> None:
        self.registry = CollectorRegistry()
        self.http = HttpStats()
        commits = Histogram(
            "reel_commit_changes",
            "Changes that were asked for together and share a commit.",
            buckets=_COMMITS,
            registry=self.registry,
        )
        app.combiner.on_commit = commits.observe
        self.registry.register(self.http)
        self._standing = _Standing(app, Tally(self.registry, _clock(app)))
        self.registry.register(self._standing)
        ProcessCollector(registry=self.registry)

    def text(self) -> bytes:
        """Prometheus' text format. Never raises STORE_*: ``reel_database_up`` is 0 then."""
        self._standing.look()  # first: the counters are filled by it
        return generate_latest(self.registry)


def _clock(app: App) -> float:
    try:
        with app.store.read() as tx:
            return tx.now()
    except ReelError:
        return time.time()


class _Standing:
    """Reads the tables in a thread of its own, one look at a time."""

    def __init__(self, app: App, tally: Tally) -> None:
        self._app = app
        self._tally = tally
        self._lock = threading.Lock()
        self._look: Future[queries.Now] | None = None
        self._now: queries.Now | None = None
        self._looked_at = 0.0
        self._cache: tuple[float, int, list[Cost]] | None = None

    def look(self) -> None:
        """Takes a few seconds at the most, whatever the database does."""
        try:
            self._now = self._fresh().result(_PATIENCE_S)
        except Exception:  # noqa: BLE001 - a scrape tells that there was one, the log what it was
            self._now = None

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("reel_build", "What runs here.", value={"version": __version__})
        yield from _disk(self._app.home)
        now = self._now
        yield _gauge("reel_database_up", "Whether the database answers.", int(now is not None))
        if now is None:
            return
        yield from _standing(now)
        yield from _cluster(now)
        if self._cache is not None:
            _, size_bytes, costs = self._cache
            yield _gauge("reel_cache_bytes", "Bytes of all results that are kept.", size_bytes)
            yield from _models(costs)

    def _fresh(self) -> Future[queries.Now]:
        """The look that is under way, or one that is fresh, or a new one."""
        with self._lock:
            is_fresh = time.monotonic() - self._looked_at < _FRESH_S
            if self._look is not None and (is_fresh or not self._look.done()):
                return self._look
            self._look = Future()
            self._looked_at = time.monotonic()
            # No pool: a database that hangs must not keep the process from its end.
            threading.Thread(
                target=self._read, args=(self._look,), name="metrics", daemon=True
            ).start()
            return self._look

    def _read(self, look: Future[queries.Now]) -> None:
        try:
            with self._app.store.read() as tx:
                now = queries.now(tx)
                if self._cache is None or time.monotonic() > self._cache[0] + _CACHE_FRESH_S:
                    costs = model_costs.costs(tx, model_costs.By.MODEL)
                    self._cache = (time.monotonic(), queries.cache_bytes(tx), costs)
            self._tally.look(self._app.store)
        except Exception as error:  # noqa: BLE001 - raised where the look is waited for
            structlog.get_logger("reelwright.metrics").warning("metrics unread", exc_info=error)
            look.set_exception(error)
        else:
            look.set_result(now)


def _standing(now: queries.Now) -> Iterator[Metric]:
    yield _states("reel_jobs", "Jobs that are not over.", now.jobs, _JOB_STATES)
    yield _gauge(
        "reel_queue_oldest_wait_seconds",
        "How long the job has waited that waits longest; 0: none waits.",
        now.oldest_wait_s,
    )
    yield _states("reel_steps", "Steps that are not over.", now.steps, _STEP_STATES)
    yield _gauge(
        "reel_leases_expired",
        "Running steps whose lease ran out; they are recovered within seconds.",
        now.leases_expired,
    )
    yield _states(
        "reel_workers", "Workers; stale: no sign of life for long.", now.workers, _WORKER_STATES
    )
    yield _states(
        "reel_outbox_messages", "Webhook messages that are not sent.", now.outbox, _OUTBOX_STATES
    )


def _cluster(now: queries.Now) -> Iterator[Metric]:
    """Told without a cluster too: rules and panels find zeros."""
    up = now.cluster_up
    yield _gauge(
        "reel_cluster_up",
        "Whether the head of the cluster answers the dispatcher; 1 where there is no cluster.",
        int(up is not False),
    )
    yield _states("reel_cluster_nodes", "Nodes of the cluster.", now.nodes, _NODE_STATES)
    said = "Steps that run on nodes, by the state of these."
    yield _states("reel_cluster_steps", said, now.node_steps, _NODE_STATES)


def _models(costs: list[Cost]) -> Iterator[Metric]:
    """Of hosted models, since the database was made. What has no price is in no sum."""
    known = CounterMetricFamily(
        "reel_model_cost_usd", "What models cost, in US dollars.", labels=["model"]
    )
    unknown = CounterMetricFamily(
        "reel_model_calls_unpriced", "Calls of models whose price is not known.", labels=["model"]
    )
    made = CounterMetricFamily("reel_model_calls", "Calls of models.", labels=["model", "result"])
    for one in costs:
        model = one.group or ""
        known.add_metric([model], one.cost_usd or 0.0)
        unknown.add_metric([model], one.unknown)
        made.add_metric([model, "cached"], one.cached)
        made.add_metric([model, "failed"], one.failed)
        made.add_metric([model, "asked"], one.calls - one.cached - one.failed)
    yield from (known, unknown, made)


def _disk(home: Path) -> Iterator[Metric]:
    free = GaugeMetricFamily("reel_disk_free_bytes", "Room on the disk.", labels=["place"])
    size = GaugeMetricFamily("reel_disk_size_bytes", "Size of the disk.", labels=["place"])
    for place, folder in (("home", home), ("blobs", home / "blobs")):
        try:
            found = shutil.disk_usage(folder if folder.exists() else home)
        except OSError:
            continue
        free.add_metric([place], found.free)
        size.add_metric([place], found.total)
    yield from (free, size)


def _states(
    name: str, said: str, found: Mapping[str, int], always: tuple[str, ...]
) -> GaugeMetricFamily:
    """`always`: told though there are none, so that a rule can tell 0 from silence."""
    made = GaugeMetricFamily(name, said, labels=["state"])
    for state, count in sorted({**dict.fromkeys(always, 0), **found}.items()):
        made.add_metric([state], count)
    return made


def _gauge(name: str, said: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, said, value=value)
