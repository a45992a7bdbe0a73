"""A load generator that costs little: connections that each send one request at a time.

Runs as a process of its own (``python -m benchmarks.load``): requests come as JSON on standard
input, times go as JSON to standard output. Raw sockets: a client library costs more than the
server.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import uvloop


@dataclass(frozen=True, slots=True)
class Load:
    """What one run found: answers a second, the slowest of a hundred, and the bodies."""

    rate: float
    p50_s: float
    p99_s: float
    bodies: tuple[str, ...]


async def _client(
    host: str, port: int, requests: Iterator[bytes], times: list[float], bodies: list[str]
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    for request in requests:
        begun = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        lines = head.lower().split(b"\r\n")
        size = next(int(x[15:]) for x in lines if x.startswith(b"content-length:"))
        body = await reader.readexactly(size)
        times.append(time.perf_counter() - begun)
        if status >= 400:
            raise RuntimeError(f"{status}: {body.decode()[:500]}")
        bodies.append(body.decode())
    writer.close()


def _bytes(url: str, asked: Sequence[Any], headers: Mapping[str, str]) -> list[bytes]:
    """Every request as it goes over the wire: made before the clock runs."""
    host = urlsplit(url).netloc
    common = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    made = []
    for method, path, body in asked:
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{common}"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        made.append(f"{head}\r\n".encode() + data)
    return made


async def _run(order: Mapping[str, Any]) -> dict[str, Any]:
    parts = urlsplit(order["url"])
    assert parts.hostname is not None
    assert parts.port is not None
    made = iter(_bytes(order["url"], order["requests"], order["headers"]))
    times: list[float] = []
    bodies: list[str] = []
    begun = time.perf_counter()
    clients = (
        _client(parts.hostname, parts.port, made, times, bodies) for _ in range(order["clients"])
    )
    await asyncio.gather(*clients)
    took = time.perf_counter() - begun
    times.sort()
    return {
        "rate": len(times) / took,
        "p50_s": times[len(times) // 2],
        "p99_s": times[min(len(times) - 1, len(times) * 99 // 100)],
        "bodies": bodies,
    }


if __name__ == "__main__":
    json.dump(uvloop.run(_run(json.load(sys.stdin))), sys.stdout)
