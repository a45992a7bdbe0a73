"""The store of a Reelwright home: one database, opened, with its tables up to date."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from reelwright.store import schema
from reelwright.store.database import Database, EventRow, Tx, database_at

T = TypeVar("T")


class Store:
    """Transactions on an up-to-date database; the queries are the modules beside this one."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @property
    def url(self) -> str:
        return self.database.dialect.url

    def read(self) -> AbstractContextManager[Tx]:
        return self.database.read()

    def write(self, *, durable: bool = True) -> AbstractContextManager[Tx]:
        return self.database.write(durable=durable)

    def transact(self, change: Callable[[Tx], T], *, durable: bool = True) -> T:
        """Runs `change` in a transaction, again where the database could not let it win."""
        return self.database.transact(change, durable=durable)

    def listen(self, listener: Callable[[EventRow], None]) -> Callable[[], None]:
        """Calls `listener` after each commit of this process with events; gives the way to stop."""
        self.database.listeners.append(listener)
        return lambda: self.database.listeners.remove(listener)

    def close(self) -> None:
        self.database.close()


def open_store(place: str | Path) -> Store:
    """Opens a database by URL (``postgresql://…``, ``sqlite:///…``) or SQLite file by path.

    Makes or upgrades its tables. Raises STORE_VERSION, STORE_UNAVAILABLE, STORE_DAMAGED,
    CONFIG_INVALID, LIBRARY_MISSING.
    """
    database = database_at(place)
    try:
        schema.ensure(database)
    except BaseException:
        database.close()
        raise
    return Store(database)
