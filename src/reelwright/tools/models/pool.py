"""The models of one process, each made when it is first asked: warm children and connections."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from reelwright.errors import ReelError
from reelwright.tools.models import providers
from reelwright.tools.models.chains import Configured, is_there
from reelwright.tools.models.child import ChildProvider
from reelwright.tools.models.kinds import ModelIdentity, ModelKind, Provider
from reelwright.tools.models.providers import ModelSpec, Runs

if TYPE_CHECKING:
    from reelwright.tools.models.remote import Far


class Pool:
    """Shared by everything that asks models in this process, whatever its event loop. `far`: where
    local models are instead, if anywhere; it is set before one of them is asked."""

    def __init__(self, configured: Configured) -> None:
        self.configured = configured
        self.far: Far | None = None
        self._made: dict[tuple[Any, ...], Provider[Any, Any]] = {}
        self._identities: dict[tuple[Any, ...], ModelIdentity] = {}
        self._turns: WeakKeyDictionary[
            asyncio.AbstractEventLoop, dict[tuple[Any, ...], asyncio.Semaphore]
        ] = WeakKeyDictionary()
        self._chains: dict[ModelKind, tuple[ModelSpec, ...]] = {}
        self._children: list[ChildProvider] = []
        self._lock = threading.Lock()

    def chain(self, kind: ModelKind) -> tuple[ModelSpec, ...]:
        """Blocking. As long as this process lives it stays the same, as the identities of steps
        that name it do. Raises CONFIG_INVALID."""
        found = self._chains.get(kind)
        if found is None:
            found = self.configured.chain(kind)
            if not found and self.far is not None:
                found = tuple(filter(self.far.has, self._defaults(kind)))
                if not found:  # a node with weights may come
                    return ()
            self._chains[kind] = found
        return found

    def _defaults(self, kind: ModelKind) -> Iterator[ModelSpec]:
        """Local models that would be taken if their weights were here."""
        specs = (self.configured.spec(kind, name) for name in providers.DEFAULTS[kind])
        return (spec for spec in specs if providers.entry(spec).runs is Runs.CHILD)

    def text(self, spec: ModelSpec) -> str:
        """A member of a chain as identities of steps name it."""
        try:
            return self.identity(spec).text()
        except ReelError:
            return spec.name

    def identity(self, spec: ModelSpec) -> ModelIdentity:
        """Blocking. Raises MODEL_UNAVAILABLE: each time it is looked anew, for weights may come."""
        key = _key(spec)
        found = self._identities.get(key)
        if found is None:
            found = self._identities[key] = self._identified(spec)
        return found

    def provider(self, spec: ModelSpec) -> Provider[Any, Any]:
        """Blocking. A hosted one's connections belong to the event loop that uses them: each makes
        its own for every call. Raises MODEL_UNAVAILABLE."""
        key = _key(spec)
        with self._lock:
            made = self._made.get(key)
            if made is None:
                made = self._made[key] = self._make(spec)
        return made

    def turn(self, spec: ModelSpec) -> asyncio.Semaphore:
        """So many calls of one hosted model at a time, of this process and event loop."""
        key = (spec.url, spec.provider, spec.model)
        with self._lock:
            turns = self._turns.setdefault(asyncio.get_running_loop(), {})
            if key not in turns:
                turns[key] = asyncio.Semaphore(self.configured.at_once)
            return turns[key]

    def _identified(self, spec: ModelSpec) -> ModelIdentity:
        try:
            return providers.identify(spec)
        except ReelError:
            if self.far is None or providers.entry(spec).runs is not Runs.CHILD:
                raise
            return self.far.identity(spec)

    def _make(self, spec: ModelSpec) -> Provider[Any, Any]:
        if providers.entry(spec).runs is not Runs.CHILD:
            return providers.make(spec)
        identity = self.identity(spec)
        if self.far is None:
            return self._child(spec, identity)
        here = self._child(spec, identity) if is_there(spec) else None
        return self.far.provider(spec, identity, here)

    def _child(self, spec: ModelSpec, identity: ModelIdentity) -> ChildProvider:
        made = ChildProvider(
            spec, identity, idle_s=self.configured.idle_s, copies=self.configured.copies
        )
        self._children.append(made)
        return made

    def close(self) -> None:
        """Kills the children."""
        with self._lock:
            self._made = {}
            children, self._children = self._children, []
        for child in children:
            child.shut()


def _key(spec: ModelSpec) -> tuple[Any, ...]:
    options = repr(sorted(spec.options.items()))
    return (spec.kind, spec.provider, spec.model, spec.folder, spec.url, spec.key, options)
