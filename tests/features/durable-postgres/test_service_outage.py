"""`reel serve` on PostgreSQL while the server goes away: FFmpeg goes on, nothing is lost."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from reelwright.store import attempts, steps
from reelwright.store.states import AttemptState
from reelwright.store.store import open_store
from tests.features.jobs import processes_of
from tests.postgres import Server, make_server
from tests.served import serving, until

pytestmark = [pytest.mark.postgres, pytest.mark.faults]


@pytest.fixture
def own_server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="reel-pg-", dir="/tmp"))
    server = make_server(folder)
    yield server
    with suppress(RuntimeError):
        server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    "away_s", [3.0, pytest.param(60.0, marks=pytest.mark.faults_long)], ids=["short", "minute"]
)
def test_a_job_is_served_through_an_outage(
    away_s: float, own_server: Server, talk: Path, tmp_path: Path
) -> None:
    url = own_server.create(f"t{secrets.token_hex(4)}")
    spec = {
        "inputs": {"in": str(talk)},
        "operations": [{"id": "a", "op": "scale", "input": "in", "height": 432}],
        # Slow enough to be under way when the database goes.
        "outputs": [
            {
                "from": "a",
                "to": str(tmp_path / "out.mp4"),
                "video": {"codec": "h264", "preset": "slower"},
            }
        ],
    }
    with serving(tmp_path / "home", REEL_DATABASE=url) as served:
        first = served.submit(spec)
        until(lambda: served.job(first)["fraction"] > 0.0 and processes_of(served.home))
        own_server.stop()
        until(lambda: served.client.get("/readyz").status_code == 503)
        refused = served.client.get(f"/v1/jobs/{first}")
        assert refused.status_code == 503, refused.text
        assert refused.json()["code"] == "store_unavailable"
        time.sleep(away_s)
        own_server.start()
        assert served.ended(first)["state"] == "succeeded"
        until(lambda: served.client.get("/readyz").status_code == 200)
        second = served.submit({**spec, "outputs": [{"from": "a", "to": str(tmp_path / "b.mp4")}]})
        assert served.ended(second)["state"] == "succeeded"
    store = open_store(url)
    with store.read() as tx:
        tried = {
            row.key: [attempt.state for attempt in attempts.of_step(tx, row.id)]
            for row in steps.of_job(tx, first)
            if row.kind == "ffmpeg"
        }
    store.close()
    assert tried
    assert all(states == [AttemptState.SUCCEEDED] for states in tried.values()), tried
