"""The tables. Times are seconds since 1970 on the database's clock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from reelwright.store.types import Document, PathText

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = String(32)
_STATE = String(16)
_SHA256 = String(64)


def _json(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, Document, nullable=nullable)


def _time(name: str) -> Column[Any]:
    return Column(name, Float(53), nullable=True)


# `plan` is the plan without its steps, which are rows of their own; `event_seq` numbers the events.
jobs = Table(
    "jobs",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("state", _STATE, nullable=False),
    Column("priority", Integer, nullable=False),
    _json("labels", nullable=False),
    _json("spec", nullable=False),
    _json("plan", nullable=False),
    Column("revision", Integer, nullable=False),
    Column("base", PathText, nullable=False),
    Column("overwrite", Boolean, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("timeout_s", Float(53), nullable=True),
    Column("owner", Text, nullable=True),
    Column("webhook", Text, nullable=True),
    _json("error"),
    Column("fraction", Float(53), nullable=False),
    Column("eta_s", Float(53), nullable=True),
    Column("event_seq", Integer, nullable=False),
    _time("created_at"),
    _time("started_at"),
    _time("deadline_at"),
    _time("finished_at"),
    Index(None, "state", "priority"),
)

# `key` is the step's id in the plan. `attempt` is the fencing token. `failures` count against
# `max_attempts`; `losses` (workers that died) are counted apart. `weight` is the estimate of
# CPU-seconds that progress is weighted by.
steps = Table(
    "steps",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("job_id", _ID, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("identity", _SHA256, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("state", _STATE, nullable=False),
    _json("needs", nullable=False),
    _json("payload", nullable=False),
    Column("cpus", Float(53), nullable=False),
    Column("memory_bytes", BigInteger, nullable=False),
    Column("disk_bytes", BigInteger, nullable=False),
    Column("weight", Float(53), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("not_before", Float(53), nullable=False),
    Column("host", Text, nullable=True),
    Column("lease_owner", Text, nullable=True),
    _time("lease_until"),
    Column("fraction", Float(53), nullable=False),
    _json("progress"),
    _json("result"),
    _json("report"),
    _json("error"),
    Column("cpu_seconds", Float(53), nullable=True),
    Column("max_rss_bytes", BigInteger, nullable=True),
    _time("ready_at"),
    _time("started_at"),
    _time("finished_at"),
    UniqueConstraint("job_id", "key"),
    Index(None, "state", "job_id"),
    Index(None, "identity"),
)

# Who waits for whom: `needs` as rows, so that readiness is one query.
edges = Table(
    "edges",
    metadata,
    Column("job_id", _ID, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("need", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Index(None, "job_id", "key"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("step_id", _ID, ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("worker", Text, nullable=False),
    Column("state", _STATE, nullable=False),
    Column("workspace", PathText, nullable=False),
    Column("log", PathText, nullable=False),
    _json("error"),
    Column("cpu_seconds", Float(53), nullable=True),
    Column("max_rss_bytes", BigInteger, nullable=True),
    _time("started_at"),
    _time("finished_at"),
)

events = Table(
    "events",
    metadata,
    Column("job_id", _ID, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("kind", String(32), nullable=False),
    _json("body", nullable=False),
    _time("at"),
)

# What was put where; a row is written when the file stands under its name.
deliveries = Table(
    "deliveries",
    metadata,
    Column("job_id", _ID, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("path", PathText, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("output", Integer, nullable=False),
    Column("sha256", _SHA256, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    _time("at"),
)

# Disk space promised to a running step.
reservations = Table(
    "reservations",
    metadata,
    Column("step_id", _ID, ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Column("host", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("workspace", PathText, nullable=False),
)

# The cache, first half: what a step of this identity gave, apart from its files.
outcomes = Table(
    "outcomes",
    metadata,
    Column("identity", _SHA256, primary_key=True),
    _json("outputs", nullable=False),
    _json("result", nullable=False),
    _json("report", nullable=False),
    Column("cpu_seconds", Float(53), nullable=False),
    _time("created_at"),
    _time("last_used_at"),
)

# Second half: its files. `position` counts the files of a sequence from 0.
artifacts = Table(
    "artifacts",
    metadata,
    Column(
        "identity",
        _SHA256,
        ForeignKey("outcomes.identity", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("output", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("sha256", _SHA256, ForeignKey("blobs.sha256", ondelete="CASCADE"), nullable=False),
    _json("facts"),
    Index(None, "sha256"),
)

# The file of a content. `mtime_ns` and `inode` say whether somebody changed it: a delivered file
# may be a hard link to it.
blobs = Table(
    "blobs",
    metadata,
    Column("sha256", _SHA256, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("inode", String(24), nullable=False),  # unsigned 64 bits on some file systems
    _time("created_at"),
    _time("last_used_at"),
)

probes = Table(
    "probes",
    metadata,
    Column("sha256", _SHA256, primary_key=True),
    Column("version", Text, primary_key=True),
    _json("info", nullable=False),
    _time("created_at"),
)

# The digest of a file that did not change since it was read.
digests = Table(
    "digests",
    metadata,
    Column("path", PathText, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("inode", String(24), nullable=False),
    Column("sha256", _SHA256, nullable=False),
)

# Learned costs, as Welford's running mean and sum of squared differences.
rates = Table(
    "rates",
    metadata,
    Column("name", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("mean", Float(53), nullable=False),
    Column("m2", Float(53), nullable=False),
    _time("updated_at"),
)
