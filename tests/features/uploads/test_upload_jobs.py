"""Uploads as inputs of jobs, and whose they are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.served import Served, serving, until

_TUS = {"Tus-Resumable": "1.0.0"}
_PART = {**_TUS, "Content-Type": "application/offset+octet-stream"}


def _upload(api: httpx.Client, data: bytes) -> str:
    headers = {**_PART, "Upload-Length": str(len(data))}
    answer = api.post("/v1/uploads", content=data, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"]).rpartition("/")[2]


def _spec(*uploads: str, to: str = "out.mkv") -> dict[str, Any]:
    return {
        "inputs": {"talk": f"upload:{','.join(uploads)}"},
        "outputs": [{"from": "talk", "to": to}],
    }


@pytest.fixture
def key(served: Served) -> Iterator[Callable[..., httpx.Client]]:
    """Clients with keys of their own."""
    opened: list[httpx.Client] = []

    def make(owner: str, **more: Any) -> httpx.Client:
        body = {"name": owner, "owner": owner, "role": "editor", **more}
        made = served.client.post("/v1/keys", json=body)
        assert made.status_code == 201, made.text
        headers = {"Authorization": f"Bearer {made.json()['token']}"}
        opened.append(httpx.Client(base_url=served.url, headers=headers, timeout=60))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


def test_a_job_reads_an_upload_that_has_no_extension(served: Served, talk: Path) -> None:
    upload_id = _upload(served.client, talk.read_bytes())

    job = served.ended(served.submit(_spec(upload_id)))

    assert job["state"] == "succeeded", job
    artifacts = served.client.get(f"/v1/jobs/{job['id']}/artifacts").json()["artifacts"]
    assert [entry["name"] for entry in artifacts] == ["out.mkv"]


def test_several_uploads_are_a_list_in_their_order(
    served: Served, talk: Path, scenes: Path
) -> None:
    ids = [_upload(served.client, path.read_bytes()) for path in (talk, scenes)]
    spec = _spec(*ids, to="part-{index}.mkv")

    job = served.ended(served.submit(spec))

    assert job["state"] == "succeeded", job
    artifacts = served.client.get(f"/v1/jobs/{job['id']}/artifacts").json()["artifacts"]
    assert len(artifacts) == 2
    assert artifacts[0]["bytes"] > artifacts[1]["bytes"]


def test_it_can_be_probed_and_planned_before(served: Served, talk: Path) -> None:
    upload_id = _upload(served.client, talk.read_bytes())

    plan = served.client.post("/v1/plan", json=_spec(upload_id))
    probed = served.client.post("/v1/probe", json={"path": f"upload:{upload_id}"})
    unknown = served.client.post("/v1/probe", json={"path": f"upload:{'0' * 17}"})

    assert plan.status_code == 200, plan.text
    assert probed.status_code == 200, probed.text
    assert (unknown.status_code, unknown.json()["code"]) == (404, "upload_unknown")


def test_what_is_unknown_or_unfinished_fails_the_job_at_its_input(served: Served) -> None:
    begun = served.client.post("/v1/uploads", headers={**_TUS, "Upload-Length": "10"})
    unfinished = begun.headers["location"].rpartition("/")[2]

    for upload_id, code in ((unfinished, "upload_unfinished"), ("0" * 17, "upload_unknown")):
        job = served.ended(served.submit(_spec(upload_id)))
        assert job["state"] == "failed"
        assert job["error"]["code"] == code
        assert job["error"]["where"] == "inputs.talk"


def test_nobody_sees_or_uses_the_uploads_of_others(
    served: Served, key: Callable[..., httpx.Client], talk: Path
) -> None:
    ann, bob = key("ann"), key("bob")
    upload_id = _upload(ann, talk.read_bytes())
    at = f"/v1/uploads/{upload_id}"

    assert bob.get(at).json()["code"] == "upload_unknown"
    assert bob.head(at, headers=_TUS).status_code == 404
    assert bob.delete(at, headers=_TUS).status_code == 404
    assert bob.patch(at, headers={**_PART, "Upload-Offset": "0"}).status_code == 404
    assert bob.get("/v1/uploads").json()["uploads"] == []
    assert [u["id"] for u in ann.get("/v1/uploads").json()["uploads"]] == [upload_id]
    made = bob.post("/v1/jobs", json=_spec(upload_id))
    job = served.ended(made.json()["id"])
    assert job["error"]["code"] == "upload_unknown"
    assert served.client.get(at).status_code == 200  # admins see all


def test_a_viewer_may_look_and_no_more(key: Callable[..., httpx.Client]) -> None:
    viewer = key("vera", role="viewer")

    assert viewer.get("/v1/uploads").status_code == 200
    refused = viewer.post("/v1/uploads", headers={**_TUS, "Upload-Length": "1"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_the_quota_counts_what_was_announced(key: Callable[..., httpx.Client]) -> None:
    cleo = key("cleo", max_bytes=1000)
    begun = cleo.post("/v1/uploads", headers={**_TUS, "Upload-Length": "800"})
    assert begun.status_code == 201

    refused = cleo.post("/v1/uploads", headers={**_TUS, "Upload-Length": "300"})
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")

    assert cleo.delete(begun.headers["location"], headers=_TUS).status_code == 204
    again = cleo.post("/v1/uploads", headers={**_TUS, "Upload-Length": "300"})
    assert again.status_code == 201


def test_a_file_that_does_not_fit_on_the_disk_is_refused_before(tmp_path: Path) -> None:
    more = str(1 << 60)
    with serving(tmp_path / "home", "--no-worker", REEL_SERVE__UPLOAD_BYTES=more) as running:
        answer = running.client.post("/v1/uploads", headers={**_TUS, "Upload-Length": more})

        assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
        assert "begin again" in answer.json()["hint"]
        assert list((running.home / "uploads").iterdir()) == []


def test_nobody_announces_more_than_they_may_leave_unfinished(tmp_path: Path) -> None:
    with serving(tmp_path / "home", "--no-worker", REEL_SERVE__UNFINISHED_UPLOADS="2") as running:

        def begin(length: int = 5) -> httpx.Response:
            headers = {**_TUS, "Upload-Length": str(length)}
            return running.client.post("/v1/uploads", headers=headers)

        begun = [begin() for _ in range(2)]
        assert [answer.status_code for answer in begun] == [201, 201]
        refused = begin()
        assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
        assert "delete them" in refused.json()["hint"]
        assert len(list((running.home / "uploads").iterdir())) == 2, "nothing is left of it"
        assert begin(0).status_code == 201, "an empty one is finished at once"

        at = begun[0].headers["location"]
        assert running.client.delete(at, headers=_TUS).status_code == 204

        assert begin().status_code == 201


def test_an_upload_that_a_job_waits_for_is_not_deleted(tmp_path: Path) -> None:
    with serving(tmp_path / "home", "--no-worker") as running:
        upload_id = _upload(running.client, b"12345")
        job_id = running.submit(_spec(upload_id))
        at = f"/v1/uploads/{upload_id}"

        refused = running.client.delete(at, headers=_TUS)
        assert (refused.status_code, refused.json()["code"]) == (423, "upload_busy")
        assert job_id in refused.json()["detail"]

        assert running.client.delete(f"/v1/jobs/{job_id}").is_success
        until(lambda: running.job(job_id)["state"] == "cancelled")
        assert running.client.delete(at, headers=_TUS).status_code == 204


def test_without_a_server_there_are_no_uploads(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        f"inputs: {{talk: 'upload:{'0' * 17}'}}\noutputs:\n- {{from: talk, to: out.mkv}}\n"
    )
    reel = Path(sys.executable).with_name("reel")

    done = subprocess.run([reel, "plan", spec], capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "is on a server" in done.stderr
    assert "inputs.talk" in done.stderr
