"""What /openapi.json says is what the service does: schemathesis asks all that it can think of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.served import serving

# After DELETE a job is still there, cancelled: that is what it is asked for, and no use after free.
_NOT_MEANT = "use_after_free"


@pytest.mark.slow
def test_the_document_holds(tmp_path: Path) -> None:
    with serving(tmp_path / "home", REEL_SERVE__RATE="1000000/minute") as served:
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                f"{served.url}/openapi.json",
                *("--header", f"Authorization: Bearer {served.token}"),
                *("--checks", "all"),
                *("--exclude-checks", _NOT_MEANT),
                *("--max-examples", "10"),
                *(
                    "--exclude-path-regex",
                    "/(uploads|events|keys|session|audit|webhooks|metrics|login)",
                ),
                *("--request-timeout", "60"),
                "--generation-deterministic",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert served.client.get("/healthz").status_code == 200
