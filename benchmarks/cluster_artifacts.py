"""What it costs to put a content into the shared store and to bring it to another machine.

Against a plain copy of the same file there and back, and against obstore alone: the library that
speaks with the store, put and get streamed through it, without a digest of what comes, a cache, or
a deadline. Over a folder that is spoken to as an object store, and over S3 (moto's server, whose
CPU does not count).
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Row, Size, alternate, run
from benchmarks.work import Work, workplace

_MIB = 1 << 20
_KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}
# Each is a program of its own: arguments are where the store is, a source and a target.
_OURS = """
    store = SharedBlobs(folder / "one", open_shared(url), limit_bytes=1 << 40)
    blob = store.put(Path(source))
    other = SharedBlobs(folder / "other", open_shared(url), limit_bytes=1 << 40)
    path = other.bring(blob.sha256, blob.size_bytes)
    assert path.stat().st_size == blob.size_bytes
    other.remove(blob.sha256)
"""
_ALONE = """
    import obstore
    from obstore.store import LocalStore, from_url
    if url.startswith("file://"):
        store = LocalStore(url[7:], mkdir=True)
    else:
        store = from_url(url, client_options={"allow_http": True})
    obstore.put(store, "content", Path(source), max_concurrency=4)
    with open(target, "wb", buffering=0) as file:
        for block in obstore.get(store, "content").stream(8 << 20):
            file.write(block)
    obstore.delete(store, "content")
"""
_COPY = """
    import shutil
    shutil.copyfile(source, folder / "there")
    shutil.copyfile(folder / "there", target)
"""
_FRAME = """
import json, re, sys, time
from pathlib import Path
from reelwright.store.shared import open_shared
from reelwright.store.shared_blobs import SharedBlobs
url, source, target, folder = sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4])
begun = time.monotonic()
def work():
{body}
work()
print(json.dumps(dict(
    wall_s=time.monotonic() - begun,
    # Not ru_maxrss: that begins with what the process that started this one held.
    peak_bytes=1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]),
)))
"""


def cluster_artifacts(size: Size) -> list[Row]:
    length = max(64, round(1024 * size.share))
    with workplace("cluster-artifacts") as work, _s3() as endpoint:
        source = work.folder / "source"
        _write(source, length)
        file = _compared(work, size, source, f"file://{work.folder}/store", {})
        environ = {**_KEYS, "AWS_ENDPOINT_URL": endpoint}
        s3 = _compared(work, size, source, "s3://films/bench", environ)
    return [
        _row("put and bring through a folder against a copy", 8.0, file, "copy"),
        _row("put and bring through a folder against obstore", 2.5, file, "alone"),
        _row("put and bring through S3 against obstore", 2.5, s3, "alone"),
        _peak("memory of put and bring", [file, s3]),
    ]


class _Compared:
    """CPU-seconds by who did it, the fastest wall time, the highest memory of ours."""

    def __init__(self, length_mib: int) -> None:
        self.length_mib = length_mib
        self.best: dict[str, float] = {}
        self.wall_s: dict[str, float] = {}
        self.peak_mib = 0.0
        self.noise = 1.0


def _compared(
    work: Work, size: Size, source: Path, url: str, environ: Mapping[str, str]
) -> _Compared:
    found = _Compared(round(source.stat().st_size / _MIB))
    bodies = {"ours": _OURS, "alone": _ALONE, "copy": _COPY, "nothing": "    pass"}

    def once(name: str) -> float:
        taken = work.folder / "taken"
        if name == "ours":  # what is put is moved; the copy is not measured
            subprocess.run(["cp", "--reflink=auto", source, taken], check=True)
        at = str(taken if name == "ours" else source)
        program = _FRAME.format(body=textwrap.indent(textwrap.dedent(bodies[name]), "    "))
        words = [sys.executable, "-c", program, url, at, str(work.folder / "target")]
        cost = run([*words, str(work.folder)], work.folder, environ)
        said = json.loads(cost.stdout.splitlines()[-1])
        found.wall_s[name] = min(found.wall_s.get(name, 1e9), said["wall_s"])
        if name == "ours":
            found.peak_mib = max(found.peak_mib, said["peak_bytes"] / _MIB)
        return cost.cpu_s

    rounds = alternate(size.rounds, {name: lambda n=name: once(n) for name in bodies})  # type: ignore[misc]
    idle = rounds.best("nothing")
    found.best = {name: max(rounds.best(name) - idle, 0.01) for name in bodies}
    found.noise = rounds.noise()
    return found


def _row(measure: str, bar: float, found: _Compared, peer: str) -> Row:
    facts = {f"{name}_cpu_s": round(found.best[name], 2) for name in ("ours", "alone", "copy")}
    facts |= {
        f"{name}_MiB_per_s": round(2 * found.length_mib / found.wall_s[name])
        for name in ("ours", "alone", "copy")
    }
    value = found.best["ours"] / found.best[peer]
    return Row(measure, bar, value, "× CPU", found.noise, {"MiB": found.length_mib, **facts})


def _peak(measure: str, found: list[_Compared]) -> Row:
    value = max(one.peak_mib for one in found)
    return Row(measure, 150.0, value, "MiB", 1.0, {"MiB": found[0].length_mib})


def _write(path: Path, length_mib: int) -> None:
    """Nothing that a file system or a wire could make smaller."""
    with path.open("wb") as file:
        for _ in range(length_mib):
            file.write(os.urandom(_MIB))


@contextmanager
def _s3() -> Iterator[str]:
    """In this process, whose CPU is not what is measured."""
    import boto3  # type: ignore[import-untyped]
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        names = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}  # secret-ok: any
        client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **names)
        client.create_bucket(Bucket="films")
        yield url
    finally:
        server.stop()
