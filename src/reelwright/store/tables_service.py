"""The tables of the service: who may do what, what was handed in, who works, who is told.

Times are seconds since 1970 on the database's clock.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    event,
)

from reelwright.store.tables import ID, SHA256, STATE, json_column, metadata, time_column
from reelwright.store.types import PathText

__all__ = ["metadata"]  # with these tables in it

# SQLite numbers rows by itself only where the key is its own INTEGER.
COUNTED = BigInteger().with_variant(Integer, "sqlite")

# Processes that run steps or decide. `id` is `str(Presence)`; `drain` asks it to take no more.
workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("state", STATE, nullable=False),
    Column("drain", Boolean, nullable=False),
    Column("version", Text, nullable=False),
    Column("cpus", Float(53), nullable=False),
    Column("memory_bytes", BigInteger, nullable=False),
    time_column("started_at"),
    time_column("heartbeat_at"),
)

# The nodes of a cluster as the dispatcher last saw them. `host` is that of its steps; `worker`
# holds their leases; `drain`: a person asked that it takes nothing new. `since`: when `state`
# became what it is. `seen_at`: when it was last there.
cluster_nodes = Table(
    "cluster_nodes",
    metadata,
    Column("host", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("state", STATE, nullable=False),
    Column("problem", Text, nullable=True),
    Column("drain", Boolean, nullable=False),
    Column("cpus", Float(53), nullable=False),
    Column("memory_bytes", BigInteger, nullable=False),
    Column("disk_bytes", BigInteger, nullable=False),
    Column("free_disk_bytes", BigInteger, nullable=False),
    Column("gpus", Integer, nullable=False),
    json_column("labels", nullable=False),
    json_column("versions", nullable=False),
    time_column("joined_at"),
    time_column("since"),
    time_column("seen_at"),
)

# What the process that decides says of its cluster: one row for each namespace. `problem`: why the
# head does not answer; `report`: what only Ray knows (models).
cluster_heads = Table(
    "cluster_heads",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("address", Text, nullable=True),
    Column("dispatcher", Text, nullable=False),
    Column("problem", Text, nullable=True),
    json_column("report", nullable=False),
    time_column("since"),
    time_column("seen_at"),
)

# Many jobs of one request.
batches = Table(
    "batches",
    metadata,
    Column("id", ID, primary_key=True),
    Column("owner", Text, nullable=True),
    Column("size", Integer, nullable=False),
    json_column("labels", nullable=False),
    time_column("created_at"),
    Index(None, "owner", "id"),
)

# Answers by Idempotency-Key: `digest` is that of the request, `target` the id of what it made.
idempotency = Table(
    "idempotency",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", SHA256, nullable=False),
    Column("target", ID, nullable=False),
    time_column("created_at"),
    Index(None, "created_at"),
)

# Files handed in. `offset_bytes` of `size_bytes` are here; `sha256` is known when all are.
uploads = Table(
    "uploads",
    metadata,
    Column("id", ID, primary_key=True),
    Column("owner", Text, nullable=True),
    Column("name", PathText, nullable=False),
    Column("size_bytes", BigInteger, nullable=True),
    Column("offset_bytes", BigInteger, nullable=False),
    Column("sha256", SHA256, nullable=True),
    json_column("metadata", nullable=False),
    time_column("created_at"),
    time_column("expires_at"),
    time_column("finished_at"),
    Index(None, "owner", "sha256"),
    Index(None, "expires_at"),
)

# `hash` is the SHA-256 of the secret half, which nobody keeps. `rate` is in the words of the
# library `limits` ("100/minute"); `folders` are those of the server that the key's specs may
# read (`read`) and write (`write`).
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("hash", SHA256, nullable=False),
    json_column("scopes", nullable=False),
    json_column("folders", nullable=False),
    Column("rate", Text, nullable=True),
    Column("max_running", Integer, nullable=True),
    Column("max_bytes", BigInteger, nullable=True),
    Column("created_by", Text, nullable=False),
    time_column("created_at"),
    time_column("expires_at"),
    time_column("revoked_at"),
    time_column("last_used_at"),
)

# Browser sessions; `id` is the SHA-256 of the cookie.
sessions = Table(
    "sessions",
    metadata,
    Column("id", SHA256, primary_key=True),
    Column("csrf", SHA256, nullable=False),
    json_column("principal", nullable=False),
    time_column("created_at"),
    time_column("expires_at"),
    Index(None, "expires_at"),
)

# Every change: who, what, when, from where. Rows are added and never changed (triggers).
audit = Table(
    "audit",
    metadata,
    Column("seq", COUNTED, primary_key=True, autoincrement=True),
    time_column("at"),
    Column("actor", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", Text, nullable=True),
    Column("address", Text, nullable=True),
    Column("trace", Text, nullable=True),
    json_column("detail", nullable=False),
    Index(None, "at"),
    sqlite_autoincrement=True,
)

# Where messages go to beside the `webhook` of a spec. `old_secret` signs too until its time.
# A row with an empty `url` holds the secret for an owner's webhooks in specs.
endpoints = Table(
    "endpoints",
    metadata,
    Column("id", ID, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("url", Text, nullable=False),
    json_column("events", nullable=False),
    Column("secret", Text, nullable=False),
    Column("old_secret", Text, nullable=True),
    time_column("old_secret_until"),
    Column("is_enabled", Boolean, nullable=False),
    time_column("created_at"),
    Index(None, "owner", "url"),
)

# Messages, written in the transaction of the change that they tell of. `id` is the webhook-id.
outbox = Table(
    "outbox",
    metadata,
    Column("id", ID, primary_key=True),
    Column("job_id", ID, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("endpoint_id", ID, ForeignKey("endpoints.id", ondelete="CASCADE"), nullable=True),
    Column("url", Text, nullable=False),
    Column("kind", String(64), nullable=False),
    json_column("body", nullable=False),
    Column("state", STATE, nullable=False),
    Column("tries", Integer, nullable=False),
    time_column("next_at"),
    time_column("created_at"),
    time_column("sent_at"),
    Column("last_status", Integer, nullable=True),
    Column("last_error", Text, nullable=True),
    Index(None, "state", "next_at"),
    Index(None, "job_id"),
)

# Labels as rows, so that they can be asked for.
job_labels = Table(
    "job_labels",
    metadata,
    Column("job_id", ID, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Index(None, "name", "value", "job_id"),
)

# What makes `audit` append-only, by dialect; the migration runs the same.
APPEND_ONLY = {
    "sqlite": (
        (
            "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        ),
        (
            "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        ),
    ),
    "postgresql": (
        (
            "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
        ),
        (
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "EXECUTE FUNCTION audit_append_only()"
        ),
    ),
}
for _dialect, _statements in APPEND_ONLY.items():
    for _statement in _statements:
        # "%%": DDL() fills in "%(table)s" and the like.
        _ddl = DDL(_statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
        _ddl = _ddl.execute_if(dialect=_dialect)
        event.listen(audit, "after_create", _ddl)
