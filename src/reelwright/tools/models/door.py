"""What stands between an ask and the model that answers it, beside the chain: records, response
cache, budgets, and what a provider may be asked. `app` hangs the store behind it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from reelwright.errors import Code, Problem
from reelwright.tools.models import wire
from reelwright.tools.models.kinds import ModelIdentity, ModelKind, PromptAsk, Usage
from reelwright.tools.models.providers import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One ask of one member of a chain. `request` is the SHA-256 of all that the answer depends on;
    `quote_usd` what it may cost at the most, None where no price is known, 0 where it is free."""

    kind: ModelKind
    spec: ModelSpec
    identity: ModelIdentity
    request: str
    key: str
    is_local: bool
    quote_usd: float | None
    prompt: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """What rate limits and breakers count by: a model at an address."""
        return f"model:{self.spec.url or self.spec.provider}/{self.spec.model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a call ended well. `shown`: the answer as people read it, for the record."""

    answer: Any
    usage: Usage
    cost_usd: float | None
    latency_s: float
    shown: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """How a call ended badly. `is_unsure`: nobody knows whether the provider counts it (it was
    cancelled, or nothing came back): it keeps what it reserved. `usage` and `cost_usd`: of an
    answer that came and could not be used."""

    problem: Problem
    latency_s: float
    is_unsure: bool = False
    usage: Usage | None = None
    cost_usd: float | None = None


class Ledger(Protocol):
    """Called in an event loop; blocking work is done elsewhere."""

    async def remembered(self, call: Call) -> tuple[Any, Usage, str] | None:
        """An answer that was given to the same request before, and the id of the new record."""

    async def enter(self, call: Call) -> None:
        """Before a hosted model is asked. Raises BUDGET_SPENT (so many calls a minute were made)
        and CIRCUIT_OPEN, each with ``evidence["retry_after_s"]``."""

    async def leave(self, call: Call, code: Code | None) -> None:
        """How asking ended, where that says something of the provider; None: well."""

    async def begin(self, call: Call) -> str:
        """Reserves what it may cost. Raises BUDGET_REACHED."""

    async def drop(self, call_id: str) -> None:
        """It was not asked after all."""

    async def end(self, call_id: str, call: Call, ended: Ended) -> None:
        """Records and remembers it, at once."""

    async def fail(self, call_id: str, failed: Failed) -> None:
        """Records it; nothing is remembered."""


class Nobody:
    """A ledger that writes nothing down and allows everything."""

    async def remembered(self, call: Call) -> tuple[Any, Usage, str] | None:
        return None

    async def enter(self, call: Call) -> None: ...

    async def leave(self, call: Call, code: Code | None) -> None: ...

    async def begin(self, call: Call) -> str:
        return ""

    async def drop(self, call_id: str) -> None: ...

    async def end(self, call_id: str, call: Call, ended: Ended) -> None: ...

    async def fail(self, call_id: str, failed: Failed) -> None: ...


def request_of(kind: ModelKind, identity: ModelIdentity, ask: Any) -> str:
    """SHA-256 over kind, model, prompt, schema and content. Reads files: not on an event loop."""
    digest = hashlib.sha256()
    body, blocks = wire.pack(ask)
    of = body["of"]
    of.pop("inputs", None)  # what they say stands in the prompt already
    if isinstance(ask, PromptAsk):
        of["images"] = None
    for name, value in of.items():
        if isinstance(value, dict) and "$path" in value:
            of[name] = _digest(*_stamp(Path(value["$path"])))
    head = [kind.value, identity.text(), body]
    digest.update(json.dumps(head, sort_keys=True, ensure_ascii=False).encode())
    for block in blocks:
        digest.update(hashlib.sha256(block).digest())
    return digest.hexdigest()


def _stamp(path: Path) -> tuple[Path, int, int]:
    stat = path.stat()
    return path, stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=64)
def _digest(path: Path, _size_bytes: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
