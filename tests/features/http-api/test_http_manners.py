"""How the service speaks: in HTTP's words, and without its own folders."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.served import Served
from tests.sse_client import messages

_JSON = {"Content-Type": "application/json"}


def test_what_fails_is_told_by_its_path_in_the_jobs_folder(served: Served) -> None:
    """To all who hear of it: the job, its steps, its events."""
    job_id = served.submit({"inputs": {"a": "in/a.mp4"}, "outputs": [{"from": "a", "to": "b.mkv"}]})

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
        ("/v1/webhooks/00000000000000000", "`GET /v1/webhooks` lists them"),
        ("/v1/batches/00000000000000000", "check the id of the batch"),
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


@pytest.mark.parametrize(
    ("query", "where", "near"),
    [
        ("stat=failed", "query.stat", "'state'"),
        ("labels=a=b", "query.labels", "'label'"),
        ("nothing=1&limit=5", "query.nothing", None),
    ],
)
def test_a_parameter_that_there_is_not_is_refused(
    served: Served, query: str, where: str, near: str | None
) -> None:
    answer = served.client.get(f"/v1/jobs?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "field_unknown")
    assert answer.json()["where"] == where
    assert "state" in answer.json()["allowed"]
    assert "cursor" in answer.json()["hint"]
    if near is None:
        assert "did you mean" not in answer.json()["detail"]
    else:
        assert f"did you mean {near}?" in answer.json()["detail"]


def test_all_such_parameters_are_told_at_once_and_nothing_is_done(served: Served) -> None:
    spec = {"inputs": {"a": "a.mp4"}, "outputs": [{"from": "a", "to": "b.mkv"}]}
    before = served.client.get("/v1/jobs", params={"limit": 1}).json()["jobs"][:1]

    answer = served.client.post("/v1/jobs", params={"prio": "1", "timeout": "5"}, json=spec)

    assert answer.status_code == 422
    assert [one["where"] for one in answer.json()["errors"]] == ["query.prio", "query.timeout"]
    assert served.client.get("/v1/jobs", params={"limit": 1}).json()["jobs"][:1] == before
    one = served.client.get(f"/v1/jobs/{before[0]['id']}", params={"x": "1"}) if before else None
    assert one is None or "takes none" in one.json()["hint"]


def test_probes_may_have_words_of_their_own(served: Served) -> None:
    assert served.client.get("/healthz", params={"_": "123"}).status_code == 200


@pytest.mark.parametrize(
    ("params", "where", "form"),
    [
        ({"label": "bad"}, "query.label[0]", "name=value"),
        ({"label": "=bad"}, "query.label[0]", "name=value"),
        ({"cursor": "bad"}, "query.cursor", "0k8v2b3c4d5e6f7g8"),
    ],
    ids=str,
)
def test_a_form_is_told_by_an_example_not_by_a_pattern(
    served: Served, params: dict[str, str], where: str, form: str
) -> None:
    answer = served.client.get("/v1/jobs", params=params)

    assert (answer.status_code, answer.json()["where"]) == (422, where)
    assert form in answer.json()["detail"]
    assert form in answer.json()["hint"]
    assert "^" not in answer.text


def test_media_that_ends_too_early_is_named_as_in_the_spec(
    served: Served, ffmpeg: Path, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=duration=6:size=320x180"]
    quick = ["-c:v", "libx264", "-preset", "ultrafast", "-movflags", "+faststart"]
    subprocess.run([ffmpeg, "-v", "error", *source, *quick, whole], check=True)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    spec = {
        "inputs": {"film": str(cut)},
        "operations": [{"op": "scale", "id": "s", "input": "film", "height": 64}],
        "outputs": [{"from": "s", "to": "o.mkv"}],
    }

    error = served.ended(served.submit(spec))["error"]

    assert (error["code"], error["where"]) == ("media_truncated", "inputs.film")
