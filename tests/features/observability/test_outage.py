"""A database that is gone is told of, and takes nothing else with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from reelwright.app.observe import metrics
from reelwright.app.settings import load
from reelwright.app.wiring import App
from tests.postgres import Server


@pytest.mark.postgres
def test_metrics_outlive_the_database(
    postgres_server: Server, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_FRESH_S", 0.0)
    settings = load({"home": tmp_path, "database": postgres_url}, environ={})
    with App(settings) as app:
        before = app.metrics.text().decode()
        assert "reel_database_up 1.0" in before
        assert 'reel_jobs{state="queued"} 0.0' in before
        name = make_url(postgres_url).database
        postgres_server.run(
            "psql", "-h", str(postgres_server.folder), "-U", "postgres", "-q", "-c",
            f'DROP DATABASE "{name}" WITH (FORCE)', "postgres",
        )  # fmt: skip
        app.metrics.http.add("/v1/jobs", "GET", 503, 0.01, 0, 10)
        after = app.metrics.text().decode()
    assert "reel_database_up 0.0" in after
    # What is not known is not told: no rule takes it for zero.
    assert "reel_jobs{" not in after
    assert 'reel_http_requests_total{method="GET",route="/v1/jobs",status="503"} 1.0' in after
    assert "reel_disk_free_bytes" in after
