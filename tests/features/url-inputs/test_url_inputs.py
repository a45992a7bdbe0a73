"""Inputs by address in a service: fetched by us, from where its rules allow, into the job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.reel import make_clip, reel
from tests.runners.origin import Origin, Served, refusal
from tests.runners.origin import serving as an_origin
from tests.served import Served as Service
from tests.served import serving


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("url-inputs") / "home"
    with serving(home, REEL_NET_ALLOW="127.0.0.1", REEL_LIMITS__FETCH_BYTES="1MB") as made:
        yield made


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(ffmpeg, tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture
def origin(clip: Path) -> Iterator[Origin]:
    with an_origin() as made:
        made.answers["/clip.mp4"] = Served(clip.read_bytes())
        yield made


def spec(url: str, how: str) -> dict[str, Any]:
    out = [{"from": "talk", "to": "out.mkv"}]
    if how == "input":
        return {"inputs": {"talk": url}, "outputs": out}
    return {"operations": [{"id": "talk", "op": "fetch", "url": url}], "outputs": out}


@pytest.mark.parametrize("how", ["input", "fetch"])
def test_an_address_that_is_allowed(service: Service, origin: Origin, how: str) -> None:
    done = service.ended(service.submit(spec(origin.url("/clip.mp4"), how)))

    assert done["state"] == "succeeded", done["error"]
    agents = {headers.get("User-Agent", "") for _, headers in origin.requests}
    assert all(agent.startswith("reelwright") for agent in agents), "FFmpeg calls itself Lavf"


@pytest.mark.parametrize("how", ["input", "fetch"])
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.2:9/a.mp4",
        "http://169.254.169.254/latest/meta-data/a.mp4",
        "http://[::1]:9/a.mp4",
    ],
)
def test_an_address_that_is_not(service: Service, how: str, url: str) -> None:
    done = service.ended(service.submit(spec(url, how)))

    assert done["state"] == "failed"
    assert done["error"]["code"] == "address_refused", done["error"]


@pytest.mark.parametrize("how", ["input", "fetch"])
def test_a_redirect_into_the_house(service: Service, origin: Origin, how: str) -> None:
    origin.answers["/clip.mp4"] = refusal(302, Location="http://127.0.0.2:9/a.mp4")

    done = service.ended(service.submit(spec(origin.url("/clip.mp4"), how)))

    assert done["error"]["code"] == "address_refused"


@pytest.mark.parametrize("how", ["input", "fetch"])
def test_what_is_larger_than_the_service_takes(service: Service, origin: Origin, how: str) -> None:
    origin.answers["/clip.mp4"] = Served(b"\0" * 2_000_000)

    done = service.ended(service.submit(spec(origin.url("/clip.mp4"), how)))

    assert done["error"]["code"] == "media_too_large"


def test_paths_are_held_to_the_folders_of_the_key(
    service: Service, clip: Path, tmp_path: Path
) -> None:
    """Beside the job's own folder, where relative paths lead."""
    (tmp_path / "out").mkdir()
    folders = {"read": [str(clip.parent)], "write": [str(tmp_path / "out")]}
    key = service.client.post("/v1/keys", json={"name": "k", "folders": folders}).json()
    theirs = {"Authorization": f"Bearer {key['token']}"}

    def send(path: Path, to: object) -> Any:
        body = {"inputs": {"talk": str(path)}, "outputs": [{"from": "talk", "to": str(to)}]}
        return service.client.post("/v1/jobs", json=body, headers=theirs)

    fine = send(clip, tmp_path / "out" / "a.mkv")
    assert fine.status_code == 202, fine.text
    assert service.ended(fine.json()["id"])["state"] == "succeeded"
    assert (tmp_path / "out" / "a.mkv").is_file()
    assert service.ended(send(clip, "own.mkv").json()["id"])["state"] == "succeeded"
    (clip.parent / "link.mp4").symlink_to("/etc/hostname")
    for path, to, where in (
        (Path("/etc/hostname"), "a.mkv", "inputs.talk"),
        (clip.parent / "link.mp4", "a.mkv", "inputs.talk"),
        (clip, "/etc/a.mkv", "outputs[0].to"),
        (clip, "s3://bucket/a.mkv", "outputs[0].to"),
    ):
        refused = send(path, to)
        assert refused.status_code == 403, refused.text
        problem = refused.json()
        assert (problem["code"], problem["where"]) == ("folder_refused", where)


def test_a_pattern_follows_no_link_out_of_the_folders(
    service: Service, clip: Path, tmp_path: Path
) -> None:
    """Neither in a job nor in a dry run, which reads the inputs too."""
    media = tmp_path / "media"
    media.mkdir()
    (media / "a.mp4").hardlink_to(clip)
    secret = tmp_path / "secret.mp4"
    secret.hardlink_to(clip)
    key = service.client.post("/v1/keys", json={"name": "k", "folders": {"read": [str(media)]}})
    theirs = {"Authorization": f"Bearer {key.json()['token']}"}
    body = {
        "inputs": {"all": f"{media}/*.mp4"},
        "operations": [{"id": "one", "op": "concat", "inputs": ["all"]}],
        "outputs": [{"from": "one", "to": "a.mkv"}],
    }

    def plan() -> Any:
        return service.client.post("/v1/plan", json=body, headers=theirs)

    fine = plan()
    assert fine.status_code == 200, fine.text
    (media / "b.mp4").symlink_to(secret)
    refused = plan()
    assert refused.status_code == 403, refused.text
    assert (refused.json()["code"], refused.json()["where"]) == ("folder_refused", "inputs.all")
    job = service.client.post("/v1/jobs", json=body, headers=theirs).json()
    assert service.ended(job["id"])["error"]["code"] == "folder_refused"


def test_at_the_terminal_the_users_own_network_is_reached(tmp_path: Path, origin: Origin) -> None:
    (tmp_path / "job.yaml").write_text(
        f"inputs: {{talk: '{origin.url('/clip.mp4')}'}}\noutputs: [{{from: talk, to: out.mkv}}]\n"
    )

    done = reel("run", "job.yaml", cwd=tmp_path)

    assert done.code == 0, done.err


def test_a_setting_that_makes_no_sense_is_named(tmp_path: Path, origin: Origin) -> None:
    (tmp_path / "job.yaml").write_text(
        f"inputs: {{talk: '{origin.url('/clip.mp4')}'}}\noutputs: [{{from: talk, to: out.mkv}}]\n"
    )

    done = reel("run", "job.yaml", "--json", cwd=tmp_path, REEL_NET_ALLOW="10.0.0.0/99")

    assert done.code == 2
    assert "10.0.0.0/99" in done.err + done.out
