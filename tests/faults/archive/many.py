"""Many downloads of one feed, a share of which meets a fault: what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.archive.runs import LIMIT_S, Archive, sha256
from tests.site import Site
from tests.site_feeds import Entry, Feed
from tests.site_resources import (
    Changed,
    Fault,
    Other,
    Redirect,
    Refuse,
    Reset,
    Slow,
    Truncated,
    changed,
)

_HALF = 12_000  # the site's videos have about 25 kB
_LITTLE = 100
FAULTS: Sequence[tuple[Fault, ...]] = (
    (Refuse(503, times=2),),
    (Refuse(404),),
    (Reset(_HALF, times=1),),
    (Refuse(410),),
    (Truncated(_HALF, times=1),),
    (Refuse(403),),
    (Refuse(429, retry_after=1, times=1),),
    (Other(),),
    (Reset(_HALF, times=1), Changed()),
    (Refuse(451),),
    (Slow(20_000),),
    (Redirect(),),
    (Reset(100, times=1), Refuse(500, times=1)),
    (Truncated(_LITTLE),),  # each try gets a little more, and none all of it
)


@dataclass
class Outcome:
    """`wrong` empty is the bar. `runs`: how often the command ran until nothing was left to try."""

    kept: int = 0
    failed: int = 0
    runs: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def spoil(feed: Feed, percent: float, seed: int) -> dict[Entry, tuple[Fault, ...]]:
    """Faults of every kind in turn, on entries that the seed chooses."""
    chosen = list(feed.spoil(percent, [Slow(times=0)], seed=seed))
    found = {entry: FAULTS[n % len(FAULTS)] for n, entry in enumerate(chosen)}
    for entry, faults in found.items():
        feed.site.fail(entry.path, *faults)
    return found


def is_permanent(faults: Sequence[Fault]) -> bool:
    return not all(fault.heals for fault in faults)


def expected_sha256(entry: Entry, faults: Sequence[Fault]) -> str:
    """Of what the site has at last."""
    if any(isinstance(fault, Changed) for fault in faults):
        return changed(entry.file()).sha256
    return entry.sha256


def judge(
    archive: Archive, feed: Feed, spoiled: dict[Entry, tuple[Fault, ...]], states: dict[str, Any]
) -> Outcome:
    """Holds the library and the work plan against the site. `states`: each entry's last line."""
    found = Outcome()
    plan = str(archive.document("workplan"))
    whole = {expected_sha256(e, spoiled.get(e, ())) for e in feed.entries}
    found.wrong += [f"corrupt: {p}" for p in archive.videos() if sha256(p) not in whole]
    for entry in feed.entries:
        faults = spoiled.get(entry, ())
        found.faults.update(type(fault).__name__ for fault in faults)
        line = states.get(entry.url)
        _judge_one(found, archive, entry, faults, line, plan)
    return found


def _judge_one(
    found: Outcome, archive: Archive, entry: Entry, faults: Sequence[Fault], line: Any, plan: str
) -> None:
    name = f"{entry.url} ({', '.join(map(repr, faults)) or 'no fault'}): {line}"
    if line is None:
        found.wrong.append(f"no word of {name}")
    elif line["state"] in ("kept", "held"):
        found.kept += 1
        if is_permanent(faults):
            found.wrong.append(f"kept what cannot be had: {name}")
        elif sha256(archive.path(line)) != expected_sha256(entry, faults):
            found.wrong.append(f"not the site's: {name}")
    else:
        found.failed += 1
        if not is_permanent(faults):
            found.wrong.append(f"failed although it can be had: {name}")
        if not line["code"]:
            found.wrong.append(f"without a cause: {name}")
        if entry.url not in plan:
            found.wrong.append(f"not in the work plan: {name}")


def archive_many(archive: Archive, site: Site, count: int, percent: float, seed: int) -> Outcome:
    """One run over a feed of `count` entries."""
    feed = site.feed("rss", count)
    spoiled = spoil(feed, percent, seed)
    done = archive.run(feed.url, limit_s=LIMIT_S + 4 * count)
    found = judge(archive, feed, spoiled, dict(done.entries))
    found.runs = 1
    if (done.job["kept"], done.job["failed"]) != (found.kept, found.failed):
        found.wrong.append(f"the last line miscounts: {done.job}")
    # What broke off for good may be gone on from some day.
    halves = sum(faults[-1] == Truncated(_LITTLE) for faults in spoiled.values())
    left = archive.leftovers()
    if len(left) > halves or any(path.suffix != ".part" for path in left):
        found.wrong += [f"left behind: {path}" for path in left]
    found.wrong += [f"still runs: {line}" for line in archive.processes()]
    return found
