"""The tables of the archive: what was asked for, what is held, what the origins say, and the logs.

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
    UniqueConstraint,
    event,
)

from reelwright.store.tables import ID, SHA256, STATE, json_column, metadata, time_column
from reelwright.store.tables_service import COUNTED
from reelwright.store.types import PathText

__all__ = ["metadata"]  # with these tables in it

# A URL that somebody wants kept: a video, playlist, channel or feed. With a `schedule` ("6h", or
# five cron fields) it is a subscription, listed again when `next_at` comes. `options` is
# `app.archive.options.ArchiveOptions` as JSON. `etag`, `last_modified` and `digest` are of the
# listing that was read last.
sources = Table(
    "sources",
    metadata,
    Column("id", ID, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("title", Text, nullable=True),
    json_column("options", nullable=False),
    Column("state", STATE, nullable=False),
    json_column("error"),
    Column("listed", Integer, nullable=False),
    Column("schedule", Text, nullable=True),
    Column("is_enabled", Boolean, nullable=False),
    Column("etag", Text, nullable=True),
    Column("last_modified", Text, nullable=True),
    Column("digest", SHA256, nullable=True),
    Column("tries", Integer, nullable=False),
    time_column("created_at"),
    time_column("listed_at"),
    time_column("next_at"),
    Index(None, "next_at"),
    Index(None, "owner", "url"),
    Index(None, "owner", "id"),
)

# One video of a source: stored before it is looked at. `key` is its identity at the origin
# (`app.archive.identity`); `job_id` is the child job that fetches it; `error` is a Problem.
entries = Table(
    "entries",
    metadata,
    Column("id", ID, primary_key=True),
    Column("source_id", ID, ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=True),
    Column("published_at", Float(53), nullable=True),
    Column("duration_s", Float(53), nullable=True),
    Column("state", STATE, nullable=False),
    Column("code", String(64), nullable=True),
    json_column("error"),
    Column("job_id", ID, nullable=True),
    Column("asset_id", ID, nullable=True),
    Column("tries", Integer, nullable=False),
    time_column("created_at"),
    time_column("changed_at"),
    time_column("next_at"),
    UniqueConstraint("source_id", "key"),
    Index(None, "state", "next_at"),
    Index(None, "source_id", "state", "position"),
    Index(None, "source_id", "changed_at"),
    Index(None, "key"),
    Index(None, "job_id"),
    Index(None, "asset_id"),
)

# A video that the library holds: one for each key of an owner's. `folder` is relative to the
# library, or absolute where it was imported from elsewhere and stayed there. `folder_key` is the
# folder as file systems compare it that know no case (`app.library.layout`), None where the folder
# is not the asset's alone: two assets never get one. `sha256` and `size_bytes` are those of its
# newest video file; `info` is `VideoInfo` as JSON. `origin_state` is what the origin said when it
# was asked last (`origin_checks` keeps every answer).
assets = Table(
    "assets",
    metadata,
    Column("id", ID, primary_key=True),
    Column("key", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("extractor", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("native_id", Text, nullable=True),
    Column("url", Text, nullable=True),
    Column("title", Text, nullable=False),
    Column("channel", Text, nullable=True),
    Column("channel_id", Text, nullable=True),
    Column("published_at", Float(53), nullable=True),
    Column("duration_s", Float(53), nullable=True),
    Column("language", String(35), nullable=True),
    Column("folder", PathText, nullable=False),
    Column("folder_key", PathText, nullable=True, unique=True),
    Column("state", STATE, nullable=False),
    Column("sha256", SHA256, nullable=True),
    Column("size_bytes", BigInteger, nullable=False),
    json_column("info", nullable=False),
    Column("origin_state", STATE, nullable=False),
    time_column("created_at"),
    time_column("changed_at"),
    time_column("verified_at"),
    time_column("origin_checked_at"),
    UniqueConstraint("key", "owner"),
    Index(None, "channel", "published_at"),
    Index(None, "published_at"),
    Index(None, "created_at"),
    Index(None, "verified_at"),
    Index(None, "origin_state", "origin_checked_at"),
    Index(None, "sha256"),
    Index(None, "owner", "id"),
)

# Its files; `path` is relative to the asset's folder. `kind`: human or auto, of captions.
asset_files = Table(
    "asset_files",
    metadata,
    Column("asset_id", ID, ForeignKey("assets.id", ondelete="CASCADE"), primary_key=True),
    Column("path", PathText, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("role", String(16), nullable=False),
    Column("language", String(35), nullable=True),
    Column("kind", String(16), nullable=True),
    Column("format", String(16), nullable=False),
    Column("sha256", SHA256, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("state", STATE, nullable=False),
    json_column("facts"),
    time_column("created_at"),
    time_column("checked_at"),
    Index(None, "sha256"),
    Index(None, "state"),
)

# What captions say, in pieces of about half a minute; the full-text index `caption_index` stands
# beside it (`CAPTION_INDEX`).
caption_passages = Table(
    "caption_passages",
    metadata,
    Column("id", COUNTED, primary_key=True, autoincrement=True),
    Column("asset_id", ID, ForeignKey("assets.id", ondelete="CASCADE"), nullable=False),
    Column("path", PathText, nullable=False),
    Column("language", String(35), nullable=True),
    Column("start_s", Float(53), nullable=False),
    Column("end_s", Float(53), nullable=False),
    Column("text", Text, nullable=False),
    Index(None, "asset_id"),
)

# Every answer of an origin: is it still there? Rows are added and never changed.
origin_checks = Table(
    "origin_checks",
    metadata,
    Column("seq", COUNTED, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False),
    Column("asset_id", ID, nullable=True),
    Column("url", Text, nullable=False),
    Column("outcome", STATE, nullable=False),
    Column("code", String(64), nullable=True),
    json_column("evidence"),
    time_column("at"),
    Index(None, "key", "at"),
    Index(None, "outcome", "at"),
    Index(None, "asset_id"),
)

# What a site may still be asked, and whether it is asked at all: a token bucket (`tokens` at
# `filled_at`) and a circuit breaker (`state` closed, open or half-open; open `until`).
hosts = Table(
    "hosts",
    metadata,
    Column("host", Text, primary_key=True),
    Column("tokens", Float(53), nullable=False),
    time_column("filled_at"),
    Column("state", STATE, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("code", String(64), nullable=True),
    time_column("until"),
)

# Units of the YouTube Data API that were used on a day of its (Pacific) calendar.
api_quota = Table(
    "api_quota",
    metadata,
    Column("bucket", String(32), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("used", Integer, nullable=False),
)

api_cache = Table(
    "api_cache",
    metadata,
    Column("key", SHA256, primary_key=True),
    Column("etag", Text, nullable=True),
    json_column("body", nullable=False),
    time_column("fetched_at"),
    time_column("expires_at"),
    Index(None, "expires_at"),
)

# Lines that clients handed in, and what the archive did.
log_lines = Table(
    "log_lines",
    metadata,
    Column("seq", COUNTED, primary_key=True, autoincrement=True),
    time_column("at"),
    Column("owner", Text, nullable=True),
    Column("level", String(8), nullable=False),
    Column("component", String(64), nullable=False),
    Column("job_id", ID, nullable=True),
    Column("message", Text, nullable=False),
    json_column("fields", nullable=False),
    Index(None, "at"),
    Index(None, "job_id", "at"),
    Index(None, "level", "at"),
    Index(None, "component", "at"),
)

# The full-text index of `caption_passages`, by dialect, which follows it by triggers; the migration
# runs the same. Both fold case and diacritics, and stem nothing: captions are in any language.
CAPTION_INDEX = {
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
            # Marks go, and punctuation: the parser would take "and/or" for the name of a file.
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
CAPTION_INDEX_GONE = {
    "sqlite": ("DROP TABLE IF EXISTS caption_index",),
    "postgresql": (
        "DROP TABLE IF EXISTS caption_index",
        "DROP FUNCTION IF EXISTS caption_index_follow() CASCADE",
        "DROP FUNCTION IF EXISTS caption_fold(text)",
    ),
}
for _dialect, _statements in CAPTION_INDEX.items():
    for _statement in _statements:
        _ddl = DDL(_statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
        event.listen(caption_passages, "after_create", _ddl.execute_if(dialect=_dialect))
