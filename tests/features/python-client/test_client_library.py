"""The client library, with and without asyncio, against a real service."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reelwright.client import ApiError, Client, Patience, models
from reelwright.errors import Code, ReelError
from tests.client.both import KINDS, client_of
from tests.client.cutting import Cutting, cutting
from tests.docs.examples import blocks
from tests.served import Served, until

# What waits for a busy machine waits long; what is to fail fails at once.
PATIENT = Patience(total_s=60.0, first_s=0.05, most_s=1.0)


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, served: Served) -> Iterator[Any]:
    with client_of(request.param, served.url, served.token, PATIENT) as made:
        yield made


@pytest.fixture
def broken(served: Served) -> Iterator[Cutting]:
    with cutting(served.url) as made:
        yield made


def copied(source: str, to: str = "copy.mkv") -> dict[str, Any]:
    return {"inputs": {"talk": source}, "outputs": [{"from": "talk", "to": to}]}


def noise(path: Path, size: int) -> Path:
    path.write_bytes(os.urandom(size))
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_job_from_its_upload_to_its_download(client: Any, talk: Path, tmp_path: Path) -> None:
    sent = client.upload(talk)
    job = client.create_job(copied(f"upload:{sent.id}"), label=["kind=library"])
    events = list(client.events(job.id))
    ended = client.wait(job.id, timeout_s=60)
    (artifact,) = client.list_artifacts(job.id).artifacts
    steps: list[tuple[int, int]] = []
    target = client.download(
        artifact, tmp_path / "new" / "c.mkv", on_progress=lambda *p: steps.append(p)
    )

    assert sent.sha256 == digest(talk)
    assert ended.state == "succeeded"
    assert ended.labels == {"kind": "library"}
    assert events[-1].kind == "end"
    numbered = [event.id for event in events if event.id is not None]
    assert numbered == list(range(1, len(numbered) + 1))
    assert digest(target) == artifact.sha256
    assert steps[-1] == (artifact.bytes, artifact.bytes)
    assert [p.name for p in target.parent.iterdir()] == ["c.mkv"]


def test_the_guides_example_runs(
    served: Served, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = Path(__file__).parents[3] / "docs" / "guides" / "client.md"
    first = next(b for b in blocks("client.md", guide.read_text("utf-8")) if b.language == "python")
    code = first.text.replace("http://127.0.0.1:8000", served.url).replace("reel_…", served.token)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.mp4").hardlink_to(talk)

    exec(compile(code, "client.md", "exec"), {})

    assert (tmp_path / "out" / "short.mp4").stat().st_size > 1000


def test_looking_at_jobs(client: Any, talk: Path) -> None:
    job = client.create_job(copied(str(talk)), label=["one=1"])
    client.wait(job.id)
    rest = list(client.events(job.id, after=2))
    (step,) = [s for s in client.list_steps(job.id).steps if s.state in {"succeeded", "cached"}]
    with client.get_logs(job.id) as answer:
        text = answer.read()
    with client.get_artifact(job.id, 0) as answer:
        data = answer.read()

    assert client.get_job(job.id).state == "succeeded"
    page = client.list_jobs(state=["succeeded"], label=["one=1"], limit=1)
    assert [found.id for found in page.jobs] == [job.id]
    assert rest[0].id == 3
    assert [planned.id for planned in client.get_plan(job.id).steps] == [step.id]
    assert client.log(job.id) == text.decode()
    assert hashlib.sha256(data).hexdigest() == client.list_artifacts(job.id).artifacts[0].sha256
    assert int(client.head_artifact(job.id, 0)["content-length"]) == len(data)


def test_orders_are_refused_when_they_come_too_late(client: Any, talk: Path) -> None:
    job = client.create_job(copied(str(talk)))
    client.wait(job.id)

    for order in (client.cancel_job, client.retry_job):
        with pytest.raises(ApiError) as caught:
            order(job.id)
        assert (caught.value.status, caught.value.code) == (409, Code.TRANSITION_REFUSED)
        assert len(caught.value.trace_id or "") == 32


def test_a_failed_job_is_tried_again(client: Any, tmp_path: Path, talk: Path) -> None:
    late = tmp_path / "late.mp4"
    job = client.create_job(copied(str(late)))
    failed = client.wait(job.id)
    late.hardlink_to(talk)

    assert failed.state == "failed"
    assert failed.error.code == "input_not_found"
    assert client.retry_job(job.id).state in {"queued", "running"}
    assert client.wait(job.id).state == "succeeded"


def test_the_same_key_makes_one_job(client: Any, talk: Path) -> None:
    key = f"key-{os.urandom(6).hex()}"
    first = client.create_job(copied(str(talk)), idempotency_key=key)
    second = client.create_job(copied(str(talk)), idempotency_key=key)

    assert first.id == second.id
    with pytest.raises(ApiError) as caught:
        client.create_job(copied(str(talk), "other.mkv"), idempotency_key=key)
    assert caught.value.code is Code.IDEMPOTENCY_MISMATCH


def test_batches(client: Any, talk: Path) -> None:
    batch = client.create_batch({"jobs": [copied(str(talk), f"{n}.mkv") for n in "ab"]})
    until(lambda: client.get_batch(batch.id).counts.succeeded == 2)

    assert client.get_batch(batch.id).size == 2
    assert client.cancel_batch(batch.id).id == batch.id


def test_planning_and_probing(client: Any, talk: Path) -> None:
    sent = client.upload(talk)
    planned = client.plan_job(copied(f"upload:{sent.id}"))
    found = client.probe_file({"path": f"upload:{sent.id}"})

    assert [delivery.index for delivery in planned.outputs] == [0]
    assert "copied" in " ".join(planned.steps[0].because)
    assert found.sha256 == sent.sha256
    assert {stream["kind"] for stream in found.streams} == {"video", "audio"}
    assert "trim" in {operator.name for operator in client.list_operators().operators}
    assert client.get_operator("trim").schema_["type"] == "object"
    assert "outputs" in client.get_spec_schema()["properties"]


def test_what_is_wrong_with_a_spec_is_told_at_once(client: Any) -> None:
    spec = "inputs: {a: a.mp4}\noperations: [{id: x, op: scael, input: a}]\noutputs: [{from: x}]\n"

    with pytest.raises(ApiError) as caught:
        client.create_job(spec)

    error = caught.value
    assert error.status == 422
    assert {problem.code for problem in error.errors} >= {
        Code.OPERATOR_UNKNOWN,
        Code.FIELD_MISSING,
    }
    assert "operations[0].op" in {problem.where for problem in error.errors}


def test_the_service_tells_of_itself(client: Any) -> None:
    codes = {error.code for error in client.list_errors().errors}

    assert client.get_health().status == "ok"
    assert client.get_readiness().status == "ready"
    assert codes == {code.text for code in Code}
    assert "# HELP" in client.get_metrics()
    workers = client.list_workers().workers
    assert workers
    with pytest.raises(ApiError) as caught:
        client.drain_worker("nobody")
    assert caught.value.code is Code.WORKER_UNKNOWN


def test_keys_and_sessions(client: Any, served: Served) -> None:
    made = client.create_key({"name": "viewer of a test", "role": "viewer"})
    with client_of("sync", served.url, made.token) as viewer:
        assert viewer.get_session().role == "viewer"
        with pytest.raises(ApiError) as caught:
            viewer.create_job(copied("a.mp4"))
        assert (caught.value.status, caught.value.code) == (403, Code.FORBIDDEN)
    assert made.id in {key.id for key in client.list_keys().keys}
    assert client.revoke_key(made.id).revoked_at
    with client_of("sync", served.url, made.token) as gone, pytest.raises(ApiError) as caught:
        gone.list_jobs()
    assert (caught.value.status, caught.value.code) == (401, Code.UNAUTHENTICATED)
    with client_of("sync", served.url, None) as browser:
        opened = browser.open_session({"token": served.token})
        assert opened.csrf_token
    with client.list_audit(action="key.create") as answer:
        assert made.id.encode() in answer.read()


def test_uploads_are_looked_at_and_deleted(client: Any, tmp_path: Path) -> None:
    sent = client.upload(noise(tmp_path / "a.bin", 1000), name="b.bin")
    found = client.get_upload(sent.id)

    assert (found.name, found.size_bytes, found.state) == ("b.bin", 1000, "finished")
    assert client.head_upload(sent.id)["upload-offset"] == "1000"
    assert sent.id in {upload.id for upload in client.list_uploads().uploads}
    assert "creation" in client.get_upload_options()["tus-extension"]
    client.delete_upload(sent.id)
    with pytest.raises(ApiError) as caught:
        client.get_upload(sent.id)
    assert caught.value.code is Code.UPLOAD_UNKNOWN


def test_parts_of_an_upload_have_their_places(client: Any) -> None:
    begun = client.create_upload(upload_length=6)
    upload_id = begun["location"].rpartition("/")[2]
    client.patch_upload(upload_id, b"abc", upload_offset=0)
    with pytest.raises(ApiError) as caught:
        client.patch_upload(upload_id, b"abc", upload_offset=0)
    client.patch_upload(upload_id, b"def", upload_offset=3)

    assert caught.value.code is Code.UPLOAD_OFFSET
    assert client.get_upload(upload_id).sha256 == hashlib.sha256(b"abcdef").hexdigest()


def test_what_the_service_has_is_not_sent_again(served: Served, tmp_path: Path) -> None:
    file = noise(tmp_path / "noise.bin", 300_000)
    with cutting(served.url) as way, Client(way.url, served.token) as client:
        first = client.upload(file)
        way.begin()
        again = client.upload(file)
        sent = way.sent_up

        named = client.upload(file, name="another.bin")
        sent_for_name = way.sent_up

    assert again.id == first.id != named.id
    assert again.sha256 == named.sha256 == digest(file)
    assert sent < sent_for_name < 100_000


@pytest.mark.parametrize("kind", KINDS)
def test_an_upload_that_breaks_off_goes_on(
    kind: str, served: Served, broken: Cutting, tmp_path: Path
) -> None:
    file = noise(tmp_path / "noise.bin", 3_000_000)
    broken.up = [1_500_000, 900_000]
    with client_of(kind, broken.url, served.token, PATIENT) as client:
        sent = client.upload(file)

    assert broken.cuts == 2
    assert sent.sha256 == digest(file)
    assert sent.size_bytes == 3_000_000


def test_an_upload_is_continued_by_another_process(
    served: Served, broken: Cutting, tmp_path: Path
) -> None:
    file = noise(tmp_path / "noise.bin", 3_000_000)
    broken.up = [1_500_000]
    impatient = Patience(total_s=0.0)
    with (
        client_of("sync", broken.url, served.token, impatient) as client,
        pytest.raises(ReelError) as caught,
    ):
        client.upload(file)
    assert caught.value.code is Code.SERVER_UNREACHABLE

    with client_of("sync", served.url, served.token, PATIENT) as second:

        def begun() -> list[models.Upload]:
            uploads = second.list_uploads().uploads
            return [u for u in uploads if u.size_bytes == 3_000_000 and 0 < u.offset_bytes < 3e6]

        (left,) = until(begun)
        sent = second.upload(file)

    assert sent.id == left.id
    assert sent.sha256 == digest(file)


@pytest.mark.parametrize("kind", KINDS)
def test_a_download_that_breaks_off_goes_on(
    kind: str, served: Served, broken: Cutting, talk: Path, tmp_path: Path
) -> None:
    with client_of(kind, broken.url, served.token, PATIENT) as client:
        job = client.create_job(copied(str(talk)))
        client.wait(job.id)
        (artifact,) = client.list_artifacts(job.id).artifacts
        broken.begin()
        broken.down = [artifact.bytes // 3, artifact.bytes // 3]
        target = client.download(artifact, tmp_path / "c.mkv")

    assert broken.cuts == 2
    assert digest(target) == artifact.sha256


def test_a_part_that_is_not_the_files_beginning_is_dropped(
    served: Served, talk: Path, tmp_path: Path
) -> None:
    with client_of("sync", served.url, served.token, PATIENT) as client:
        job = client.create_job(copied(str(talk)))
        client.wait(job.id)
        (artifact,) = client.list_artifacts(job.id).artifacts
        part = tmp_path / f".c.mkv.{artifact.sha256[:16]}.part"
        part.write_bytes(os.urandom(1000))

        target = client.download(artifact, tmp_path / "c.mkv")

        assert digest(target) == artifact.sha256
        assert not part.exists()
        with pytest.raises(ReelError) as caught:
            client.download(artifact, target)
        assert caught.value.code is Code.OUTPUT_EXISTS
        assert client.download(artifact, target, overwrite=True) == target


def test_another_file_than_was_promised_is_not_kept(
    served: Served, talk: Path, tmp_path: Path
) -> None:
    with client_of("sync", served.url, served.token, PATIENT) as client:
        job = client.create_job(copied(str(talk)))
        client.wait(job.id)
        (artifact,) = client.list_artifacts(job.id).artifacts
        wrong = artifact.model_copy(update={"sha256": "0" * 64})

        with pytest.raises(ReelError) as caught:
            client.download(wrong, tmp_path / "c.mkv")

    assert caught.value.code is Code.REMOTE_CHANGED
    assert not list(tmp_path.glob("*c.mkv*"))


@pytest.mark.parametrize("kind", KINDS)
def test_no_event_is_lost_or_told_twice_when_the_connection_breaks(
    kind: str, served: Served, broken: Cutting, talk: Path
) -> None:
    with client_of(kind, broken.url, served.token, PATIENT) as client:
        job = client.create_job(copied(str(talk)), use_cache=False)
        broken.begin()
        broken.down = [1300, 1300, 1300]
        events = list(client.events(job.id))

    numbered = [event.id for event in events if event.id is not None]
    assert broken.cuts >= 1
    assert numbered == list(range(1, len(numbered) + 1))
    assert events[-1].data == {"state": "succeeded"}


def test_nobody_there_is_told_as_such() -> None:
    with (
        client_of("sync", "http://127.0.0.1:9", None, Patience(total_s=0.0)) as client,
        pytest.raises(ReelError) as caught,
    ):
        client.get_health()

    assert caught.value.code is Code.SERVER_UNREACHABLE


def test_the_token_is_in_no_redirect(served: Served) -> None:
    """Whoever stands at the address cannot send the token elsewhere."""
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(302, headers={"Location": "http://elsewhere.example/"})

    transport = httpx.MockTransport(answer)
    with Client("http://a.example", "t", transport=transport) as client, pytest.raises(ApiError):
        client.get_health()

    assert seen == ["Bearer t"]
