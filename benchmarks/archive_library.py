"""A library of 100,000 assets: memory of listing it, and the time of a search in captions."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.api import _ours, server_database
from benchmarks.measure import Row, Size, reel
from benchmarks.shelves import Vocabulary, fill, questions
from benchmarks.tree import Watch, observe
from reelwright.app.library.searching import search
from reelwright.app.settings import Loaded, Settings
from reelwright.app.wiring import App
from reelwright.store.store import open_store

_LIBRARY_MIB, _SEARCH_MS = 300.0, 100.0
_PASSAGES = 5
_QUESTIONS = 400


def library(size: Size) -> list[Row]:
    """On both databases: the whole list by `reel library`, and searches one after the other."""
    count = max(200, round(100_000 * size.share))
    number = max(40, round(_QUESTIONS * size.share))
    found: list[Row] = []
    for database in ("SQLite", "PostgreSQL"):
        with _filled(database, count) as (env, vocabulary):
            asked = questions(vocabulary, number)
            found += [
                _listing(database, env, count),
                _searches(database, env, asked, count),
                _served(database, env, asked, count),
            ]
    return found


@contextmanager
def _filled(kind: str, count: int) -> Iterator[tuple[Mapping[str, str], Vocabulary]]:
    """The environment of a home whose library holds `count` assets."""
    place = Path(tempfile.mkdtemp(prefix="reel-bench-library-"))
    env = {"REEL_HOME": str(place / "home"), "REEL_LIBRARY": str(place / "library")}
    try:
        with server_database(kind) as url:
            if url is not None:
                env["REEL_DATABASE"] = url
            store = open_store(url or f"sqlite:///{place / 'home' / 'reelwright.db'}")
            try:
                vocabulary = fill(store, count, _PASSAGES)
            finally:
                store.close()
            yield env, vocabulary
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _listing(database: str, env: Mapping[str, str], count: int) -> Row:
    place = Path(env["REEL_HOME"]).parent
    done = observe(reel("library", "--json"), place, env)
    listed = len(json.loads(done.stdout)["assets"])
    wrong = () if listed == count else (f"{listed} of {count} assets were listed",)
    facts = {"assets": count, "cpu_s": round(done.cpu_s, 1), "answer_bytes": len(done.stdout)}
    name = f"library of 100,000, listed, memory, {database}"
    return Row(name, _LIBRARY_MIB, done.peak_mib, "MiB", 1.0, facts, wrong)


def _searches(database: str, env: Mapping[str, str], asked: Sequence[str], count: int) -> Row:
    """The first ones find nothing in memory yet, and count like the others."""
    home = Path(env["REEL_HOME"])
    app = App(Loaded(Settings(home=home, database=env.get("REEL_DATABASE"))))
    took_ms: list[float] = []
    spent_ms: list[float] = []
    hits = 0
    for words in asked:
        begun, spent = time.perf_counter(), time.process_time()
        hits += len(search(app, words))
        took_ms.append(1000 * (time.perf_counter() - begun))
        spent_ms.append(1000 * (time.process_time() - spent))
    app.store.close()
    p95 = int(len(asked) * 0.95)
    took_ms.sort()
    spent_ms.sort()
    facts: dict[str, Any] = {
        "passages": count * _PASSAGES,
        "questions": len(asked),
        "hits": hits,
        "median_ms": round(took_ms[len(took_ms) // 2], 1),
        "worst_ms": round(took_ms[-1], 1),
        # Of this process alone, whatever else the machine did.
        "p95_cpu_ms": round(spent_ms[p95], 1),
    }
    wrong = () if hits else ("nothing was found",)
    name = f"caption search over 100,000, p95, {database}"
    return Row(name, _SEARCH_MS, took_ms[p95], "ms", 1.0, facts, wrong)


def _served(database: str, env: Mapping[str, str], asked: Sequence[str], count: int) -> Row:
    """One process of API and worker, while the whole list is read and captions are searched."""
    home = Path(env["REEL_HOME"])
    took_ms: list[float] = []
    with _ours(home.parent, env.get("REEL_DATABASE"), worker=True) as service:
        watch = Watch(service.pid)
        with httpx.Client(base_url=service.url, headers=service.headers, timeout=120) as client:
            listed = sum(len(page) for page in _pages(client))
            for words in asked:
                begun = time.perf_counter()
                client.get("/v1/captions", params={"q": words}).raise_for_status()
                took_ms.append(1000 * (time.perf_counter() - begun))
        peak_mib = watch.end()
    took_ms.sort()
    wrong = () if listed == count else (f"{listed} of {count} assets were listed",)
    facts = {"assets": count, "search_p95_ms": round(took_ms[int(len(asked) * 0.95)], 1)}
    name = f"library of 100,000, API and worker, memory, {database}"
    return Row(name, _LIBRARY_MIB, peak_mib, "MiB", 1.0, facts, wrong)


def _pages(client: httpx.Client) -> Iterator[list[Any]]:
    wanted: dict[str, Any] = {"limit": 500}
    while True:
        body = client.get("/v1/assets", params=wanted).raise_for_status().json()
        yield body["assets"]
        if body["next"] is None:
            return
        wanted["cursor"] = body["next"]
