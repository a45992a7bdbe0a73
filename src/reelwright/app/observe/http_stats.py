"""What this process answered: counts, times and bytes of requests, by route.

Written by the event loop for every request, so these are plain numbers: a labelled counter of
prometheus-client costs several times as much.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

# Seconds. A status is read in 2 ms, a job is written in 20, an upload takes minutes.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"


@dataclass(slots=True)
class _Answers:
    """Of one route, method and status. `buckets`: how many took at most so long, not summed up."""

    count: int = 0
    seconds: float = 0.0
    received_bytes: int = 0
    sent_bytes: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))


class HttpStats:
    """Labels are bounded: routes by their template, methods by a list."""

    def __init__(self) -> None:
        self.streams = 0
        self._answers: dict[tuple[str, str, int], _Answers] = {}

    def add(
        self, route: str, method: str, status: int, seconds: float, received: int, sent: int
    ) -> None:
        key = (route, method, status)
        found = self._answers.get(key)
        if found is None:
            if method not in _METHODS and method != "other":
                self.add(route, "other", status, seconds, received, sent)
                return
            found = self._answers[key] = _Answers()
        found.count += 1
        found.seconds += seconds
        found.received_bytes += received
        found.sent_bytes += sent
        found.buckets[bisect_left(BUCKETS, seconds)] += 1

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "reel_http_requests", "Requests answered.", labels=["route", "method", "status"]
        )
        labels = ["route", "method"]
        received = CounterMetricFamily(
            "reel_http_received_bytes", "Bytes of request bodies.", labels=labels
        )
        sent = CounterMetricFamily(
            "reel_http_sent_bytes", "Bytes of response bodies.", labels=labels
        )
        times = HistogramMetricFamily(
            "reel_http_request_seconds", "From a request to the end of its answer.", labels=labels
        )
        for (route, method), found in sorted(self._by_route(requests).items()):
            received.add_metric([route, method], found.received_bytes)
            sent.add_metric([route, method], found.sent_bytes)
            times.add_metric([route, method], _summed(found.buckets), found.seconds)
        yield from (requests, received, sent, times)
        yield GaugeMetricFamily(
            "reel_event_streams", "Event streams that are open.", value=self.streams
        )

    def _by_route(self, requests: CounterMetricFamily) -> dict[tuple[str, str], _Answers]:
        total: dict[tuple[str, str], _Answers] = {}
        for (route, method, status), found in sorted(self._answers.items()):
            requests.add_metric([route, method, str(status)], found.count)
            if status == 200 and route.endswith("/events"):
                continue  # lasts as long as its client likes
            into = total.setdefault((route, method), _Answers())
            into.count += found.count
            into.seconds += found.seconds
            into.received_bytes += found.received_bytes
            into.sent_bytes += found.sent_bytes
            into.buckets = [a + b for a, b in zip(into.buckets, found.buckets, strict=True)]
        return total


def _summed(buckets: list[int]) -> list[tuple[str, float]]:
    total, found = 0, []
    for bound, count in zip([*map(str, BUCKETS), "+Inf"], buckets, strict=True):
        total += count
        found.append((bound, float(total)))
    return found
