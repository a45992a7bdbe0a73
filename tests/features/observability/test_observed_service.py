"""One real job, handed in by HTTP and run by a worker in another process: what is told of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.features.otlp_collector import Collector, Seen, collecting
from tests.served import Served, serving, until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
SECONDS = 10.0  # the length of `talk`


@dataclass
class Observed:
    served: Served
    job_id: str
    failed_id: str
    metrics: str
    log: list[dict[str, Any]]
    said: list[str]
    collector: Collector

    def value(self, name: str, **labels: str) -> float:
        return _value(self.metrics, name, **labels)

    def spans(self, name: str) -> list[Seen]:
        return [one for one in self.collector.spans if one.name == name]


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory, talk: Path) -> Iterator[Observed]:
    home = tmp_path_factory.mktemp("observed") / "home"
    environ = {"REEL_OBSERVE__LOG_LEVEL": "debug"}
    with collecting() as collector:
        environ |= {"REEL_OBSERVE__OTLP": collector.url, "REEL_NET_ALLOW": "127.0.0.0/8"}
        hook = f"{collector.url}/hook"
        with serving(home, "--no-worker", **environ) as served, _worker(home, environ):
            done = _submit(served, talk, webhook=hook)
            failed = _submit(served, talk.with_name("missing.mp4"))
            assert served.ended(done)["state"] == "succeeded"
            assert served.ended(failed)["state"] == "failed"
            served.client.get("/v1/jobs", params={"token": "abcdefgh" * 2})
            metrics = until(lambda: _settled(served))
            until(lambda: any(b"job.succeeded" in one for one in collector.messages))
        lines = (home / "logs" / "reel.jsonl").read_text().splitlines()
        yield Observed(
            served, done, failed, metrics, [json.loads(x) for x in lines], served.said, collector
        )


def _submit(served: Served, source: Path, **more: str) -> str:
    spec = {
        **more,
        "inputs": {"talk": str(source)},
        "operations": [{"id": "small", "op": "scale", "input": "talk", "size": "160x90"}],
        "outputs": [{"to": "small.mp4", "from": "small"}],
    }
    answer = served.client.post(
        "/v1/jobs", json=spec, headers={"traceparent": f"00-{TRACE}-{CALLER}-01"}
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


@contextmanager
def _worker(home: Path, environ: Mapping[str, str]) -> Iterator[None]:
    """A process that runs steps, until the end of the block."""
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("reel")), "worker"],
        env={**os.environ, "REEL_HOME": str(home), **environ},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
        process.terminate()
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()


def _settled(served: Served) -> str | None:
    """The metrics, once both jobs are counted: answers are kept for a few seconds."""
    text = served.client.get("/metrics").text
    ended = sum(_value(text, "reel_jobs_finished_total", state=s) for s in ("succeeded", "failed"))
    return text if ended == 2 else None


def _value(text: str, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_the_jobs_of_another_process_are_counted(observed: Observed) -> None:
    assert observed.value("reel_jobs_finished_total", state="succeeded") == 1
    assert observed.value("reel_jobs_finished_total", state="failed") == 1
    assert observed.value("reel_job_failures_total", code="input_not_found") == 1
    assert observed.value("reel_job_wait_seconds_count") == 2
    assert observed.value("reel_cache_misses_total") == 1
    assert observed.value("reel_cache_hits_total") == 0
    assert observed.value("reel_delivered_files_total") == 1
    assert observed.value("reel_delivered_bytes_total") > 1000
    assert observed.value("reel_jobs", state="running") == 0
    assert observed.value("reel_database_up") == 1


def test_operators_have_their_time_and_speed(observed: Observed) -> None:
    assert observed.value("reel_operator_run_seconds_count", operator="scale") == 1
    assert observed.value("reel_operator_run_seconds_sum", operator="scale") > 0
    media = observed.value("reel_operator_media_seconds_total", operator="scale")
    assert media == pytest.approx(SECONDS, abs=0.2)
    assert observed.value("reel_step_run_seconds_count", kind="ffmpeg") == 1
    assert observed.value("reel_step_cpu_seconds_total", kind="ffmpeg") > 0
    assert observed.value("reel_step_attempts_total", kind="deliver", state="succeeded") == 1


def test_requests_are_counted_by_their_route(observed: Observed) -> None:
    posted = {"route": "/v1/jobs", "method": "POST"}
    assert observed.value("reel_http_requests_total", status="202", **posted) == 2
    assert observed.value("reel_http_request_seconds_count", **posted) == 2
    assert observed.value("reel_http_received_bytes_total", **posted) > 100
    assert observed.value("reel_http_requests_total", route="/v1/jobs/{job_id}", status="200") > 1


def test_a_job_is_one_trace_over_both_processes(observed: Observed) -> None:
    mine = [s for s in observed.collector.spans if s.trace_id == TRACE]
    by_id = {span.span_id: span for span in mine}
    assert observed.collector.paths == {"/v1/traces"}
    requests = [s for s in mine if s.name == "POST /v1/jobs"]
    assert [s.parent for s in requests] == [CALLER, CALLER]
    assert {s.role for s in requests} == {"api"}
    about = [s for s in mine if s.attributes.get("reel.job") == observed.job_id]
    (submitted,) = [s for s in about if s.name == "submit"]
    assert (by_id[submitted.parent].name, submitted.role) == ("POST /v1/jobs", "api")
    hooks = [s for s in about if s.name == "webhook"]
    assert hooks
    assert {s.attributes["http.response.status_code"] for s in hooks} == {204}
    steps = [s for s in about if s is not submitted and s not in hooks]
    assert {s.name for s in steps} == {"plan", "step ffmpeg", "deliver"}
    assert {s.role for s in steps} == {"worker"}
    assert {by_id[s.parent].name for s in steps} == {"POST /v1/jobs"}
    assert len({s.parent for s in steps}) == 1
    tools = [s for s in mine if "process.exit.code" in s.attributes]
    assert {by_id[s.parent].name for s in tools} >= {"plan", "step ffmpeg"}
    assert len({s.process for s in mine}) == 2
    assert all(s.parent in by_id or s.parent == CALLER for s in mine)
    assert all(s.start_ns <= s.end_ns for s in mine)


def test_a_failure_is_seen_in_the_trace(observed: Observed) -> None:
    (plan,) = [s for s in observed.spans("plan") if s.attributes["reel.job"] == observed.failed_id]
    assert plan.is_error
    assert plan.attributes["error.type"] == "input_not_found"


def test_traces_hold_no_paths(observed: Observed, talk: Path) -> None:
    told = repr(observed.collector.spans)
    assert talk.name not in told
    assert str(observed.served.home) not in told


def test_lines_of_one_request_and_its_job_share_the_trace_id(observed: Observed) -> None:
    posted = [x for x in observed.log if x.get("route") == "/v1/jobs" and x["method"] == "POST"]
    assert {x["trace_id"] for x in posted} == {TRACE}
    assert {(x["status"], x["actor"], x["address"]) for x in posted} == {
        (202, "local", "127.0.0.1")
    }
    assert all(x["ms"] > 0 and x["in_bytes"] > 0 for x in posted)
    (ended,) = [x for x in observed.log if x["event"] == "job succeeded"]
    assert (ended["job"], ended["trace_id"], ended["role"], ended["owner"]) == (
        observed.job_id, TRACE, "worker", "local")  # fmt: skip
    failed = [x for x in observed.log if x["event"] == "job failed"]
    assert [(x["job"], x["code"]) for x in failed] == [(observed.failed_id, "input_not_found")]


def test_no_query_and_no_token_is_logged(observed: Observed) -> None:
    written = json.dumps(observed.log) + "".join(observed.said)
    assert "abcdefghabcdefgh" not in written
    assert observed.served.token not in written


def test_stderr_has_the_lines_too_as_json(observed: Observed) -> None:
    told = [json.loads(line) for line in observed.said]
    assert "request" in {line["event"] for line in told}


def test_metrics_need_a_token(served: Served) -> None:
    assert served.client.get("/metrics", headers={"Authorization": ""}).status_code == 401
    answer = served.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
