"""How the service speaks: in HTTP's words, and without its own folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.served import Served
from tests.sse_client import messages

_JSON = {"Content-Type": "application/json"}


def test_what_fails_is_told_by_its_path_in_the_jobs_folder(served: Served) -> None:
    """To all who hear of it: the job, its steps, its events."""
    job_id = served.submit(
        {"inputs": {"a": "in/a.mp4"}, "outputs": [{"from": "a", "to": "b.mkv"}]}
    )

    job = served.ended(job_id)

    assert job["error"]["code"] == "input_not_found"
    assert "in/a.mp4" in job["error"]["message"]
    stream = served.client.get(f"/v1/jobs/{job_id}/events")
    told = [m.data for m in messages(stream.text.splitlines()) if m.name == "job"]
    assert told[-1]["error"] == job["error"]
    listed = served.client.get("/v1/jobs", params={"limit": 500})
    steps = served.client.get(f"/v1/jobs/{job_id}/steps")
    for answer in (stream, listed, steps):
        assert str(served.home) not in answer.text


def test_what_is_made_is_told_by_its_path_in_the_jobs_folder(
    served: Served, talk: Path, tmp_path: Path
) -> None:
    far = tmp_path / "far.mkv"
    spec = {
        "inputs": {"t": str(talk)},
        "outputs": [{"from": "t", "to": "near/copy.mkv"}, {"from": "t", "to": str(far)}],
    }
    job_id = served.submit(spec)
    assert served.ended(job_id)["state"] == "succeeded"

    listed = served.client.get(f"/v1/jobs/{job_id}/artifacts")
    stream = served.client.get(f"/v1/jobs/{job_id}/events")
    plan = served.client.get(f"/v1/jobs/{job_id}/plan")

    assert [a["path"] for a in listed.json()["artifacts"]] == ["near/copy.mkv", str(far)]
    told = [m.data["path"] for m in messages(stream.text.splitlines()) if m.name == "output"]
    assert sorted(told) == sorted(["near/copy.mkv", str(far)])
    assert [one["to"] for one in plan.json()["outputs"]] == ["near/copy.mkv", str(far)]
    for answer in (listed, stream, plan):
        assert str(served.home) not in answer.text
    file = served.client.get(listed.json()["artifacts"][0]["url"])
    assert file.content == (served.home / "served" / job_id / "near" / "copy.mkv").read_bytes()


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/v1/jobs/00000000000000000", "`GET /v1/jobs` lists them"),
        ("/v1/operators/nothing", "`GET /v1/operators` lists them"),
    ],
)
def test_hints_name_requests_and_no_commands(served: Served, path: str, hint: str) -> None:
    assert served.client.get(path).json()["hint"] == hint


def test_a_file_that_is_in_the_way_is_replaced_on_request(
    served: Served, talk: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there.mkv"
    there.write_bytes(b"mine")
    spec = {"inputs": {"t": str(talk)}, "outputs": [{"from": "t", "to": str(there)}]}

    refused = served.ended(served.submit(spec))
    done = served.ended(served.submit(spec, overwrite="true"))

    assert refused["error"]["code"] == "output_exists"
    assert "`overwrite`" in refused["error"]["hint"]
    assert "--overwrite" not in refused["error"]["hint"]
    assert done["state"] == "succeeded"
