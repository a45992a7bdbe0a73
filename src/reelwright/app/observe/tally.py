"""Counts what ended, from the tables: every worker's work, whichever process is asked.

Each process counts from its own start, as Prometheus expects of counters, and every one counts the
same. What was committed late is found too: each look goes back a minute and leaves out what it has
seen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from reelwright.errors import Code
from reelwright.store import metrics

if TYPE_CHECKING:
    from reelwright.store.database import Tx
    from reelwright.store.store import Store

# No transaction is open for longer: the database ends its statements after half of that.
_OVERLAP_S = 60.0
_PAGE = 500
_WAITS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
_RUNS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400)
# Operators of packages are few; a name beyond these is counted as "other".
_MOST_OPERATORS = 200
_MOST_JOBS = 2000
_CODES = frozenset(code.text for code in Code)


class Tally:
    """`look` counts what ended since the last look. Not for two threads at once."""

    def __init__(self, registry: CollectorRegistry, since: float) -> None:
        """`since`: seconds since 1970 on the database's clock."""
        self._since = self._mark = since
        self._seen: dict[tuple[str, float | int], float] = {}
        self._operators: OrderedDict[str, Mapping[str, str]] = OrderedDict()
        self._names: set[str] = set()
        self._make_job_counters(registry)
        self._make_step_counters(registry)

    def _make_job_counters(self, registry: CollectorRegistry) -> None:
        made: dict[str, Any] = {"registry": registry}
        self._jobs = Counter("reel_jobs_finished", "Jobs that came to an end.", ["state"], **made)
        self._job_failures = Counter(
            "reel_job_failures", "Jobs that failed, by error code.", ["code"], **made
        )
        self._waits = Histogram(
            "reel_job_wait_seconds",
            "From the submission of a job to its start; counted when it ends.",
            buckets=_WAITS,
            **made,
        )
        self._runs = Histogram(
            "reel_job_run_seconds", "From a job's start to its end.", buckets=_RUNS, **made
        )
        self._hits = Counter(
            "reel_cache_hits",
            "Steps whose result was in the cache; counted with their job.",
            **made,
        )
        self._misses = Counter(
            "reel_cache_misses", "Steps that had to run; counted with their job.", **made
        )
        self._files = Counter("reel_delivered_files", "Files put where they were wanted.", **made)
        self._bytes = Counter("reel_delivered_bytes", "Their bytes.", **made)

    def _make_step_counters(self, registry: CollectorRegistry) -> None:
        made: dict[str, Any] = {"registry": registry}
        self._attempts = Counter(
            "reel_step_attempts", "Attempts at steps that are over.", ["kind", "state"], **made
        )
        self._step_failures = Counter(
            "reel_step_failures", "Attempts that failed, by error code.", ["code"], **made
        )
        self._retries = Counter(
            "reel_step_retries", "Attempts that were not their step's first.", ["kind"], **made
        )
        self._losses = Counter(
            "reel_step_losses", "Attempts whose worker died or lost its lease.", ["kind"], **made
        )
        self._make_clocks(registry)

    def _make_clocks(self, registry: CollectorRegistry) -> None:
        made: dict[str, Any] = {"registry": registry}
        self._handovers = Histogram(
            "reel_step_handover_seconds",
            "From a step's being ready to its start, on whichever machine.",
            buckets=_RUNS,
            **made,
        )
        self._times = Histogram(
            "reel_step_run_seconds",
            "How long attempts took that succeeded.",
            ["kind"],
            buckets=_RUNS,
            **made,
        )
        self._cpu = Counter(
            "reel_step_cpu_seconds", "CPU time of commands that succeeded.", ["kind"], **made
        )
        self._fetched = Counter("reel_fetched_bytes", "Bytes that fetch steps brought in.", **made)
        self._operator_times = Histogram(
            "reel_operator_run_seconds",
            "How long steps took that an operator was part of; a step counts for each of them.",
            ["operator"],
            buckets=_RUNS,
            **made,
        )
        self._media = Counter(
            "reel_operator_media_seconds",
            "Length of what those steps made; by their time it is the speed.",
            ["operator"],
            **made,
        )

    def look(self, store: Store) -> None:
        """Raises STORE_*; what was counted until then is not counted again."""
        with store.read() as tx:
            now = tx.now()
        begin = max(self._since, self._mark - _OVERLAP_S)
        self._look_at_attempts(store, begin)
        self._look_at_jobs(store, begin)
        self._mark = max(self._mark, now)
        old = self._mark - 2 * _OVERLAP_S
        self._seen = {key: at for key, at in self._seen.items() if at > old}

    def _look_at_attempts(self, store: Store, begin: float) -> None:
        after = (begin, "", 0)
        while True:
            with store.read() as tx:
                page = metrics.attempts_ended(tx, after, _PAGE)
                new = [one for one in page if (one.step_id, one.number) not in self._seen]
                self._learn_operators(tx, {one.job_id for one in new if one.payload})
                sizes = metrics.made_bytes(tx, set(_fetched(new)))
            for one in new:
                self._seen[one.step_id, one.number] = one.finished_at
                self._count_attempt(one, sizes)
            if len(page) < _PAGE:
                return
            after = (page[-1].finished_at, page[-1].step_id, page[-1].number)

    def _look_at_jobs(self, store: Store, begin: float) -> None:
        after = (begin, "")
        while True:
            with store.read() as tx:
                page = metrics.jobs_ended(tx, after, _PAGE)
            for one in page:
                # A job that is retried ends several times.
                if (one.id, one.finished_at) not in self._seen:
                    self._seen[one.id, one.finished_at] = one.finished_at
                    self._count_job(one)
            if len(page) < _PAGE:
                return
            after = (page[-1].finished_at, page[-1].id)

    def _count_job(self, one: metrics.JobEnd) -> None:
        self._jobs.labels(one.state).inc()
        if one.state == "failed":
            self._job_failures.labels(_code(one.error)).inc()
        if one.started_at is not None:
            self._waits.observe(max(0.0, one.started_at - one.created_at))
            self._runs.observe(max(0.0, one.finished_at - one.started_at))
        self._hits.inc(one.cached)
        self._misses.inc(one.made)
        self._files.inc(one.delivered_files)
        self._bytes.inc(one.delivered_bytes)

    def _count_attempt(self, one: metrics.AttemptEnd, sizes: Mapping[str, int]) -> None:
        self._attempts.labels(one.kind, one.state).inc()
        if one.waited_s is not None:
            self._handovers.observe(one.waited_s)
        if one.number > 1:
            self._retries.labels(one.kind).inc()
        if one.state == "failed":
            self._step_failures.labels(_code(one.error)).inc()
        elif one.state == "lost":
            self._losses.labels(one.kind).inc()
        elif one.state == "succeeded":
            took_s = max(0.0, one.finished_at - one.started_at)
            self._times.labels(one.kind).observe(took_s)
            self._cpu.labels(one.kind).inc(one.cpu_seconds or 0.0)
            self._count_operators(one, took_s)
            for identity in _fetched([one]):
                self._fetched.inc(sizes.get(identity, 0))

    def _count_operators(self, one: metrics.AttemptEnd, took_s: float) -> None:
        payload = one.payload or {}
        known = self._operators.get(one.job_id, {})
        # A fan gives its operations a number: shot[3].
        names = {known.get(o.partition("[")[0]) for o in payload.get("operations", ())}
        media_s = float(Fraction(payload["duration"])) if payload.get("duration") else 0.0
        for name in sorted(filter(None, names)):
            label = self._bounded(name)
            self._operator_times.labels(label).observe(took_s)
            self._media.labels(label).inc(media_s)

    def _bounded(self, name: str) -> str:
        if name not in self._names and len(self._names) >= _MOST_OPERATORS:
            return "other"
        self._names.add(name)
        return name

    def _learn_operators(self, tx: Tx, jobs: set[str]) -> None:
        for job_id in jobs & self._operators.keys():
            self._operators.move_to_end(job_id)
        self._operators.update(metrics.operators_of(tx, jobs - self._operators.keys()))
        while len(self._operators) > _MOST_JOBS:
            self._operators.popitem(last=False)


def _fetched(ended: Iterable[metrics.AttemptEnd]) -> Iterator[str]:
    """Identities of what fetch steps brought in."""
    for one in ended:
        if one.kind == "fetch" and one.payload:
            yield one.payload["identity"]


def _code(error: Mapping[str, Any] | None) -> str:
    found = (error or {}).get("code")
    return str(found) if found in _CODES else "other"
