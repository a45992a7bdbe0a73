"""Runs migrations on the connection that `store/schema.py` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from reelwright.store.tables_understand import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most things in place: Alembic copies the table instead.
    render_as_batch=True,
)
context.run_migrations()
