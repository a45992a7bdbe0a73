"""Calls of models say in which attempt they were made; what old ones cost is summed up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEY = ("day", "owner", "job_id", "asset_id", "provider", "model", "prompt", "kind")
_COUNTS = ("calls", "cached", "failed", "unknown", "input_tokens", "output_tokens")


def upgrade() -> None:
    op.add_column("model_calls", sa.Column("attempt", sa.Integer(), nullable=True))
    op.create_table(
        "model_totals",
        sa.Column("day", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _KEY[1:]),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTS),
        sa.Column("cost_usd", sa.Float(precision=53), nullable=True),
        sa.Column("unsettled_usd", sa.Float(precision=53), nullable=False),
        sa.Column("spent_usd", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_model_totals"),
    )
    op.create_index("ix_model_totals_job_id", "model_totals", ["job_id"], unique=False)


def downgrade() -> None:
    op.drop_table("model_totals")
    op.drop_column("model_calls", "attempt")
