"""What is indexed, videos and texts; and taking something out again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.store import documents
from reelwright.store.documents import DocumentRow

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx

_SOME = 5
# An id, or as much of it as nobody types by chance.
_LEAST_ID = 4


@dataclass(frozen=True, slots=True)
class Listed:
    """A document as it is listed. `kind` is ``asset``, ``file`` or ``document``."""

    row: DocumentRow

    def to_json(self) -> dict[str, Any]:
        row = self.row
        named = "document" if row.kind == "document" else "asset"
        subject = row.asset_id or row.subject
        return {
            "id": row.id,
            named: subject,
            "kind": row.kind,
            "title": row.title,
            "path": row.path,
            "channel": row.channel,
            "language": row.language,
            "duration_s": row.duration_s,
            "indexed_at": row.indexed_at,
        }


def listing(app: App, *, owner: str | None = None) -> list[Listed]:
    """By subject. Raises STORE_*."""
    with app.store.read() as tx:
        return [Listed(row) for row in documents.every(tx, owner=owner)]


def remove(app: App, names: Sequence[str], *, owner: str | None = None) -> list[Listed]:
    """By their ids, subjects, or files and folders that they are of. Nothing is removed where one
    name is unknown. Raises DOCUMENT_UNKNOWN."""

    def change(tx: Tx) -> list[DocumentRow]:
        rows = list(documents.every(tx, owner=owner))
        found = {row.id: row for name in names for row in _named(rows, name)}
        documents.remove(tx, list(found))
        return list(found.values())

    return [Listed(row) for row in app.store.transact(change)]


def _named(rows: Sequence[DocumentRow], name: str) -> list[DocumentRow]:
    exact = [row for row in rows if name in (row.id, row.subject, row.asset_id)]
    if exact:
        return exact
    place = Path(name).absolute()
    below = [row for row in rows if row.path and Path(row.path).is_relative_to(place)]
    if below:
        return below
    begun = [row for row in rows if len(name) >= _LEAST_ID and row.id.startswith(name)]
    if len(begun) == 1:
        return begun
    near = [row.subject for row in rows if name.casefold() in row.subject.casefold()][:_SOME]
    hint = f"there are: {', '.join(near)}" if near else None
    raise ReelError(Code.DOCUMENT_UNKNOWN, f"'{name}' is not indexed", where=name, hint=hint)
