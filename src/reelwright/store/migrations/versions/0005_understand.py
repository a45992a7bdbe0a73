"""Understanding: analyses, documents, passages, embeddings, calls of models and their answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = (
    "model_answers",
    "model_calls",
    "spaces",
    "analyses",
    "documents",
    "prompt_ratings",
    "passages",
    "vectors",
)

_PASSAGE_INDEX: dict[str, tuple[str, ...]] = {
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
_PASSAGE_INDEX_GONE: dict[str, tuple[str, ...]] = {
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


def upgrade() -> None:
    _model_answers()
    _model_calls()
    _spaces()
    _analyses()
    _documents()
    _prompt_ratings()
    _passages()
    _vectors()
    _run(_PASSAGE_INDEX)


def downgrade() -> None:
    _run(_PASSAGE_INDEX_GONE)
    for table in reversed(_TABLES):
        op.drop_table(table)


def _run(statements: dict[str, tuple[str, ...]]) -> None:
    connection = op.get_bind()
    for statement in statements[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def _model_answers() -> None:
    op.create_table(
        "model_answers",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("usage", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=True),
        sa.Column("expires_at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_model_answers"),
    )
    op.create_index("ix_model_answers_expires_at", "model_answers", ["expires_at"], unique=False)


def _model_calls() -> None:
    op.create_table(
        "model_calls",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("job_id", sa.String(length=32), nullable=True),
        sa.Column("step_id", sa.String(length=32), nullable=True),
        sa.Column("asset_id", sa.String(length=32), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=True),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("is_cached", sa.Boolean(), nullable=False),
        sa.Column("is_local", sa.Boolean(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=True),
        sa.Column("output_tokens", sa.BigInteger(), nullable=True),
        sa.Column("usage", sa.Text(), nullable=True),
        sa.Column("inputs", sa.Text(), nullable=True),
        sa.Column("response", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("reserved_usd", sa.Float(precision=53), nullable=False),
        sa.Column("cost_usd", sa.Float(precision=53), nullable=True),
        sa.Column("latency_s", sa.Float(precision=53), nullable=True),
        sa.Column("at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_model_calls"),
    )
    op.create_index("ix_model_calls_asset_id", "model_calls", ["asset_id"], unique=False)
    op.create_index("ix_model_calls_at", "model_calls", ["at"], unique=False)
    op.create_index("ix_model_calls_job_id", "model_calls", ["job_id"], unique=False)
    op.create_index("ix_model_calls_prompt_at", "model_calls", ["prompt", "at"], unique=False)


def _spaces() -> None:
    op.create_table(
        "spaces",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("dtype", sa.String(length=16), nullable=False),
        sa.Column("preprocessing", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=True),
        sa.Column("live_at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_spaces"),
        sa.UniqueConstraint(
            "purpose",
            "model",
            "revision",
            "dtype",
            "preprocessing",
            "dimension",
            name="uq_spaces_purpose_model_revision_dtype_preprocessing_dimension",
        ),
    )


def _analyses() -> None:
    op.create_table(
        "analyses",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("asset_id", sa.String(length=32), nullable=True),
        sa.Column("job_id", sa.String(length=32), nullable=True),
        sa.Column("media_sha256", sa.String(length=64), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["assets.id"], name="fk_analyses_asset_id_assets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subject", "kind", name="pk_analyses"),
    )
    op.create_index("ix_analyses_asset_id", "analyses", ["asset_id"], unique=False)


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("asset_id", sa.String(length=32), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("published_at", sa.Float(precision=53), nullable=True),
        sa.Column("duration_s", sa.Float(precision=53), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("indexed_at", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["assets.id"], name="fk_documents_asset_id_assets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.UniqueConstraint("owner", "subject", name="uq_documents_owner_subject"),
    )
    op.create_index("ix_documents_asset_id", "documents", ["asset_id"], unique=False)
    op.create_index("ix_documents_channel", "documents", ["channel"], unique=False)
    op.create_index("ix_documents_published_at", "documents", ["published_at"], unique=False)


def _prompt_ratings() -> None:
    op.create_table(
        "prompt_ratings",
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("rated_by", sa.Text(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("at", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(
            ["call_id"],
            ["model_calls.id"],
            name="fk_prompt_ratings_call_id_model_calls",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("call_id", "rated_by", name="pk_prompt_ratings"),
    )


def _passages() -> None:
    op.create_table(
        "passages",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("start_s", sa.Float(precision=53), nullable=True),
        sa.Column("end_s", sa.Float(precision=53), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("speaker", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("stemmer", sa.String(length=16), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.id"],
            name="fk_passages_document_id_documents",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_passages"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_passages_document_id", "passages", ["document_id"], unique=False)
    op.create_index("ix_passages_stemmer_length", "passages", ["stemmer", "length"], unique=False)


def _vectors() -> None:
    op.create_table(
        "vectors",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("space_id", sa.String(length=32), nullable=False),
        sa.Column("passage_id", sa.BigInteger(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["passage_id"],
            ["passages.id"],
            name="fk_vectors_passage_id_passages",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name="fk_vectors_space_id_spaces", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_vectors"),
        sa.UniqueConstraint("space_id", "passage_id", name="uq_vectors_space_id_passage_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_vectors_passage_id", "vectors", ["passage_id"], unique=False)
    op.create_index("ix_vectors_space_id_id", "vectors", ["space_id", "id"], unique=False)
