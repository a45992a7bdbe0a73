"""Filters of a query as conditions of SQL: on documents, and on passages."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from reelwright.search.query import Filters
from reelwright.store.full_text import Chosen
from reelwright.store.tables_understand import documents, passages

_DOCUMENT = "document"


def chosen(filters: Filters, owner: str | None) -> Chosen:
    """`owner` None: everybody's."""
    return Chosen(
        kinds=filters.kinds or None,
        where=tuple(_of_passages(filters)),
        on_documents=tuple(_of_documents(filters, owner)),
    )


def _of_passages(filters: Filters) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if filters.languages:
        tags = [tag.lower() for tag in filters.languages]
        language = sa.func.lower(passages.c.language)
        found.append(
            sa.or_(
                language.in_(tags), *(language.startswith(f"{t}-", autoescape=True) for t in tags)
            )
        )
    if filters.speakers:
        found.append(_is_one(passages.c.speaker, filters.speakers))
    return found


def _of_documents(filters: Filters, owner: str | None) -> list[sa.ColumnElement[bool]]:
    c, found = documents.c, []
    if owner is not None:
        found.append(c.owner == owner)
    if filters.channels:
        found.append(_is_one(c.channel, filters.channels))
    if filters.assets:
        found.append(c.asset_id.in_(filters.assets))
    if filters.documents:
        # One of them, or what lies in a folder of that name.
        below = (
            c.subject.startswith(f"{d.rstrip('/')}/", autoescape=True) for d in filters.documents
        )
        found.append(sa.or_(c.subject.in_(filters.documents), *below))
    if filters.sources:
        kinds = [
            c.kind == _DOCUMENT if s == _DOCUMENT else c.kind != _DOCUMENT for s in filters.sources
        ]
        found.append(sa.or_(*kinds))
    if filters.after is not None:
        found.append(c.published_at >= filters.after)
    if filters.before is not None:
        found.append(c.published_at < filters.before)
    if filters.min_duration_s is not None:
        found.append(c.duration_s >= filters.min_duration_s)
    if filters.max_duration_s is not None:
        found.append(c.duration_s <= filters.max_duration_s)
    return found


def _is_one(column: sa.ColumnElement[str], names: Sequence[str]) -> sa.ColumnElement[bool]:
    """Without case; SQLite knows the case of ASCII alone, so others are also compared as typed."""
    lowered = [name.lower() for name in names]
    return sa.or_(sa.func.lower(column).in_(lowered), column.in_(names))
