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

ID = String(32)
STATE = String(16)
SHA256 = String(64)


def json_column(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, Document, nullable=nullable)


def time_column(name: str) -> Column[Any]:
    return Column(name, Float(53), nullable=True)


# `plan` is the plan without its steps, which are rows of their own; `event_seq` numbers the events.
# `rank` orders the queue of one owner, the least first: when the job was made, less a head start by
# its priority, so that what waits comes first in the end. `key_id` is the API key that made it,
# which runs `max_running` jobs at a time; `trace` the traceparent of the request (W3C).
jobs = Table(
    "jobs",
    metadata,
    Column("id", ID, primary_key=True),
    Column("state", STATE, nullable=False),
    Column("priority", Integer, nullable=False),
    json_column("labels", nullable=False),
    json_column("spec", nullable=False),
    json_column("plan", nullable=False),
    Column("revision", Integer, nullable=False),
    Column("base", PathText, nullable=False),
    Column("overwrite", Boolean, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("timeout_s", Float(53), nullable=True),
    Column("owner", Text, nullable=True),
    Column("webhook", Text, nullable=True),
    Column("batch_id", ID, nullable=True),
    Column("key_id", ID, nullable=True),
    Column("max_running", Integer, nullable=True),
    Column("trace", Text, nullable=True),
    Column("rank", Float(53), nullable=False),
    json_column("error"),
    Column("fraction", Float(53), nullable=False),
    Column("eta_s", Float(53), nullable=True),
    Column("event_seq", Integer, nullable=False),
    time_column("created_at"),
    time_column("started_at"),
    time_column("deadline_at"),
    time_column("finished_at"),
    Index(None, "state", "owner", "rank"),
    Index(None, "owner", "id"),
    Index(None, "batch_id"),
    Index(None, "finished_at"),
)

# `key` is the step's id in the plan. `attempt` is the fencing token. `failures` count against
# `max_attempts`; `losses` (workers that died) are counted apart. `weight` is the estimate of
# CPU-seconds that progress is weighted by.
steps = Table(
    "steps",
    metadata,
    Column("id", ID, primary_key=True),
    Column("job_id", ID, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("identity", SHA256, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("state", STATE, nullable=False),
    json_column("needs", nullable=False),
    json_column("payload", nullable=False),
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
    time_column("lease_until"),
    Column("fraction", Float(53), nullable=False),
    json_column("progress"),
    json_column("result"),
    json_column("report"),
    json_column("error"),
    Column("cpu_seconds", Float(53), nullable=True),
    Column("max_rss_bytes", BigInteger, nullable=True),
    time_column("ready_at"),
    time_column("started_at"),
    time_column("finished_at"),
    # What a node must have beside cores, memory and disk: JSON as text, equal where they are.
    Column("asks", Text, nullable=True),
    UniqueConstraint("job_id", "key"),
    Index(None, "state", "job_id"),
    Index(None, "identity"),
    # Of what runs: a thousand agents ask for their own, each every few seconds.
    Index(None, "lease_owner"),
)

# Who waits for whom: `needs` as rows, so that readiness is one query.
edges = Table(
    "edges",
    metadata,
    Column("job_id", ID, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("need", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Index(None, "job_id", "key"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("step_id", ID, ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("worker", Text, nullable=False),
    Column("state", STATE, nullable=False),
    Column("workspace", PathText, nullable=False),
    Column("log", PathText, nullable=False),
    json_column("error"),
    Column("cpu_seconds", Float(53), nullable=True),
    Column("max_rss_bytes", BigInteger, nullable=True),
    time_column("started_at"),
    time_column("finished_at"),
    Index(None, "finished_at"),
)

events = Table(
    "events",
    metadata,
    Column("job_id", ID, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("kind", String(32), nullable=False),
    json_column("body", nullable=False),
    time_column("at"),
)

# What was put where; a row is written when the file stands under its name.
deliveries = Table(
    "deliveries",
    metadata,
    Column("job_id", ID, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("path", PathText, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("output", Integer, nullable=False),
    Column("sha256", SHA256, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    time_column("at"),
)

# Disk space promised to a running step.
reservations = Table(
    "reservations",
    metadata,
    Column("step_id", ID, ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Column("host", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("workspace", PathText, nullable=False),
)

# The cache, first half: what a step of this identity gave, apart from its files.
outcomes = Table(
    "outcomes",
    metadata,
    Column("identity", SHA256, primary_key=True),
    json_column("outputs", nullable=False),
    json_column("result", nullable=False),
    json_column("report", nullable=False),
    Column("cpu_seconds", Float(53), nullable=False),
    time_column("created_at"),
    time_column("last_used_at"),
)

# Second half: its files. `position` counts the files of a sequence from 0.
artifacts = Table(
    "artifacts",
    metadata,
    Column(
        "identity",
        SHA256,
        ForeignKey("outcomes.identity", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("output", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("sha256", SHA256, ForeignKey("blobs.sha256", ondelete="CASCADE"), nullable=False),
    json_column("facts"),
    Index(None, "sha256"),
)

# The file of a content. `mtime_ns` and `inode` say whether somebody changed it: a delivered file
# may be a hard link to it.
blobs = Table(
    "blobs",
    metadata,
    Column("sha256", SHA256, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("inode", String(24), nullable=False),  # unsigned 64 bits on some file systems
    time_column("created_at"),
    time_column("last_used_at"),
)

probes = Table(
    "probes",
    metadata,
    Column("sha256", SHA256, primary_key=True),
    Column("version", Text, primary_key=True),
    json_column("info", nullable=False),
    time_column("created_at"),
)

# The digest of a file that did not change since it was read.
digests = Table(
    "digests",
    metadata,
    Column("path", PathText, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("inode", String(24), nullable=False),
    Column("sha256", SHA256, nullable=False),
)

# Learned costs, as Welford's running mean and sum of squared differences.
rates = Table(
    "rates",
    metadata,
    Column("name", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("mean", Float(53), nullable=False),
    Column("m2", Float(53), nullable=False),
    time_column("updated_at"),
)
