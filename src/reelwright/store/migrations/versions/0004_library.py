"""The archive: sources, entries, assets and their files, captions, origins, budgets, logs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = (
    "api_cache",
    "api_quota",
    "assets",
    "hosts",
    "log_lines",
    "origin_checks",
    "sources",
    "asset_files",
    "caption_passages",
    "entries",
)

_CAPTION_INDEX = {
    "sqlite": (
        (
            "CREATE VIRTUAL TABLE caption_index USING fts5(text, content='caption_passages', "
            "content_rowid='id', tokenize='unicode61 remove_diacritics 2', prefix='2 3')"
        ),
        (
            "CREATE TRIGGER caption_index_insert AFTER INSERT ON caption_passages BEGIN "
            "INSERT INTO caption_index (rowid, text) VALUES (new.id, new.text); END"
        ),
        (
            "CREATE TRIGGER caption_index_delete AFTER DELETE ON caption_passages BEGIN "
            "INSERT INTO caption_index (caption_index, rowid, text) "
            "VALUES ('delete', old.id, old.text); END"
        ),
        (
            "CREATE TRIGGER caption_index_update AFTER UPDATE ON caption_passages BEGIN "
            "INSERT INTO caption_index (caption_index, rowid, text) "
            "VALUES ('delete', old.id, old.text); "
            "INSERT INTO caption_index (rowid, text) VALUES (new.id, new.text); END"
        ),
    ),
    "postgresql": (
        "CREATE TABLE caption_index (id bigint PRIMARY KEY, words tsvector NOT NULL)",
        "CREATE INDEX ix_caption_index_words ON caption_index USING gin (words)",
        (
            "CREATE FUNCTION caption_fold(said text) RETURNS text IMMUTABLE LANGUAGE sql AS "
            r"$$ SELECT regexp_replace(lower(regexp_replace(normalize(said, NFKD), "
            r"'[\u0300-\u036f]', '', 'g')), '[\u0001-\u002f\u003a-\u0060\u007b-\u00bf"
            r"\u2000-\u206f\u3000-\u303f]+', ' ', 'g') $$"
        ),
        (
            "CREATE FUNCTION caption_index_follow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF TG_OP <> 'INSERT' THEN DELETE FROM caption_index WHERE id = OLD.id; END IF; "
            "IF TG_OP <> 'DELETE' THEN INSERT INTO caption_index "
            "VALUES (NEW.id, to_tsvector('simple', caption_fold(NEW.text))); END IF; "
            "RETURN NULL; END $$"
        ),
        (
            "CREATE TRIGGER caption_index_follow AFTER INSERT OR UPDATE OR DELETE "
            "ON caption_passages FOR EACH ROW EXECUTE FUNCTION caption_index_follow()"
        ),
    ),
}
# What has to be dropped beside the tables.
_CAPTION_INDEX_GONE = {
    "sqlite": ("DROP TABLE IF EXISTS caption_index",),
    "postgresql": (
        "DROP TABLE IF EXISTS caption_index",
        "DROP FUNCTION IF EXISTS caption_index_follow() CASCADE",
        "DROP FUNCTION IF EXISTS caption_fold(text)",
    ),
}


def upgrade() -> None:
    _api_cache()
    _api_quota()
    _assets()
    _hosts()
    _log_lines()
    _origin_checks()
    _sources()
    _asset_files()
    _caption_passages()
    _entries()
    _run(_CAPTION_INDEX)


def downgrade() -> None:
    _run(_CAPTION_INDEX_GONE)
    for table in reversed(_TABLES):
        op.drop_table(table)


def _run(statements: dict[str, tuple[str, ...]]) -> None:
    connection = op.get_bind()
    for statement in statements[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def _api_cache() -> None:
    op.create_table(
        "api_cache",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("fetched_at", sa.Float(precision=53), nullable=True),
        sa.Column("expires_at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_api_cache"),
    )
    op.create_index("ix_api_cache_expires_at", "api_cache", ["expires_at"], unique=False)


def _api_quota() -> None:
    op.create_table(
        "api_quota",
        sa.Column("bucket", sa.String(length=32), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "day", name="pk_api_quota"),
    )


def _assets() -> None:  # size: one line a column
    op.create_table(
        "assets",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("extractor", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("native_id", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("channel_id", sa.Text(), nullable=True),
        sa.Column("published_at", sa.Float(precision=53), nullable=True),
        sa.Column("duration_s", sa.Float(precision=53), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("folder_key", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("info", sa.Text(), nullable=False),
        sa.Column("origin_state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=True),
        sa.Column("changed_at", sa.Float(precision=53), nullable=True),
        sa.Column("verified_at", sa.Float(precision=53), nullable=True),
        sa.Column("origin_checked_at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_assets"),
        sa.UniqueConstraint("folder_key", name="uq_assets_folder_key"),
        sa.UniqueConstraint("key", "owner", name="uq_assets_key_owner"),
    )
    op.create_index(
        "ix_assets_channel_published_at", "assets", ["channel", "published_at"], unique=False
    )
    op.create_index("ix_assets_created_at", "assets", ["created_at"], unique=False)
    op.create_index(
        "ix_assets_origin_state_origin_checked_at",
        "assets",
        ["origin_state", "origin_checked_at"],
        unique=False,
    )
    op.create_index("ix_assets_owner_id", "assets", ["owner", "id"], unique=False)
    op.create_index("ix_assets_published_at", "assets", ["published_at"], unique=False)
    op.create_index("ix_assets_sha256", "assets", ["sha256"], unique=False)
    op.create_index("ix_assets_verified_at", "assets", ["verified_at"], unique=False)


def _hosts() -> None:
    op.create_table(
        "hosts",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Float(precision=53), nullable=False),
        sa.Column("filled_at", sa.Float(precision=53), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("until", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("host", name="pk_hosts"),
    )


def _log_lines() -> None:
    op.create_table(
        "log_lines",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", sa.Float(precision=53), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("component", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=32), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_log_lines"),
    )
    op.create_index("ix_log_lines_at", "log_lines", ["at"], unique=False)
    op.create_index("ix_log_lines_component_at", "log_lines", ["component", "at"], unique=False)
    op.create_index("ix_log_lines_job_id_at", "log_lines", ["job_id", "at"], unique=False)
    op.create_index("ix_log_lines_level_at", "log_lines", ["level", "at"], unique=False)


def _origin_checks() -> None:
    op.create_table(
        "origin_checks",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.String(length=32), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_origin_checks"),
    )
    op.create_index("ix_origin_checks_asset_id", "origin_checks", ["asset_id"], unique=False)
    op.create_index("ix_origin_checks_key_at", "origin_checks", ["key", "at"], unique=False)
    op.create_index("ix_origin_checks_outcome_at", "origin_checks", ["outcome", "at"], unique=False)


def _sources() -> None:
    op.create_table(
        "sources",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("listed", sa.Integer(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=True),
        sa.Column("listed_at", sa.Float(precision=53), nullable=True),
        sa.Column("next_at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
    )
    op.create_index("ix_sources_owner_id", "sources", ["owner", "id"], unique=False)
    op.create_index("ix_sources_next_at", "sources", ["next_at"], unique=False)
    op.create_index("ix_sources_owner_url", "sources", ["owner", "url"], unique=False)


def _asset_files() -> None:
    op.create_table(
        "asset_files",
        sa.Column("asset_id", sa.String(length=32), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=True),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=True),
        sa.Column("checked_at", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["assets.id"], name="fk_asset_files_asset_id_assets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("asset_id", "path", name="pk_asset_files"),
    )
    op.create_index("ix_asset_files_sha256", "asset_files", ["sha256"], unique=False)
    op.create_index("ix_asset_files_state", "asset_files", ["state"], unique=False)


def _caption_passages() -> None:
    op.create_table(
        "caption_passages",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("asset_id", sa.String(length=32), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("start_s", sa.Float(precision=53), nullable=False),
        sa.Column("end_s", sa.Float(precision=53), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_id"],
            ["assets.id"],
            name="fk_caption_passages_asset_id_assets",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_caption_passages"),
    )
    op.create_index("ix_caption_passages_asset_id", "caption_passages", ["asset_id"], unique=False)


def _entries() -> None:
    op.create_table(
        "entries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("published_at", sa.Float(precision=53), nullable=True),
        sa.Column("duration_s", sa.Float(precision=53), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("job_id", sa.String(length=32), nullable=True),
        sa.Column("asset_id", sa.String(length=32), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=True),
        sa.Column("changed_at", sa.Float(precision=53), nullable=True),
        sa.Column("next_at", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(
            ["source_id"], ["sources.id"], name="fk_entries_source_id_sources", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_entries"),
        sa.UniqueConstraint("source_id", "key", name="uq_entries_source_id_key"),
    )
    op.create_index("ix_entries_asset_id", "entries", ["asset_id"], unique=False)
    op.create_index("ix_entries_job_id", "entries", ["job_id"], unique=False)
    op.create_index("ix_entries_key", "entries", ["key"], unique=False)
    op.create_index(
        "ix_entries_source_id_state_position",
        "entries",
        ["source_id", "state", "position"],
        unique=False,
    )
    op.create_index(
        "ix_entries_source_id_changed_at", "entries", ["source_id", "changed_at"], unique=False
    )
    op.create_index("ix_entries_state_next_at", "entries", ["state", "next_at"], unique=False)
