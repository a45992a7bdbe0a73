"""One thing that is missing: what it is, why, since when, and what happens next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelwright.app.settings import without_password
from reelwright.app.workplan.causes import BY_NAME, ONLY_HERE, Cause, Does, cause_of
from reelwright.errors import Code
from reelwright.store.entries import EntryState

if TYPE_CHECKING:
    from reelwright.errors import Problem
    from reelwright.store.entries import Entry
    from reelwright.store.hosts import Wait
    from reelwright.store.quota import Standing
    from reelwright.store.sources import Source
    from reelwright.store.troubles import Bad
    from reelwright.store.understanding import Told

ENTRY, SOURCE, ASSET = "entry", "source", "asset"
UNDERSTANDING = "understanding"
HOST, QUOTA, DISK = "host", "quota", "disk"
_SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """`kind`: entry, source, asset, understanding, host, quota or disk; `id`: of that row (of an
    understanding: its job), ``host:NAME``, or the kind itself.

    `at`: when it was seen last, `next_at`: when it is tried again by itself, both in seconds since
    1970. `tries`: how often it failed in a row. `skipped`: who took it off the plan, and why.
    """

    id: str
    kind: str
    cause: Cause
    state: str
    does: Does
    code: str | None = None
    message: str = ""
    hint: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    url: str | None = None
    title: str | None = None
    host: str | None = None
    owner: str | None = None
    source_id: str | None = None
    asset_id: str | None = None
    job_id: str | None = None
    tries: int = 0
    at: float | None = None
    next_at: float | None = None
    skipped: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "cause": self.cause.name,
            "state": self.state,
            "url": None if self.url is None else without_password(self.url),
            "title": self.title,
            "host": self.host,
            "source": self.source_id,
            "asset": self.asset_id,
            "job": self.job_id,
            "code": self.code,
            "message": self.message,
            "evidence": dict(self.evidence),
            "action": self.hint,
            "does": self.does.value,
            "tries": self.tries,
            "at": self.at,
            "next_at": self.next_at,
            "skipped": dict(self.skipped) if self.skipped else None,
        }


def of_entry(entry: Entry) -> Item:
    cause = cause_of(entry.code)
    is_ours = entry.state == EntryState.PENDING or entry.next_at is not None
    if entry.state == EntryState.GONE:
        does = Does.NOTHING
    elif is_ours:
        does = Does.ITSELF
    else:
        # It was tried as often as it is tried by itself.
        does = Does.RUN if cause.does is Does.ITSELF else cause.does
    return Item(
        id=entry.id,
        kind=ENTRY,
        cause=cause,
        state=str(entry.state),
        does=does,
        url=entry.url,
        title=entry.title,
        host=entry.host,
        source_id=entry.source_id,
        job_id=entry.job_id,
        tries=entry.tries,
        at=entry.changed_at,
        next_at=entry.next_at,
        **_said(entry.error, entry.code),
    )


def of_source(source: Source) -> Item:
    error = source.error or {}
    cause = cause_of(error.get("code"))
    does = Does.RUN if cause.does is Does.ITSELF else cause.does
    return Item(
        id=source.id,
        kind=SOURCE,
        cause=cause,
        state=str(source.state),
        does=does if source.next_at is None else Does.ITSELF,
        url=source.url,
        title=source.title,
        owner=source.owner,
        source_id=source.id,
        tries=source.failures,
        at=source.listed_at or source.created_at,
        next_at=source.next_at if source.is_enabled else None,
        **_said(error, error.get("code")),
    )


def of_asset(asset: Bad, files: list[dict[str, Any]]) -> Item:
    """`files`: path and state of those that are not well."""
    is_lost = any(file["state"] == "missing" for file in files) or asset.state == "missing"
    code = Code.FILE_MISSING if is_lost else Code.FILE_DAMAGED
    named = ", ".join(f"{file['path']} is {file['state']}" for file in files[:3])
    return Item(
        id=asset.id,
        kind=ASSET,
        cause=cause_of(code.text),
        state=asset.state,
        does=Does.RUN,
        code=code.text,
        message=named or f"it is {asset.state}",
        hint=code.hint,
        evidence={"files": files, "verified_at": asset.verified_at},
        at=asset.verified_at or asset.changed_at,
        **_of(asset),
    )


def of_origin(asset: Bad, check: Mapping[str, Any] | None) -> Item:
    said = check or {}
    code = Code.VIDEO_GONE.text if said.get("code") is None else str(said["code"])
    return Item(
        id=asset.id,
        kind=ASSET,
        cause=ONLY_HERE,
        state=asset.origin_state,
        does=Does.NOTHING,
        code=code,
        message="its origin has it no more; this copy is held",
        hint=ONLY_HERE.action,
        evidence=dict(said.get("evidence") or {}),
        at=said.get("at") or asset.origin_checked_at,
        **_of(asset),
    )


def of_understanding(told: Told) -> Item:
    error = told.error or {}
    return Item(
        id=told.job_id,
        kind=UNDERSTANDING,
        cause=BY_NAME["understanding"],
        state=told.state,
        does=Does.RUN,
        title=told.title,
        owner=told.owner,
        source_id=told.source_id,
        asset_id=told.asset_id,
        job_id=told.job_id,
        at=told.at,
        **_said(error, error.get("code")),
    )


def of_host(host: str, wait: Wait, waiting: int, now: float) -> Item:
    """`waiting`: entries that could be asked for else."""
    code = Code.BUDGET_SPENT if wait.code is None else Code.CIRCUIT_OPEN
    why = "its budget is spent" if wait.code is None else f"it failed often ({wait.code})"
    return Item(
        id=f"host:{host}",
        kind=HOST,
        cause=cause_of(code.text),
        state="spent" if wait.code is None else "open",
        does=Does.ITSELF,
        code=code.text,
        message=f"{host} rests: {why}; {waiting} videos wait for it",
        hint=code.hint,
        evidence={"host": host, "last_code": wait.code, "waiting": waiting},
        host=host,
        at=now,
        next_at=now + wait.seconds,
    )


def of_disk(problem: Problem, now: float) -> Item:
    return Item(
        id=DISK,
        kind=DISK,
        cause=cause_of(problem.code.text),
        state="full" if problem.code is not Code.PERMISSION_DENIED else "refused",
        does=Does.PERSON,
        code=problem.code.text,
        message=problem.message,
        hint=problem.hint or problem.code.hint,
        evidence=dict(problem.evidence),
        at=now,
    )


def of_quota(standing: Standing) -> Item:
    code = Code.API_QUOTA
    said = f"{standing.used} of {standing.limit} units of the YouTube Data API are spent today"
    return Item(
        id=QUOTA,
        kind=QUOTA,
        cause=cause_of(code.text),
        state="spent",
        does=Does.ITSELF,
        code=code.text,
        message=said,
        hint=code.hint,
        evidence={"used": standing.used, "limit": standing.limit},
        at=standing.now,
        next_at=standing.resets_at,
    )


def with_mark(error: Mapping[str, Any] | None, mark: Mapping[str, Any]) -> dict[str, Any]:
    """The error of a row that somebody took off the plan."""
    return {**(error or {}), _SKIPPED: dict(mark)}


def mark_of(error: Mapping[str, Any] | None) -> dict[str, Any] | None:
    found = (error or {}).get(_SKIPPED)
    return None if found is None else dict(found)


def without_mark(error: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (error or {}).items() if name != _SKIPPED}


def _said(error: Mapping[str, Any] | None, code: str | None) -> dict[str, Any]:
    body = error or {}
    return {
        "code": code,
        "message": str(body.get("message", "")),
        "hint": str(body.get("hint") or cause_of(code).action),
        "evidence": body.get("evidence") or {},
        "skipped": mark_of(error),
    }


def _of(asset: Bad) -> dict[str, Any]:
    return {
        "url": asset.url,
        "title": asset.title,
        "host": asset.host,
        "owner": asset.owner,
        "asset_id": asset.id,
    }
