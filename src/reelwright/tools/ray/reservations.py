"""What running steps of a node hold, told to Ray: a placement group each, so that nobody else in
the cluster is given the same. For agents, which are Ray's actors: the groups go with them.

The head grants a group within milliseconds, or not at all. A head that is away is not waited for:
our own steps are counted in SQL, and others start nothing without it either.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any

_log = logging.getLogger(__name__)
# What is free is granted in 3 ms on an idle machine; what was just given back by somebody, a little
# later.
_GRANT_S = 5.0
# So long the head may take to say anything; where it did not, it is not asked for a while.
_HEAD_S, _AWAY_S = 5.0, 30.0
_THREADS = 8


class Reservations:
    """`node` is Ray's id of the node that this process runs on."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._held: dict[str, float] = {}
        self._away_until = 0.0
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="reservation")

    @property
    def cpus(self) -> float:
        """What is held now."""
        return sum(self._held.values())

    @asynccontextmanager
    async def of(self, name: str, bundle: Mapping[str, float]) -> AsyncIterator[bool]:
        """Holds `bundle` (Ray's names of resources) while the body runs. False where others have
        it, True where it is held, or where nobody answers."""
        asked = _Asked(name, dict(bundle), self._node)
        loop = asyncio.get_running_loop()
        try:
            is_granted = await self._granted(asked, loop)
            if is_granted:
                self._held[name] = bundle.get("CPU", 0.0)
            yield is_granted
        finally:
            self._held.pop(name, None)
            self._threads.submit(asked.end)

    async def _granted(self, asked: _Asked, loop: asyncio.AbstractEventLoop) -> bool:
        if not asked.bundle or time.monotonic() < self._away_until:
            return True
        answer = loop.run_in_executor(self._threads, asked.begin, _GRANT_S)
        done, _ = await asyncio.wait({answer}, timeout=_HEAD_S + _GRANT_S)
        if done and answer.exception() is None and (answer.result() or asked.is_known):
            return answer.result()
        self._away_until = time.monotonic() + _AWAY_S
        why = answer.exception() if done else "no answer"
        _log.warning("%s runs without a reservation: the head is away (%s)", asked.name, why)
        return True


class _Asked:
    """One placement group. Its methods block, in threads."""

    def __init__(self, name: str, bundle: dict[str, float], node: str) -> None:
        self.name = name
        self.bundle = bundle
        self.is_known = False  # the head has taken note of it
        self._node = node
        self._group: Any = None
        self._over = threading.Event()
        self._lock = threading.Lock()

    def begin(self, timeout_s: float) -> bool:
        from ray.util.placement_group import placement_group

        with self._lock:
            if self._over.is_set():
                return True
        group = placement_group(
            [self.bundle],
            strategy="STRICT_PACK",
            name=self.name,
            bundle_label_selector=[{"ray.io/node-id": self._node}],
        )
        with self._lock:
            self._group = group
        self.is_known = True
        try:
            return bool(group.wait(timeout_seconds=timeout_s))
        finally:
            if self._over.is_set():  # nobody waited for the answer
                self._remove()

    def end(self) -> None:
        with self._lock:
            self._over.set()
        self._remove()

    def _remove(self) -> None:
        from ray.util.placement_group import remove_placement_group

        with self._lock:
            group, self._group = self._group, None
        if group is not None:
            with suppress(Exception):  # the head is away: it goes with us
                remove_placement_group(group)
