"""What this machine gives: cores, memory and disk, as far as this process may use them."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.planning.plan import Machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelwright.app.settings_sections import Limits
    from reelwright.store.store import Store
    from reelwright.tools.binaries import Tools

_CGROUP = Path("/sys/fs/cgroup")
# A rate that was seen once may be off by half; one that was seen often still varies by a tenth.
_UNSURE, _SURE = 1.5, 1.1
# What decides how a plan is cut, and the bytes of its encodes with it.
_KEPT = ("cpus", "nodes", "threads", "shards")
# cgroup v1 says "no limit" as the largest multiple of a page below 2**63.
_NO_LIMIT_BYTES = 1 << 60


def cores() -> float:
    """Cores that may be used: the affinity mask, and the quota of the cgroup where there is one."""
    try:
        count = float(len(os.sched_getaffinity(0)))
    except AttributeError:  # macOS
        count = float(os.cpu_count() or 1)
    quota = _quota()
    return min(count, quota) if quota else count


def memory_bytes() -> int:
    """Physical memory, or the limit of the cgroup where it is lower."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        text = _read(_CGROUP / name)
        if text.isdigit() and 0 < int(text) < _NO_LIMIT_BYTES:
            total = min(total, int(text))
    return total


def disk_bytes(folder: Path) -> int:
    """Free space on the file system of `folder`, or of the nearest folder above that exists."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def machine(
    limits: Limits,
    home: Path,
    tools: Tools,
    store: Store | None,
    models: Mapping[str, str] | None = None,
) -> Machine:
    """What planning may know. Without a store nothing was learned yet. `models`: their chains."""
    rates: dict[str, tuple[float, float]] = {}
    if store is not None:
        from reelwright.store.rates import learned

        with store.read() as tx:
            rates = {name: (mean, _spread(mean, dev)) for name, (mean, dev) in learned(tx).items()}
    return Machine(
        cpus=max(1, int(limits.cpus or cores())),
        memory_bytes=limits.memory_bytes or memory_bytes(),
        disk_bytes=limits.disk_bytes or disk_bytes(home),
        tools=tools.versions(),
        rates=rates,
        encoders=tools.encoders(),
        max_pixels=limits.max_pixels,
        models=models or {},
        threads=limits.threads,
        shards=limits.shards,
    )


def over_nodes(machine: Machine, limits: Limits, store: Store) -> Machine:
    """As it is where steps run on the nodes of a cluster: a command has the threads of the smallest
    one that is active, a long encode as many parts as all of them run at once. Where none is there
    (yet), it is this machine's. Raises STORE_*."""
    from reelwright.planning.compiler import threads_on
    from reelwright.planning.shards import at_once
    from reelwright.store import nodes

    with store.read() as tx:
        active = [row.cpus for row in nodes.listing(tx) if row.state == "active" and row.cpus > 0]
    if not active:
        return machine
    cpus = max(1, int(min(active)))
    threads = limits.threads or threads_on(cpus)
    shards = limits.shards or at_once(threads, active)
    return replace(machine, cpus=cpus, nodes=len(active), threads=threads, shards=shards)


def kept_of(machine: Machine) -> dict[str, int | None]:
    """What the first revision of a plan was made for, JSON-ready: the next one is made for it too,
    wherever that is and whoever joined or left meanwhile."""
    return {name: getattr(machine, name) for name in _KEPT}


def as_kept(machine: Machine, kept: Mapping[str, int | None]) -> Machine:
    """`machine` with what `kept_of` gave; nothing of it for jobs from before it was kept."""
    found: dict[str, Any] = {name: kept[name] for name in _KEPT if name in kept}
    return replace(machine, **found)


def _spread(mean: float, deviation: float) -> float:
    """The factor that low and high estimates lie apart from the mean: two standard deviations."""
    if mean <= 0 or deviation <= 0:
        return _UNSURE
    return min(_UNSURE, max(_SURE, 1 + 2 * deviation / mean))


def _quota() -> float | None:
    """Cores' worth of time a period: cgroup v2 ``cpu.max``, v1 ``cpu.cfs_quota_us``."""
    parts = _read(_CGROUP / "cpu.max").split()
    if len(parts) != 2:
        parts = [
            _read(_CGROUP / "cpu/cpu.cfs_quota_us"),
            _read(_CGROUP / "cpu/cpu.cfs_period_us"),
        ]
    if not all(part.isdigit() for part in parts) or not int(parts[1]):
        return None  # "max", "-1": no quota
    return int(parts[0]) / int(parts[1]) or None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
