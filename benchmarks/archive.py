"""The archive: a long feed taken in, a large download, many downloads with faults.

The site is `tests.site`, in the benchmark's own process; what is counted is what `reel` and all
that it starts spend.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, Size, alternate, reel
from benchmarks.media import folder as media_folder
from benchmarks.media import tools
from benchmarks.tree import Observed, observe
from tests.faults.archive.many import archive_many
from tests.faults.archive.runs import Archive, sha256
from tests.site import Site, make_media, serving_site
from tests.site_feeds import Feed

_FEED_CPU_S, _FEED_MIB, _AGAIN_CPU_S = 30.0, 250.0, 3.0
_OVERHEAD = 1.1


def feed(size: Size) -> list[Row]:
    """A feed of 10,000 entries, none of which is fetched; then again, with all of them held."""
    count = max(100, round(10_000 * size.share))
    facts: dict[str, Any] = {"entries": count}
    with _place("feed") as place, _site() as site:
        made = site.feed("rss", count)
        first = _reel(place, "archive", made.url, "--list-only", "--json")
        wrong = _missing(place, made)
        _hold_all(place, count)
        again = _reel(place, "archive", made.url, "--json")
        wrong += _not_held(again, count)
        made.add()
        one_new = _reel(place, "archive", made.url, "--list-only", "--json")
        wrong += _missing(place, made)
        facts |= {"again_MiB": round(again.peak_mib), "one_new_cpu_s": round(one_new.cpu_s, 2)}
    broken = tuple(wrong)
    name = "feed of 10,000 entries"
    return [
        Row(f"{name}, taken in", _FEED_CPU_S, first.cpu_s, "CPU-s", 1.0, facts, broken),
        Row(f"{name}, memory of all", _FEED_MIB, first.peak_mib, "MiB", 1.0, facts),
        Row(f"{name}, nothing new", _AGAIN_CPU_S, again.cpu_s, "CPU-s", 1.0, facts),
    ]


def download(size: Size) -> list[Row]:
    """A gigabyte, by `reel archive` and by `yt-dlp`, in turns, each into a folder of its own."""
    size_bytes = max(4_000_000, round(1_000_000_000 * size.share))
    wrong: list[str] = []
    with _place("download") as place, _site() as site:
        path = _large_file(place, site, size_bytes)
        url, digest = site.add("/large.mp4", path, "video/mp4"), sha256(path)
        _reel(place, "archive", site.url("/files/clip.mp4"), "--json")  # makes the tables
        for name in ("home", "library"):
            shutil.copytree(place / name, place / f"fresh-{name}")

        def ours() -> float:
            for name in ("home", "library"):
                shutil.rmtree(place / name)
                shutil.copytree(place / f"fresh-{name}", place / name)
            done = _reel(place, "archive", url, "--json")
            (entry,) = [line for line in _lines(done) if line["event"] == "entry"]
            if entry["state"] != "kept" or sha256(Path(entry["path"])) != digest:
                wrong.append(f"not the site's file: {entry}")
            return done.cpu_s

        def theirs() -> float:
            target = place / "theirs.mp4"
            words = [str(Path(sys.executable).with_name("yt-dlp")), "-q", "-o", str(target), url]
            cost = observe(words, place, {"HOME": str(place)})
            target.unlink()
            return cost.cpu_s

        found = alternate(size.rounds, {"reel": ours, "yt-dlp": theirs})
    ratio = found.best("reel") / found.best("yt-dlp")
    facts = {**found.facts(), "size_bytes": size_bytes}
    name = "download of 1 GB against yt-dlp, CPU"
    return [Row(name, _OVERHEAD, ratio, "×", found.noise(), facts, tuple(wrong))]


def downloads(size: Size) -> list[Row]:
    """300 videos of a feed, a tenth of which meets a fault: what became of each."""
    count = max(28, round(300 * size.share))
    with _place("downloads") as place, _site() as site:
        archive = Archive(place / "home", place / "library")
        found = archive_many(archive, site, count, percent=10 if count >= 300 else 50, seed=1)
    facts = {
        "videos": count,
        "kept": found.kept,
        "in_the_work_plan": found.failed,
        "faults": dict(found.faults),
        "wrong": found.wrong[:20],
    }
    name = "downloads with faults, wrong outcomes"
    return [Row(name, 0.0, float(len(found.wrong)), "videos", 1.0, facts)]


@contextmanager
def _place(name: str) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix=f"reel-bench-{name}-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _site() -> Iterator[Site]:
    media = make_media(Path(tools()[0]), media_folder() / "site")
    with serving_site(media) as site:
        yield site


def _reel(place: Path, *words: str, codes: tuple[int, ...] = (0,)) -> Observed:
    env = {"REEL_HOME": str(place / "home"), "REEL_LIBRARY": str(place / "library")}
    return observe(reel(*words), place, env, codes=codes)


def _lines(done: Observed) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def _large_file(place: Path, site: Site, size_bytes: int) -> Path:
    """A playable MP4 with that many bytes: a clip, and noise that players skip."""
    clip = (site.media / "clip.mp4").read_bytes()
    noise_bytes = size_bytes - len(clip)
    path = place / "large.mp4"
    with path.open("wb") as file:
        file.write(clip)
        file.write(noise_bytes.to_bytes(4, "big") + b"free")
        left, block = noise_bytes - 8, os.urandom(1 << 20)
        while left > 0:
            left -= file.write(block[:left])
    return path


def _database(place: Path) -> sqlite3.Connection:
    return sqlite3.connect(place / "home" / "reelwright.db", timeout=60)


def _missing(place: Path, made: Feed) -> list[str]:
    with closing(_database(place)) as database:
        stored = [row[0] for row in database.execute("SELECT url FROM entries")]
    wanted = {entry.url for entry in made.entries}
    if len(stored) == len(set(stored)) and set(stored) == wanted:
        return []
    return [f"{len(wanted)} entries, of which {len(set(stored) & wanted)} were stored"]


def _hold_all(place: Path, count: int) -> None:
    """As if each entry had been kept: an asset, its row of a file, and a file that is there."""
    library = place / "library" / "held"
    library.mkdir(parents=True)
    assets = (
        "INSERT INTO assets (id, key, owner, extractor, host, title, folder, state, size_bytes,"
        " info, origin_state, created_at, changed_at) SELECT id, key, 'local', 'generic', host,"
        " coalesce(title, ''), 'held', 'held', 1, '{}', 'there', created_at, created_at"
        " FROM entries"
    )
    files = (
        "INSERT INTO asset_files (asset_id, path, version, role, format, sha256, size_bytes,"
        " mtime_ns, state) SELECT id, id || '.mp4', 1, 'video', 'mp4', '', 1, 0, 'ok' FROM entries"
    )
    with closing(_database(place)) as database, database:
        database.execute(assets)
        database.execute(files)
        database.execute("UPDATE entries SET state = 'held', asset_id = id")
        for row in database.execute("SELECT id FROM entries"):
            (library / f"{row[0]}.mp4").touch()


def _not_held(done: Observed, count: int) -> list[str]:
    last = _lines(done)[-1]
    return [] if last["held"] == count else [f"{count} entries are held, and it said {last}"]
