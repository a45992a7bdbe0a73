"""Jobs over HTTP, by a real service with a real worker."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.served import Served, until

JSON = {"Content-Type": "application/json"}
NEVER = {"inputs": {"source": "missing.mp4"}, "outputs": [{"from": "source", "to": "out.mkv"}]}


def copied(source: Path, to: str = "copy.mkv") -> dict[str, Any]:
    return {"inputs": {"talk": str(source)}, "outputs": [{"from": "talk", "to": to}]}


@pytest.fixture(scope="module")
def done(served: Served, talk: Path) -> dict[str, Any]:
    """A job that has succeeded."""
    job = served.ended(served.submit(copied(talk), label="kind=copy", use_cache="false"))
    assert job["state"] == "succeeded", job
    return job


def test_a_job_runs_to_its_end_and_is_downloaded(served: Served, done: dict[str, Any]) -> None:
    listed = served.client.get(f"/v1/jobs/{done['id']}/artifacts").json()["artifacts"]
    assert [(a["n"], a["name"], a["media_type"]) for a in listed] == [
        (0, "copy.mkv", "video/x-matroska")
    ]

    answer = served.client.get(listed[0]["url"])

    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == listed[0]["sha256"]
    assert answer.headers["etag"] == f'"{listed[0]["sha256"]}"'
    assert int(answer.headers["content-length"]) == listed[0]["bytes"] == len(answer.content)
    assert 'filename="copy.mkv"' in answer.headers["content-disposition"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_yaml_is_taken_too(served: Served, talk: Path) -> None:
    job_id = served.submit(f"inputs: {{t: '{talk}'}}\noutputs:\n- {{from: t, to: y.mkv}}\n")

    assert served.ended(job_id)["state"] == "succeeded"


def test_parts_of_an_artifact(served: Served, done: dict[str, Any]) -> None:
    url = f"/v1/jobs/{done['id']}/artifacts/0"
    whole = served.client.get(url)
    size, etag = len(whole.content), whole.headers["etag"]

    def part(value: str, **more: str) -> httpx.Response:
        headers = {"Range": value, **{k.replace("_", "-"): v for k, v in more.items()}}
        return served.client.get(url, headers=headers)

    for asked, start, end in [
        ("bytes=0-9", 0, 10), ("bytes=5-", 5, size), ("bytes=-7", size - 7, size),
        (f"bytes=3-{size * 2}", 3, size),
    ]:  # fmt: skip
        answer = part(asked)
        assert answer.status_code == 206, asked
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert answer.content == whole.content[start:end]
    beyond = part(f"bytes={size}-")
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{size}"
    assert beyond.json()["code"] == "range_refused"
    assert part("bytes=0-9", If_Range=etag).status_code == 206
    assert part("bytes=0-9", If_Range='"another"').status_code == 200
    for whole_again in ("bytes=0-1,4-5", "lines=0-1", "bytes=9-2"):
        assert part(whole_again).content == whole.content


def test_conditions_on_an_artifact(served: Served, done: dict[str, Any]) -> None:
    url = f"/v1/jobs/{done['id']}/artifacts/0"
    head = served.client.head(url)
    etag = head.headers["etag"]

    assert head.status_code == 200
    assert head.content == b""
    assert int(head.headers["content-length"]) > 1000
    fresh = served.client.get(url, headers={"If-None-Match": f'"x", W/{etag}'})
    assert (fresh.status_code, fresh.content) == (304, b"")
    failed = served.client.get(url, headers={"If-Match": '"x"'})
    assert (failed.status_code, failed.json()["code"]) == (412, "condition_failed")


def test_an_artifact_outlives_its_file(served: Served, talk: Path) -> None:
    job_id = served.submit(copied(talk, "gone.mkv"))
    assert served.ended(job_id)["state"] == "succeeded"
    listed = served.client.get(f"/v1/jobs/{job_id}/artifacts").json()["artifacts"]
    (served.home / "served" / job_id / listed[0]["path"]).unlink()

    answer = served.client.get(listed[0]["url"])

    assert hashlib.sha256(answer.content).hexdigest() == listed[0]["sha256"]


def test_steps_plan_and_logs_of_a_job(served: Served, done: dict[str, Any]) -> None:
    url = f"/v1/jobs/{done['id']}"
    steps = served.client.get(f"{url}/steps").json()["steps"]
    plan = served.client.get(f"{url}/plan").json()
    ran = next(step for step in steps if step["state"] == "succeeded")
    log = served.client.get(f"{url}/logs")
    alone = served.client.get(f"{url}/logs", params={"step": ran["id"], "attempt": 1})
    followed = served.client.get(f"{url}/logs", params={"follow": True})
    rest = served.client.get(f"{url}/logs", headers={"Range": "bytes=10-"})

    assert [step["id"] for step in plan["steps"]] == [step["id"] for step in steps]
    assert plan["revision"] == 1
    assert log.text == followed.text
    assert log.text == f"==> {ran['id']}, attempt 1 <==\n{alone.text}"
    assert "Matroska" in alone.text or "matroska" in alone.text
    assert (rest.status_code, rest.content) == (206, log.content[10:])
    unknown = served.client.get(f"{url}/logs", params={"step": "none"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "step_unknown")


def test_a_log_is_followed_to_the_end_of_the_job(served: Served, talk: Path) -> None:
    spec = {
        "inputs": {"t": str(talk)},
        "operations": [{"id": "s", "op": "scale", "input": "t", "width": 320}],
        "outputs": [{"from": "s", "to": "small.mkv", "video": {"codec": "h264"}}],
    }
    job_id = served.submit(spec, use_cache=False)

    with served.client.stream("GET", f"/v1/jobs/{job_id}/logs?follow=true") as stream:
        text = "".join(stream.iter_text())

    assert served.job(job_id)["state"] == "succeeded"
    assert "==> " in text
    assert "libx264" in text


def test_lists_are_filtered_and_come_in_pages(served: Served) -> None:
    made = [served.submit(NEVER, label=["of=pages", f"n={n}"]) for n in range(5)]
    for job_id in made:
        assert served.ended(job_id)["error"]["code"] == "input_not_found"

    def ids(**query: Any) -> list[str]:
        found: list[str] = []
        cursor = None
        while True:
            page = served.client.get(
                "/v1/jobs", params={**query, "limit": 2, **({"cursor": cursor} if cursor else {})}
            ).json()
            assert len(page["jobs"]) <= 2
            found += [job["id"] for job in page["jobs"]]
            cursor = page["next"]
            if cursor is None:
                return found

    newest_first = made[::-1]
    assert ids(label="of=pages") == newest_first
    assert ids(label=["of=pages", "n=3"]) == [made[3]]
    assert ids(label="of=pages", state=["queued", "running", "succeeded"]) == []
    assert ids(label="of=pages", state="failed") == newest_first
    third = served.job(made[2])["created_at"]
    assert ids(label="of=pages", created_before=third) == [made[1], made[0]]
    assert ids(label="of=pages", created_after=third) == [made[4], made[3], made[2]]


def test_options_beside_the_spec(served: Served) -> None:
    spec = {
        "inputs": {"a": "${name}.mp4"},
        "outputs": [{"from": "a", "to": "x.mkv"}],
        "priority": 3,
    }
    job_id = served.submit(spec, priority=7, label="who=me", set="name=film", timeout_s=60)

    job = served.ended(job_id)

    assert (job["priority"], job["labels"]) == (7, {"who": "me"})
    assert "film.mp4" in job["error"]["message"]
    unexpected = served.client.post(
        "/v1/jobs", json=NEVER, params={"set": "nobody=1"}, headers=JSON
    )
    assert (unexpected.status_code, unexpected.json()["code"]) == (409, "variable_unexpected")


def test_cancel_and_retry(served: Served, talk: Path) -> None:
    slow = {
        "inputs": {"t": str(talk)},
        "operations": [{"id": "s", "op": "scale", "input": "t", "width": 1920}],
        "outputs": [
            {"from": "s", "to": "slow.mkv", "video": {"codec": "h264", "preset": "placebo"}}
        ],
    }
    job_id = served.submit(slow, use_cache=False)

    answer = served.client.delete(f"/v1/jobs/{job_id}")

    assert answer.status_code == 202
    assert answer.json()["cancel_requested"]
    assert served.ended(job_id)["state"] == "cancelled"
    again = served.client.delete(f"/v1/jobs/{job_id}")
    assert (again.status_code, again.json()["code"]) == (409, "transition_refused")
    retried = served.client.post(f"/v1/jobs/{job_id}/retry")
    assert (retried.status_code, retried.json()["state"]) == (202, "queued")
    served.client.delete(f"/v1/jobs/{job_id}")
    assert served.ended(job_id)["state"] == "cancelled"


def test_the_same_key_makes_one_job(served: Served) -> None:
    headers = {**JSON, "Idempotency-Key": "one-job"}

    def ask(_: int) -> httpx.Response:
        return httpx.post(
            f"{served.url}/v1/jobs",
            content=json.dumps(NEVER),
            headers={**headers, **served.headers},
            timeout=60,
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(16)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    replayed = [answer.headers.get("idempotent-replayed") for answer in answers]
    assert sorted(map(str, replayed)) == ["None"] + ["true"] * 15
    job_id = answers[0].json()["id"]
    served.ended(job_id)
    assert ask(0).json() == answers[0].json()

    other = served.client.post("/v1/jobs", json={**NEVER, "priority": 1}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


def test_a_dry_run_and_a_probe(served: Served, talk: Path) -> None:
    plan = served.client.post("/v1/plan", json=copied(talk), headers=JSON)
    info = served.client.post("/v1/probe", json={"path": str(talk)})
    missing = served.client.post("/v1/probe", json={"path": "/nowhere.mp4"})

    assert plan.status_code == 200
    assert [step["kind"] for step in plan.json()["steps"]] == ["ffmpeg"]
    assert {stream["kind"] for stream in info.json()["streams"]} >= {"video"}
    assert (missing.status_code, missing.json()["code"]) == (404, "input_not_found")
    assert missing.json()["where"] == "path"


def test_operators_and_the_language_of_specs(served: Served) -> None:
    names = [o["name"] for o in served.client.get("/v1/operators").json()["operators"]]

    for name in names:
        answer = served.client.get(f"/v1/operators/{name}")
        assert answer.status_code == 200, name
        assert answer.json()["name"] == name
    near = served.client.get("/v1/operators/trmi")
    assert near.status_code == 404
    assert "trim" in near.json()["detail"]
    assert served.client.get("/v1/spec-schema").json()["title"] == "Reelwright job spec"


def test_workers_and_readiness(served: Served) -> None:
    ready = httpx.get(f"{served.url}/readyz")
    workers = served.client.get("/v1/workers").json()["workers"]

    assert ready.status_code == 200, ready.text
    assert ready.json()["workers"] == 1
    assert [worker["alive"] for worker in workers] == [True]
    last = served.client.post(f"/v1/workers/{workers[0]['id']}/drain")
    assert (last.status_code, last.json()["code"]) == (409, "transition_refused")
    unknown = served.client.post("/v1/workers/nobody/drain")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "worker_unknown")


def test_a_service_without_a_cluster_says_so(served: Served) -> None:
    answer = served.client.get("/v1/cluster")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["engine"], found["nodes"], found["dispatcher"]) == ("local", [], None)
    assert found["head"]["is_reachable"] is None


def test_the_trace_of_a_request_is_kept(served: Served) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = served.client.get(
        "/v1/jobs", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    )
    own = served.client.get("/v1/jobs", headers={"traceparent": "00-xyz-1-01"})

    assert answer.headers["x-trace-id"] == trace
    assert answer.headers["traceparent"].startswith(f"00-{trace}-")
    assert len(own.headers["x-trace-id"]) == 32


def test_a_batch(served: Served, talk: Path) -> None:
    body = {
        "spec": {
            "inputs": {"t": "${file}"},
            "outputs": [{"from": "t", "to": "${name}.mkv"}],
        },
        "each": [
            {"file": str(talk), "name": "one"},
            {"file": str(talk), "name": 2},
            {"file": "missing.mp4", "name": "three"},
        ],
        "labels": {"of": "batch"},
    }
    made = served.client.post("/v1/batches", json=body, headers={"Idempotency-Key": "batch-1"})
    again = served.client.post("/v1/batches", json=body, headers={"Idempotency-Key": "batch-1"})

    assert made.status_code == 202, made.text
    assert made.json()["counts"]["queued"] == 3
    assert again.json() == made.json()
    assert again.headers["idempotent-replayed"] == "true"
    url = made.headers["location"]

    def finished() -> dict[str, Any] | None:
        found: dict[str, Any] = served.client.get(url).json()
        return found if found["state"] == "finished" else None

    found = until(finished, 120)
    assert found["counts"] == {
        "queued": 0, "running": 0, "succeeded": 2, "failed": 1, "cancelled": 0,
    }  # fmt: skip
    assert [one["error"]["code"] for one in found["failures"]] == ["input_not_found"]
    listed = served.client.get("/v1/jobs", params={"batch": found["id"]}).json()["jobs"]
    assert sorted(job["id"] for job in listed) == sorted(found["jobs"])
    assert {job["labels"]["of"] for job in listed} == {"batch"}


def test_a_batch_with_one_wrong_job_makes_none(served: Served) -> None:
    wrong = {"inputs": {"a": "a.mp4"}, "operations": [{"op": "trim", "start": "x"}], "outputs": []}
    before = served.client.get("/v1/jobs", params={"limit": 1}).json()["jobs"][0]["id"]

    answer = served.client.post("/v1/batches", json={"jobs": [NEVER, wrong, {}]})

    assert answer.status_code == 422
    places = [one["where"] for one in answer.json()["errors"]]
    assert "jobs[1].operations[0].start" in places
    assert "jobs[2].outputs" in places
    assert served.client.get("/v1/jobs", params={"limit": 1}).json()["jobs"][0]["id"] == before


def test_a_small_request_makes_no_large_batch(served: Served) -> None:
    """A spec is stored for each job that it is filled for."""
    spec = {**NEVER, "vars": {"n": "1", "long": "x" * 200_000}}
    body = {"spec": spec, "each": [{"n": n} for n in range(400)]}

    answer = served.client.post("/v1/batches", json=body)

    assert answer.status_code == 413, answer.text
    assert answer.json()["code"] == "spec_too_large"
    assert answer.json()["limit_bytes"] == 64 << 20


@pytest.mark.parametrize(
    "labels", [{f"l{n}": "x" for n in range(65)}, {"n" * 101: "x"}, {"n": "x" * 1001}]
)
def test_labels_are_few_and_short(served: Served, labels: dict[str, str]) -> None:
    """Every list of jobs shows all of them."""
    job = served.client.post("/v1/jobs", json={**NEVER, "labels": labels})
    batch = served.client.post("/v1/batches", json={"jobs": [NEVER], "labels": labels})

    for answer in (job, batch):
        assert answer.status_code == 422, answer.text
        assert (answer.json()["code"], answer.json()["where"]) == ("field_invalid", "labels")


def test_a_batch_is_cancelled_as_a_whole(served: Served) -> None:
    # Nothing of it can run: each waits for the one before, which a lower priority makes sure of.
    specs = [{**NEVER, "priority": -100} for _ in range(20)]
    made = served.client.post("/v1/batches", json={"jobs": specs}).json()

    cancelled = served.client.post(f"/v1/batches/{made['id']}/cancel")

    assert cancelled.status_code == 202
    url = f"/v1/batches/{made['id']}"
    until(lambda: served.client.get(url).json()["state"] == "finished" or None, 60)
    assert served.client.get("/v1/batches/0000000000000000z").status_code == 404
