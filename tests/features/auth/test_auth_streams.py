"""Whoever reads a stream is asked again, from time to time, whether they still may."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reelwright.app.auth import keys
from reelwright.app.principal import LOCAL
from reelwright.app.settings import load
from reelwright.app.wiring import App
from tests.features.auth.doors import bearer, browser, csrf, made_key
from tests.served import Served, serving, until
from tests.sse_client import messages

_SPEC = {"inputs": {"a": "a.mp4"}, "outputs": [{"from": "a", "to": "b.mkv"}]}


# No worker: its jobs stay in the queue, and their streams go on.
@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("idle") / "home", "--no-worker") as running:
        yield running


class _Follower:
    """Reads a stream in a thread, to its end."""

    def __init__(self, client: httpx.Client, path: str, **params: Any) -> None:
        self.status = 0
        self.text = ""
        self._client, self._path, self._params = client, path, params
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        until(lambda: self.text)

    @property
    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    def _read(self) -> None:
        with self._client.stream("GET", self._path, params=self._params, timeout=None) as answer:
            self.status = answer.status_code
            for line in answer.iter_lines():
                self.text += f"{line}\n"


def _job(client: httpx.Client, **headers: str) -> str:
    answer = client.post("/v1/jobs", json=_SPEC, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_a_stream_of_events_ends_with_its_key(idle: Served) -> None:
    """Revoked by another process: by `reel keys revoke`."""
    gone, stays = made_key(idle, owner="team"), made_key(idle, owner="team")
    with bearer(idle, gone["token"]) as client, bearer(idle, stays["token"]) as other:
        job_id = _job(client)
        ending = _Follower(client, f"/v1/jobs/{job_id}/events")
        staying = _Follower(other, f"/v1/jobs/{job_id}/events")
        with App(load({"home": idle.home})) as app:
            keys.revoke(app, LOCAL, gone["id"])

        until(lambda: ending.has_ended)

        assert ending.status == 200
        assert not staying.has_ended
        assert [m.name for m in messages(ending.text.splitlines())] == ["job"]  # and no `end`
        assert client.get(f"/v1/jobs/{job_id}/events").status_code == 401
        other.delete(f"/v1/jobs/{job_id}")
        until(lambda: staying.has_ended)
        assert "event: end" in staying.text


def test_a_stream_ends_when_its_keys_time_is_up(idle: Served) -> None:
    made = made_key(idle, expires_s=5)
    with bearer(idle, made["token"]) as client:
        ending = _Follower(client, f"/v1/jobs/{_job(client)}/events")

        until(lambda: ending.has_ended)

        assert "event: end" not in ending.text


def test_a_browsers_stream_ends_when_it_logs_out(idle: Served) -> None:
    with browser(idle, idle.token) as client:
        headers = csrf(client)
        ending = _Follower(client, f"/v1/jobs/{_job(client, **headers)}/events")
        with httpx.Client(base_url=idle.url, cookies=client.cookies) as same:
            assert same.delete("/v1/session", headers=headers).status_code == 204

        until(lambda: ending.has_ended)

        assert "event: end" not in ending.text


def test_a_log_that_is_followed_ends_with_its_key(tmp_path: Path, talk: Path) -> None:
    with serving(tmp_path / "home") as running:
        made = made_key(running, folders={"read": [str(talk.parent)]})
        # Minutes of work: nobody waits for its end.
        spec = {
            "inputs": {"s": str(talk)},
            "operations": [{"op": "scale", "id": "big", "input": "s", "width": 3840}],
            "outputs": [
                {"from": "big", "to": "o.mkv", "video": {"codec": "h264", "preset": "placebo"}}
            ],
        }
        with bearer(running, made["token"]) as client:
            answer = client.post("/v1/jobs", json=spec)
            assert answer.status_code == 202, answer.text
            job_id = answer.json()["id"]
            until(lambda: running.job(job_id)["state"] == "running")
            until(lambda: running.client.get(f"/v1/jobs/{job_id}/logs").text)
            ending = _Follower(client, f"/v1/jobs/{job_id}/logs", follow="true")

            running.client.delete(f"/v1/keys/{made['id']}")

            until(lambda: ending.has_ended)
            assert running.job(job_id)["state"] == "running"
            running.client.delete(f"/v1/jobs/{job_id}")
            running.ended(job_id)
