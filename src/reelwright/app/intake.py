"""How a job comes into the service: checked without touching media, then written as a whole."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reelwright.app.observe import tracing
from reelwright.app.principal import Principal, Scope
from reelwright.app.quota import max_bytes
from reelwright.app.request import Kept, check_count
from reelwright.errors import Code, ReelError, SpecErrors
from reelwright.store.ids import new_id
from reelwright.store.rows import NewJobRow

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.app.wiring import App
    from reelwright.spec.model import JobSpec
    from reelwright.store.database import Tx

# Of labels: how many of a job, and the characters of their names and texts.
MOST_LABELS, LABEL_CHARS, TEXT_CHARS = 64, 100, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A spec as text, and what stands beside it in the request.

    `priority`, `timeout_s` and `labels` go before the spec's own. `use_cache` False: everything is
    made again.
    """

    text: str
    variables: Mapping[str, str] = field(default_factory=dict)
    overwrite: bool = False
    use_cache: bool = True
    priority: int | None = None
    timeout_s: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asks, from where, and as part of which trace."""

    principal: Principal
    address: str | None = None
    traceparent: str | None = None

    @property
    def trace_id(self) -> str | None:
        return self.traceparent.split("-")[1] if self.traceparent else None


@dataclass(frozen=True, slots=True)
class Key:
    """An Idempotency-Key, and the digest of the request that came with it."""

    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """`created_at` in seconds since 1970. `is_replay`: the key had made this job before."""

    id: str
    created_at: float
    row: NewJobRow
    is_replay: bool = False

    def to_json(self) -> dict[str, Any]:
        """As `views.to_json` of a job that nobody has begun: a replay says the same."""
        return {
            "id": self.id,
            "state": "queued",
            "fraction": 0.0,
            "priority": self.row.priority,
            "labels": self.row.labels,
            "revision": self.row.revision,
            "owner": self.row.owner,
            "batch_id": self.row.batch_id,
            "cancel_requested": False,
            "created_at": self.created_at,
            "started_at": None,
            "finished_at": None,
            "eta_seconds": None,
            "error": None,
        }


def prepare(app: App, asked: Asked, origin: Origin) -> NewJobRow:
    """What is to be written. Raises SpecErrors with all that is wrong, SPEC_TOO_LARGE, FORBIDDEN,
    FIELD_INVALID for labels, WEBHOOK_INVALID."""
    from reelwright.app.quota import max_running
    from reelwright.app.webhooks.endpoints import check_url

    principal = origin.principal
    principal.check(Scope.JOBS)
    check_size(app, asked.text)
    job_id = new_id()
    base = app.home / "served" / job_id
    spec = read_spec(asked, base, principal)
    check_count(spec, app.settings.limits.operations)
    labels = {**spec.labels, **asked.labels}
    check_labels(labels)
    if spec.webhook is not None:
        check_url(app, spec.webhook)
    given_s = None if spec.timeout is None else float(spec.timeout)
    kept = Kept(
        text=asked.text,
        variables=dict(asked.variables),
        nonce=None if asked.use_cache else new_id(),
        own=job_id,
        folders=dict(principal.folders),
        operators={o.id: o.op for o in spec.operations},
    )
    return NewJobRow(
        id=job_id,
        spec=kept.to_json(),
        plan={},
        base=str(base),
        revision=0,
        priority=spec.priority if asked.priority is None else asked.priority,
        labels=labels,
        timeout_s=given_s if asked.timeout_s is None else asked.timeout_s,
        overwrite=asked.overwrite,
        owner=principal.owner,
        webhook=spec.webhook,
        key_id=principal.key_id,
        max_running=max_running(principal, app.settings),
        trace=origin.traceparent,
    )


def read_spec(asked: Asked, base: Path, principal: Principal) -> JobSpec:
    """Raises SpecErrors: what is wrong with its form, its references, or the files it names."""
    from reelwright.app.access import check_spec
    from reelwright.planning.bind import bind
    from reelwright.spec.parse import parse_text

    try:
        spec = parse_text(asked.text, base=base, variables=asked.variables)
    except SpecErrors as error:
        _blame_variables(asked, error)
        raise
    bind(spec)
    check_spec(spec, principal.folders, base)
    return spec


def _blame_variables(asked: Asked, error: SpecErrors) -> None:
    """Where nothing is wrong but variables that the spec does not have, the spec is right and
    what stands beside it is not. Raises VARIABLE_UNEXPECTED."""
    names = {f"vars.{name}" for name in asked.variables}
    if all(p.code is Code.VARIABLE_UNKNOWN and p.where in names for p in error.problems):
        raise SpecErrors(
            [replace(p, code=Code.VARIABLE_UNEXPECTED) for p in error.problems]
        ) from error


async def accept(app: App, row: NewJobRow, origin: Origin, key: Key | None = None) -> Accepted:
    """Writes it durably. Raises IDEMPOTENCY_MISMATCH, QUOTA_EXCEEDED, STORE_*."""
    assert row.id is not None
    job_id = row.id

    def change(tx: Tx) -> Accepted:
        known = None if key is None else claim(app, tx, origin, key, job_id)
        if known is not None:
            return Accepted(known[0], known[1], replace(row, id=known[0]), is_replay=True)
        enter(app, tx, row, origin)
        return Accepted(job_id, tx.now(), row)

    with tracing.span("submit", kind="producer", attributes={"reel.job": job_id}):
        if key is None and max_bytes(origin.principal, app.settings) is None:
            # Nothing to be asked first: what came together is written together.
            return await asyncio.wrap_future(app.combiner.submit_to(_enter_many, (row, origin)))
        return await app.combiner.transact(change, order=job_id)


def _enter_many(tx: Tx, asked: list[tuple[NewJobRow, Origin]]) -> list[Accepted]:
    from reelwright.engine import submission
    from reelwright.store import audit

    ids = submission.accept_many(tx, [row for row, _ in asked])
    lines = [
        audit.Line(origin.principal, "job.submit", job_id, origin.address, origin.trace_id)
        for job_id, (_, origin) in zip(ids, asked, strict=True)
    ]
    audit.add_many(tx, lines)
    return [Accepted(j, tx.now(), row) for j, (row, _) in zip(ids, asked, strict=True)]


def enter(app: App, tx: Tx, row: NewJobRow, origin: Origin) -> None:
    """The job, its event and its line in the audit log. Raises QUOTA_EXCEEDED."""
    from reelwright.app.quota import check_bytes
    from reelwright.engine import submission
    from reelwright.store import audit

    check_bytes(tx, origin.principal, app.settings)
    submission.accept(tx, row)
    audit.add(tx, origin.principal, "job.submit", row.id, origin.address, origin.trace_id)


def claim(app: App, tx: Tx, origin: Origin, key: Key, target: str) -> tuple[str, float] | None:
    """What the key made before, and when; None where it is new. Raises IDEMPOTENCY_MISMATCH."""
    from reelwright.store import idempotency

    keep_s = app.settings.serve.idempotency_hours * 3600.0
    known = idempotency.claim(
        tx, origin.principal.owner, key.text, digest=key.digest, target=target, keep_s=keep_s
    )
    if known is None:
        return None
    if known.digest != key.digest:
        raise ReelError(
            Code.IDEMPOTENCY_MISMATCH,
            "this Idempotency-Key was sent with another request before",
            where="header.idempotency-key",
        )
    return known.target, known.created_at


def digest(*parts: str) -> str:
    """SHA-256 of a request's parts, for its Idempotency-Key."""
    found = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        found.update(len(encoded).to_bytes(8, "big") + encoded)
    return found.hexdigest()


def check_labels(labels: Mapping[str, str]) -> None:
    """They are rows of their own, and stand in every list of jobs. Raises FIELD_INVALID."""
    if len(labels) > MOST_LABELS:
        message = f"{len(labels)} labels are more than {MOST_LABELS}"
    elif any(len(name) > LABEL_CHARS or len(text) > TEXT_CHARS for name, text in labels.items()):
        message = f"a label's name has up to {LABEL_CHARS} characters, its text {TEXT_CHARS}"
    else:
        return
    raise ReelError(
        Code.FIELD_INVALID,
        message,
        where="labels",
        hint="labels are for finding jobs; what belongs to them is kept elsewhere",
    )


def check_size(app: App, text: str) -> None:
    """Raises SPEC_TOO_LARGE."""
    limit = app.settings.limits.spec_bytes
    if len(text.encode("utf-8", "surrogatepass")) > limit:
        raise ReelError(
            Code.SPEC_TOO_LARGE,
            f"the spec is larger than {limit} bytes",
            evidence={"limit_bytes": limit},
        )
