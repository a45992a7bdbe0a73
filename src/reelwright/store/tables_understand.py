"""The tables of understanding: what was found, what can be searched for, and what models cost.

Times are seconds: of the database's clock since 1970 (``…_at``), of a video from 0 (``…_s``).
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
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)

from reelwright.store.tables import ID, SHA256, STATE, json_column, time_column
from reelwright.store.tables_library import metadata
from reelwright.store.tables_service import COUNTED

__all__ = ["metadata"]  # with these tables in it

# What analyses of a file gave: the newest of each `kind` (shots, transcript, text, segments,
# summary, keyframes, chapters, description) of an asset (`subject` ``asset:ID``) or of a file that
# no asset holds (``file:SHA256``). `body` is the JSON result; `sha256` its artifact, if any.
analyses = Table(
    "analyses",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("asset_id", ID, ForeignKey("assets.id", ondelete="CASCADE"), nullable=True),
    Column("job_id", ID, nullable=True),
    Column("media_sha256", SHA256, nullable=True),
    json_column("body", nullable=False),
    time_column("created_at"),
    Index(None, "asset_id"),
)

# What can be searched: a video (`kind` asset or file) or a text (`kind` document). `subject` is
# ``asset:ID``, ``file:SHA256`` or the document's own name (a path, an id of a JSON line). `facts`
# is what else is known (chapters, path, url).
documents = Table(
    "documents",
    metadata,
    Column("id", ID, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("asset_id", ID, ForeignKey("assets.id", ondelete="CASCADE"), nullable=True),
    Column("title", Text, nullable=False),
    Column("path", Text, nullable=True),
    Column("channel", Text, nullable=True),
    Column("language", String(35), nullable=True),
    Column("published_at", Float(53), nullable=True),
    Column("duration_s", Float(53), nullable=True),
    Column("digest", SHA256, nullable=True),
    json_column("facts", nullable=False),
    time_column("indexed_at"),
    UniqueConstraint("owner", "subject"),
    Index(None, "asset_id"),
    Index(None, "channel"),
    Index(None, "published_at"),
)

# A unit of text or picture: `kind` is speech, text (in the picture), captions, description, title,
# chapter, frame, body (of a document). `start_s` and `end_s` are None in documents. `evidence`:
# where it is from (provider and model, box, lines of a file, frame's time, segment). `words`: what
# it is found by, stemmed by `stemmer` and folded (`analysis.stemming`), those of a document's title
# on a line of their own; `length` is their number. `passage_index` (full text) stands beside it.
passages = Table(
    "passages",
    metadata,
    Column("id", COUNTED, primary_key=True, autoincrement=True),
    Column("document_id", ID, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("start_s", Float(53), nullable=True),
    Column("end_s", Float(53), nullable=True),
    Column("text", Text, nullable=False),
    Column("language", String(35), nullable=True),
    Column("speaker", Text, nullable=True),
    json_column("evidence", nullable=False),
    Column("words", Text, nullable=False),
    Column("stemmer", String(16), nullable=False),
    Column("length", Integer, nullable=False),
    Index(None, "document_id"),
    Index(None, "stemmer", "length"),
    sqlite_autoincrement=True,  # a number is never another passage's
)

# An embedding space: everything that was made by one model in one way. Of each `purpose` (text,
# frames) one is live; another is built beside it and takes its place at once.
spaces = Table(
    "spaces",
    metadata,
    Column("id", ID, primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("model", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("dtype", String(16), nullable=False),
    Column("preprocessing", Text, nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("state", STATE, nullable=False),
    time_column("created_at"),
    time_column("live_at"),
    UniqueConstraint("purpose", "model", "revision", "dtype", "preprocessing", "dimension"),
)

# Vectors of passages, of length 1: float32, little-endian. Their numbers grow with the time of
# their commit: what was added can be asked for. PostgreSQL has a table of its own with pgvector's
# type for each space beside it (`store.vectors`).
vectors = Table(
    "vectors",
    metadata,
    Column("id", COUNTED, primary_key=True, autoincrement=True),
    Column("space_id", ID, ForeignKey("spaces.id", ondelete="CASCADE"), nullable=False),
    Column("passage_id", BigInteger, ForeignKey("passages.id", ondelete="CASCADE"), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    UniqueConstraint("space_id", "passage_id"),
    Index(None, "space_id", "id"),
    Index(None, "passage_id"),
    sqlite_autoincrement=True,
)

# Every call of a model. `cost_usd` is NULL where no price is known. A call that was begun and not
# ended keeps what it reserved (`reserved_usd`) until it is settled, or the `attempt` of its step is
# over. After a while its record goes, and is in `model_totals`.
model_calls = Table(
    "model_calls",
    metadata,
    Column("id", ID, primary_key=True),
    Column("owner", Text, nullable=True),
    Column("job_id", ID, nullable=True),
    Column("step_id", ID, nullable=True),
    Column("attempt", Integer, nullable=True),
    Column("asset_id", ID, nullable=True),
    Column("key", Text, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt", Text, nullable=True),
    Column("request", SHA256, nullable=False),
    Column("state", STATE, nullable=False),
    Column("is_cached", Boolean, nullable=False),
    Column("is_local", Boolean, nullable=False),
    Column("input_tokens", BigInteger, nullable=True),
    Column("output_tokens", BigInteger, nullable=True),
    json_column("usage"),
    json_column("inputs"),
    json_column("response"),
    json_column("error"),
    Column("reserved_usd", Float(53), nullable=False),
    Column("cost_usd", Float(53), nullable=True),
    Column("latency_s", Float(53), nullable=True),
    time_column("at"),
    Index(None, "job_id"),
    Index(None, "at"),
    Index(None, "asset_id"),
    Index(None, "prompt", "at"),
)

# What calls came to whose records are gone: sums of those that are alike in all that costs are told
# by. '' stands for none; `day` counts from 1970 (UTC). `spent_usd` is what counts in budgets.
model_totals = Table(
    "model_totals",
    metadata,
    Column("day", Integer, primary_key=True),
    *(Column(n, Text, primary_key=True) for n in ("owner", "job_id", "asset_id")),
    *(Column(n, Text, primary_key=True) for n in ("provider", "model", "prompt", "kind")),
    *(Column(n, BigInteger, nullable=False) for n in ("calls", "cached", "failed", "unknown")),
    *(Column(n, BigInteger, nullable=False) for n in ("input_tokens", "output_tokens")),
    Column("cost_usd", Float(53), nullable=True),
    *(Column(n, Float(53), nullable=False) for n in ("unsettled_usd", "spent_usd")),
    Index(None, "job_id"),
)

# Answers by what was asked (`key`: SHA-256 over kind, model, prompt, schema and content).
model_answers = Table(
    "model_answers",
    metadata,
    Column("key", SHA256, primary_key=True),
    json_column("identity", nullable=False),
    json_column("answer", nullable=False),
    json_column("usage"),
    time_column("created_at"),
    time_column("expires_at"),
    Index(None, "expires_at"),
)

# What people thought of an answer: 1 to 5, with a note.
prompt_ratings = Table(
    "prompt_ratings",
    metadata,
    Column("call_id", ID, ForeignKey("model_calls.id", ondelete="CASCADE"), primary_key=True),
    Column("rated_by", Text, primary_key=True),
    Column("rating", Integer, nullable=False),
    Column("note", Text, nullable=True),
    time_column("at"),
)

# The full-text index of `passages`, by dialect, which follows it by triggers; the migration runs
# the same. The words are made before (`analysis.stemming`), so that both hold the same ones: the
# databases neither fold nor stem.
PASSAGE_INDEX = {
    "sqlite": (
        (
            "CREATE VIRTUAL TABLE passage_index USING fts5(words, kind, content='passages', "
            "content_rowid='id', "
            "tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* M* Co'\")"
        ),
        "CREATE VIRTUAL TABLE passage_vocabulary USING fts5vocab('passage_index', 'col')",
        (
            "CREATE TRIGGER passage_index_insert AFTER INSERT ON passages BEGIN "
            "INSERT INTO passage_index (rowid, words, kind) "
            "VALUES (new.id, new.words, new.kind); END"
        ),
        (
            "CREATE TRIGGER passage_index_delete AFTER DELETE ON passages BEGIN "
            "INSERT INTO passage_index (passage_index, rowid, words, kind) "
            "VALUES ('delete', old.id, old.words, old.kind); END"
        ),
        (
            "CREATE TRIGGER passage_index_update AFTER UPDATE OF words, kind ON passages BEGIN "
            "INSERT INTO passage_index (passage_index, rowid, words, kind) "
            "VALUES ('delete', old.id, old.words, old.kind); "
            "INSERT INTO passage_index (rowid, words, kind) "
            "VALUES (new.id, new.words, new.kind); END"
        ),
    ),
    "postgresql": (
        "CREATE TABLE passage_index (id bigint PRIMARY KEY, words tsvector NOT NULL)",
        "CREATE INDEX ix_passage_index_words ON passage_index USING gin (words)",
        (
            # Its own parser would take some words apart; a position is at most 16383.
            "CREATE FUNCTION passage_words(words text) RETURNS tsvector IMMUTABLE LANGUAGE sql AS "
            r"$$ SELECT coalesce(string_agg(quote_literal(w) || ':' || least(n, 16383), ' '), '')"
            r"::tsvector FROM regexp_split_to_table(words, '\s+') WITH ORDINALITY AS t(w, n) "
            "WHERE w <> '' $$"
        ),
        (
            "CREATE FUNCTION passage_index_follow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF TG_OP <> 'INSERT' THEN DELETE FROM passage_index WHERE id = OLD.id; END IF; "
            "IF TG_OP <> 'DELETE' THEN INSERT INTO passage_index "
            "VALUES (NEW.id, passage_words(NEW.words)); END IF; "
            "RETURN NULL; END $$"
        ),
        (
            "CREATE TRIGGER passage_index_follow AFTER INSERT OR UPDATE OF words OR DELETE "
            "ON passages FOR EACH ROW EXECUTE FUNCTION passage_index_follow()"
        ),
    ),
}
# What has to be dropped beside the tables.
PASSAGE_INDEX_GONE = {
    "sqlite": ("DROP TABLE IF EXISTS passage_vocabulary", "DROP TABLE IF EXISTS passage_index"),
    "postgresql": (
        (  # the tables of pgvector, one a space
            "DO $$ DECLARE name text; BEGIN FOR name IN SELECT tablename FROM pg_tables WHERE "
            "schemaname = current_schema() AND starts_with(tablename, 'vectors_') "
            "LOOP EXECUTE 'DROP TABLE ' || quote_ident(name); END LOOP; END $$"
        ),
        "DROP TABLE IF EXISTS passage_index",
        "DROP FUNCTION IF EXISTS passage_index_follow() CASCADE",
        "DROP FUNCTION IF EXISTS passage_words(text)",
    ),
}
for _dialect, _statements in PASSAGE_INDEX.items():
    for _statement in _statements:
        _ddl = DDL(_statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
        event.listen(passages, "after_create", _ddl.execute_if(dialect=_dialect))
