"""The Idempotency-Key of the call that is made now.

It is the same for the same request, also after a kill, so that a provider that knows such keys
gives the answer that it gave, and counts it once.
"""

from __future__ import annotations

from contextvars import ContextVar

IDEMPOTENCY: ContextVar[str | None] = ContextVar("IDEMPOTENCY", default=None)
