"""The call that is made now, for whoever puts it on the wire: its Idempotency-Key.

It is the same for the same request, also after a kill, so that a provider that knows such keys
gives the answer that it gave, and counts it once.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Sending:
    """`is_sent`: the provider may have heard of it."""

    key: str
    is_sent: bool = False


SENDING: ContextVar[Sending | None] = ContextVar("SENDING", default=None)
