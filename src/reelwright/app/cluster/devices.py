"""Which GPUs of a node a step sees: those that it asked for, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


class Devices:
    """`names`: as CUDA has them, of all that the node may use. In the event loop's thread."""

    def __init__(self, names: Sequence[str]) -> None:
        self._free = list(names)
        self._held: dict[str, list[str]] = {}

    @staticmethod
    def of(count: int, environ: Mapping[str, str]) -> Devices | None:
        """Those that the environment names, else the first `count`; None where there are none."""
        if not count:
            return None
        named = [one.strip() for one in environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
        return Devices([one for one in named if one][:count] or [str(n) for n in range(count)])

    @contextmanager
    def held(self, owner: str, count: int) -> Iterator[None]:
        """`owner`'s own for a while; fewer where others hold more than was reckoned with."""
        self._held[owner], self._free = self._free[:count], self._free[count:]
        try:
            yield
        finally:
            self._free += self._held.pop(owner)

    def text(self, owner: str) -> str:
        """For ``CUDA_VISIBLE_DEVICES``: "" for who holds none."""
        return ",".join(self._held.get(owner, ()))
