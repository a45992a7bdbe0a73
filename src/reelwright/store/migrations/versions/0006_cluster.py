"""The nodes of a cluster and its head, as the dispatcher sees them; what steps ask of a node."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("steps", sa.Column("asks", sa.Text(), nullable=True))
    op.create_index("ix_steps_lease_owner", "steps", ["lease_owner"], unique=False)
    op.create_table(
        "cluster_nodes",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("drain", sa.Boolean(), nullable=False),
        sa.Column("cpus", sa.Float(precision=53), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("disk_bytes", sa.BigInteger(), nullable=False),
        sa.Column("free_disk_bytes", sa.BigInteger(), nullable=False),
        sa.Column("gpus", sa.Integer(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.Float(precision=53), nullable=True),
        sa.Column("since", sa.Float(precision=53), nullable=True),
        sa.Column("seen_at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("host", name="pk_cluster_nodes"),
    )
    op.create_table(
        "cluster_heads",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("dispatcher", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("since", sa.Float(precision=53), nullable=True),
        sa.Column("seen_at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("namespace", name="pk_cluster_heads"),
    )


def downgrade() -> None:
    op.drop_table("cluster_heads")
    op.drop_table("cluster_nodes")
    op.drop_index("ix_steps_lease_owner", table_name="steps")
    op.drop_column("steps", "asks")
