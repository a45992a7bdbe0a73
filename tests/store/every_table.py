# size: one entry a table
"""A row or more in every table, with values that databases like to change: text, floats, sizes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Database, Tx
from reelwright.store.tables_library import metadata

_A, _B = "ab" * 32, "cd" * 32
_AT = 1_700_000_000.123456
_JOB = {
    "priority": 3,
    "spec": {"say": "ü ✓ \u0000 \U0001f3ac", "loud": float("-inf")},
    "plan": {"deliveries": [], "unresolved": {}},
    "revision": 1,
    "base": "/média/\udcff",  # a name that is not UTF-8
    "overwrite": True,
    "cancel_requested": False,
    "timeout_s": 0.1,
    "owner": "ana",
    "webhook": "https://example.org/hook?a=1",
    "batch_id": "b1",
    "key_id": "k1",
    "max_running": 2,
    "trace": "00-aa-bb-01",
    "rank": _AT - 1800.0,
    "error": {"code": "timeout"},
    "fraction": 1 / 3,
    "eta_s": None,
    "event_seq": 2,
    "created_at": _AT,
    "started_at": _AT + 1,
}
_STEP = {
    "position": 0,
    "identity": _A,
    "kind": "ffmpeg",
    "needs": [],
    "payload": {"id": "a", "commands": [["true"]]},
    "cpus": 0.5,
    "memory_bytes": 1 << 40,
    "disk_bytes": (1 << 62) + 1,
    "weight": 2.5,
    "attempt": 1,
    "failures": 0,
    "losses": 0,
    "max_attempts": 3,
    "not_before": 0.0,
    "fraction": 0.25,
    "progress": {"time": 1.5},
    "ready_at": _AT,
    "started_at": _AT,
}
_RUNS = {"host": "elsewhere-1", "lease_owner": "elsewhere-1/7/8/n", "lease_until": _AT + 15}

ROWS: dict[str, list[dict[str, Any]]] = {
    "jobs": [
        {"id": "j1", "state": "running", "labels": {"show": "Ünter", "n": "1"}, **_JOB},
        {"id": "j2", "state": "queued", "labels": {}, **_JOB, "owner": "bo", "webhook": None},
    ],
    "steps": [
        {"id": "s1", "job_id": "j1", "key": "a", "state": "running", **_STEP, **_RUNS},
        {"id": "s2", "job_id": "j1", "key": "b", "state": "waiting", **_STEP, "needs": ["a"]},
    ],
    "edges": [{"job_id": "j1", "need": "a", "key": "b"}],
    "attempts": [
        {
            "step_id": "s1",
            "number": 1,
            "worker": _RUNS["lease_owner"],
            "state": "running",
            "workspace": "/work/s1-1",
            "log": "/logs/s1-1.log",
            "cpu_seconds": 1e-7,
            "started_at": _AT,
        }
    ],
    "events": [
        {"job_id": "j1", "seq": n, "kind": "job", "body": {"state": s}, "at": _AT + n}
        for n, s in enumerate(("queued", "running"), 1)
    ],
    "deliveries": [
        {
            "job_id": "j1",
            "path": "/out/\udce4.mp4",
            "position": 0,
            "output": 0,
            "sha256": _A,
            "size_bytes": 3,
            "at": _AT,
        }
    ],
    "reservations": [
        {"step_id": "s1", "host": "elsewhere-1", "size_bytes": 9, "workspace": "/work/s1-1"}
    ],
    "outcomes": [
        {
            "identity": _A,
            "outputs": {"out": 1},
            "result": {},
            "report": {"lufs": float("-inf")},
            "cpu_seconds": 4.0,
            "created_at": _AT,
            "last_used_at": _AT,
        }
    ],
    "blobs": [
        {
            "sha256": sha256,
            "size_bytes": 3,
            "mtime_ns": (1 << 62) + 1,
            "inode": str((1 << 64) - 1),
            "created_at": _AT,
            "last_used_at": _AT,
        }
        for sha256 in (_A, _B)
    ],
    "artifacts": [
        {"identity": _A, "output": "out", "position": 0, "sha256": _A, "facts": {"frames": 5}}
    ],
    "probes": [{"sha256": _A, "version": "1/x", "info": {"streams": []}, "created_at": _AT}],
    "digests": [
        {"path": "/in/ü.mov", "size_bytes": 3, "mtime_ns": 5, "inode": "6", "sha256": _A},
    ],
    "rates": [{"name": "scale", "n": 2, "mean": 0.1, "m2": 0.2, "updated_at": _AT}],
    "workers": [
        {
            "id": "elsewhere-1/7/8/n",
            "host": "elsewhere-1",
            "pid": 7,
            "state": "running",
            "drain": False,
            "version": "0.1.0",
            "cpus": 4.0,
            "memory_bytes": 1 << 34,
            "started_at": _AT,
            "heartbeat_at": _AT,
        }
    ],
    "cluster_nodes": [
        {
            "host": "node:ab",
            "name": "studio-2",
            "address": "10.0.0.7",
            "worker": "node:ab/7/8/n",
            "state": "refused",
            "problem": "its FFmpeg is another",
            "drain": True,
            "cpus": 3.5,
            "memory_bytes": 1 << 34,
            "disk_bytes": 1 << 44,
            "free_disk_bytes": 1 << 43,
            "gpus": 1,
            "labels": {"rack": "ü"},
            "versions": {"ray": "2.60.0"},
            "joined_at": _AT,
            "since": _AT,
            "seen_at": _AT,
        }
    ],
    "cluster_heads": [
        {
            "namespace": "reelwright",
            "address": "10.0.0.1:6380",
            "dispatcher": "elsewhere-1/7/8/n",
            "problem": None,
            "report": {"models": []},
            "since": _AT,
            "seen_at": _AT,
        }
    ],
    "batches": [{"id": "b1", "owner": "ana", "size": 2, "labels": {"x": "y"}, "created_at": _AT}],
    "idempotency": [
        {"owner": "ana", "key": "k-1", "digest": _A, "target": "j1", "created_at": _AT}
    ],
    "uploads": [
        {
            "id": "u1",
            "owner": "ana",
            "name": "ü\udcff.mp4",
            "size_bytes": None,
            "offset_bytes": 1 << 41,
            "sha256": None,
            "metadata": {"filename": "ü"},
            "created_at": _AT,
            "expires_at": _AT + 1,
        }
    ],
    "api_keys": [
        {
            "id": "k1",
            "name": "CI",
            "owner": "ana",
            "role": "editor",
            "hash": _B,
            "scopes": ["jobs"],
            "folders": {"read": ["/media"]},
            "rate": "10/second",
            "max_running": 2,
            "max_bytes": 1 << 50,
            "created_by": "local",
            "created_at": _AT,
        }
    ],
    "sessions": [
        {"id": _A, "csrf": _B, "principal": {"actor": "local"}, "created_at": _AT, "expires_at": 1}
    ],
    "audit": [
        {
            "seq": seq,
            "at": _AT,
            "actor": "local",
            "role": "admin",
            "action": "job.create",
            "target": "j1",
            "address": "127.0.0.1",
            "trace": None,
            "detail": {"n": seq},
        }
        for seq in (1, 2, 41)
    ],
    "endpoints": [
        {
            "id": "e1",
            "owner": "ana",
            "url": "https://example.org",
            "events": ["job.finished"],
            "secret": "whsec_x",
            "old_secret": "whsec_y",
            "old_secret_until": _AT,
            "is_enabled": True,
            "created_at": _AT,
        }
    ],
    "outbox": [
        {
            "id": "m1",
            "job_id": "j1",
            "owner": "ana",
            "endpoint_id": "e1",
            "url": "https://example.org",
            "kind": "job.finished",
            "body": {"id": "j1"},
            "state": "waiting",
            "tries": 2,
            "next_at": _AT,
            "created_at": _AT,
            "last_status": 500,
            "last_error": "no",
        }
    ],
    "job_labels": [
        {"job_id": "j1", "name": "show", "value": "Ünter"},
        {"job_id": "j1", "name": "n", "value": "1"},
    ],
    "sources": [
        {
            "id": "so1",
            "owner": "ana",
            "url": "https://example.org/feed",
            "kind": "feed",
            "title": "Ünter",
            "options": {"profile": "best"},
            "state": "listed",
            "listed": 2,
            "schedule": "6h",
            "is_enabled": True,
            "etag": '"x"',
            "digest": _A,
            "tries": 0,
            "created_at": _AT,
            "next_at": _AT + 21600,
        }
    ],
    "assets": [
        {
            "id": "as1",
            "key": "generic:example.org:https://example.org/a.mp4",
            "owner": "ana",
            "extractor": "generic",
            "host": "example.org",
            "url": "https://example.org/a.mp4",
            "title": "ä ✓",
            "folder": "ch/\udcff",
            "folder_key": "ch/\udcff",
            "state": "held",
            "sha256": _A,
            "size_bytes": 1 << 41,
            "info": {"tags": ["ü"]},
            "origin_state": "available",
            "created_at": _AT,
        }
    ],
    "asset_files": [
        {
            "asset_id": "as1",
            "path": "v\udcff.mp4",
            "version": 1,
            "role": "video",
            "format": "mp4",
            "sha256": _A,
            "size_bytes": 1 << 41,
            "mtime_ns": (1 << 62) + 1,
            "state": "ok",
            "facts": {"streams": []},
            "created_at": _AT,
        }
    ],
    "caption_passages": [
        {
            "id": n,
            "asset_id": "as1",
            "path": "v.en.vtt",
            "language": "en",
            "start_s": n / 3,
            "end_s": n + 0.5,
            "text": "grüße ✓",
        }
        for n in (1, 7)
    ],
    "entries": [
        {
            "id": "en1",
            "source_id": "so1",
            "position": 1,
            "key": "generic:example.org:https://example.org/a.mp4",
            "host": "example.org",
            "url": "https://example.org/a.mp4",
            "state": "held",
            "asset_id": "as1",
            "tries": 1,
            "created_at": _AT,
        }
    ],
    "origin_checks": [
        {
            "seq": seq,
            "key": "k",
            "asset_id": "as1",
            "url": "https://example.org/a.mp4",
            "outcome": "gone",
            "code": "video_gone",
            "evidence": {"status": 404},
            "at": _AT,
        }
        for seq in (1, 5)
    ],
    "hosts": [
        {
            "host": "example.org",
            "tokens": 1 / 3,
            "filled_at": _AT,
            "state": "open",
            "failures": 5,
            "code": "http_rate_limited",
            "until": _AT,
        }
    ],
    "api_quota": [{"bucket": "units", "day": "2026-11-21", "used": 7}],
    "api_cache": [
        {"key": _A, "etag": "e", "body": {"items": []}, "fetched_at": _AT, "expires_at": _AT}
    ],
    "log_lines": [
        {
            "seq": seq,
            "at": _AT,
            "owner": "ana",
            "level": "info",
            "component": "archive",
            "job_id": "j1",
            "message": "ü",
            "fields": {"n": 1},
        }
        for seq in (1, 9)
    ],
    "analyses": [
        {
            "subject": "asset:as1",
            "kind": "transcript",
            "asset_id": "as1",
            "job_id": "j1",
            "media_sha256": _A,
            "body": {"words": []},
            "created_at": _AT,
        }
    ],
    "documents": [
        {
            "id": "d1",
            "owner": "ana",
            "subject": "asset:as1",
            "kind": "asset",
            "asset_id": "as1",
            "title": "Ü",
            "facts": {},
            "indexed_at": _AT,
        }
    ],
    "passages": [
        {
            "id": number,
            "document_id": "d1",
            "kind": "speech",
            "start_s": 1 / 3,
            "end_s": 2.5,
            "text": "Grüße",
            "words": "grusse",
            "stemmer": "german",
            "length": 1,
            "evidence": {"segment": 1},
        }
        for number in (2, 7)
    ],
    "spaces": [
        {
            "id": "sp1",
            "purpose": "text",
            "model": "minilm",
            "revision": "r",
            "dtype": "float32",
            "preprocessing": "",
            "dimension": 2,
            "state": "live",
            "created_at": _AT,
        }
    ],
    "vectors": [
        {"id": 3, "space_id": "sp1", "passage_id": 2, "vector": b"\x00\x00\x80?\x00\x00\x00\x00"}
    ],
    "model_calls": [
        {
            "id": "mc1",
            "owner": "ana",
            "job_id": "j1",
            "key": "segment 1",
            "kind": "speech",
            "provider": "local",
            "model": "m",
            "request": _A,
            "state": "done",
            "is_cached": False,
            "is_local": True,
            "reserved_usd": 0.0,
            "cost_usd": None,
            "at": _AT,
        }
    ],
    "model_totals": [
        {
            "day": 19_000,
            "owner": "ana",
            "job_id": "",
            "asset_id": "",
            "provider": "openai",
            "model": "m",
            "prompt": "describe@1",
            "kind": "vision",
            **dict.fromkeys(("calls", "cached", "failed", "unknown"), 2),
            **dict.fromkeys(("input_tokens", "output_tokens"), 1 << 40),
            "cost_usd": None,
            "unsettled_usd": 0.1,
            "spent_usd": 1 / 3,
        }
    ],
    "model_answers": [
        {"key": _A, "identity": {}, "answer": {"text": "ü"}, "created_at": _AT, "expires_at": _AT}
    ],
    "prompt_ratings": [{"call_id": "mc1", "rated_by": "ana", "rating": 5, "at": _AT}],
}


def fill(tx: Tx) -> None:
    for table in metadata.sorted_tables:
        for row in ROWS[table.name]:  # one by one: rows name different columns
            tx.run(sa.insert(table), row)
        for column in table.primary_key.columns:
            if isinstance(column.type, sa.Integer):
                tx.dialect.continue_numbers(tx.connection, table.name, column.name)


def contents(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, as the queries of the store would see it."""
    with database.read() as tx:
        return {
            table.name: [
                dict(row)
                for row in tx.run(sa.select(table).order_by(*table.primary_key.columns)).mappings()
            ]
            for table in metadata.sorted_tables
        }
