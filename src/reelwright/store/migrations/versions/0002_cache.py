"""The cache: outcomes of steps by identity, their files, facts of inputs, learned costs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = ("blobs", "digests", "outcomes", "probes", "rates", "artifacts")


def upgrade() -> None:
    _blobs()
    _digests()
    _outcomes()
    _probes()
    _rates()
    _artifacts()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _blobs() -> None:
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=True),
        sa.Column("last_used_at", sa.Float(53), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name="pk_blobs"),
    )


def _digests() -> None:
    op.create_table(
        "digests",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.String(length=24), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("path", name="pk_digests"),
    )


def _outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("identity", sa.String(length=64), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("cpu_seconds", sa.Float(53), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=True),
        sa.Column("last_used_at", sa.Float(53), nullable=True),
        sa.PrimaryKeyConstraint("identity", name="pk_outcomes"),
    )


def _probes() -> None:
    op.create_table(
        "probes",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("info", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=True),
        sa.PrimaryKeyConstraint("sha256", "version", name="pk_probes"),
    )


def _rates() -> None:
    op.create_table(
        "rates",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("mean", sa.Float(53), nullable=False),
        sa.Column("m2", sa.Float(53), nullable=False),
        sa.Column("updated_at", sa.Float(53), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_rates"),
    )


def _artifacts() -> None:
    op.create_table(
        "artifacts",
        sa.Column("identity", sa.String(length=64), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["identity"],
            ["outcomes.identity"],
            name="fk_artifacts_identity_outcomes",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["sha256"], ["blobs.sha256"], name="fk_artifacts_sha256_blobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("identity", "output", "position", name="pk_artifacts"),
    )
    op.create_index("ix_artifacts_sha256", "artifacts", ["sha256"], unique=False)
