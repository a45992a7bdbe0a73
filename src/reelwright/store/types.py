"""Column types that hold on both databases what Python holds."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

# Before a text that UTF-8 cannot write; nothing that a person types begins with it.
_ESCAPED = "\x1a"


class Document(TypeDecorator[Any]):
    """JSON as text. PostgreSQL's own type refuses -Infinity, which is the loudness of silence."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class PathText(TypeDecorator[str]):
    """A path. Names that are not UTF-8 come from the system with lone surrogates (PEP 383)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        try:
            value.encode()
        except UnicodeEncodeError:
            return _ESCAPED + json.dumps(value)
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        found: str | None = value
        if found is not None and found.startswith(_ESCAPED):
            found = json.loads(found[len(_ESCAPED) :])
        return found
