"""What /openapi.json says is what the service does: schemathesis asks all that it can think of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.served import serving

# All checks but one are asked of everything: a job that was cancelled by DELETE can still be read
# (decision 0052). What `?purge=true` deletes cannot: see tests/features/limits.
SETTINGS = """\
[[operations]]
include-path-regex = "^/v1/jobs/"
checks.use_after_free.enabled = false

# A schema cannot say what a regular expression, a template, an interval or a moment of the past is,
# nor which files of cookies there are.
[[operations]]
include-path-regex = "^/v1/(archive|subscriptions|logs)"
checks.positive_data_acceptance.enabled = false

# Other sites are asked, which are not there: 502 says so.
[[operations]]
include-path-regex = "^/v1/metadata/(video|playlist)/"
checks.positive_data_acceptance.enabled = false
checks.not_a_server_error.enabled = false
generation.max-examples = 1
"""


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_document_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every operation, every check, the same questions each time."""
    # Thousands of requests that are counted line by line take a third longer.
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    with serving(tmp_path / "home", REEL_SERVE__RATE="1000000/minute") as served:
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                f"{served.url}/openapi.json",
                *("--header", f"Authorization: Bearer {served.token}"),
                *("--max-examples", "5"),
                *("--request-timeout", "120"),
                "--generation-deterministic",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=1450,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert served.client.get("/healthz").status_code == 200
