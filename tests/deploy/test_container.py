"""The image: nothing can be built here, but what its build copies, installs and runs is there."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pathspec
import pytest

from scripts.check_deploy import DOCKERFILE
from tests.deploy.manifests import ROOT

TEXT = (ROOT / DOCKERFILE).read_text().replace("\\\n", " ")
HEALTHY = ROOT / "deploy" / "container" / "reel-healthy"


def instructions(name: str) -> list[str]:
    return [line.partition(" ")[2].strip() for line in TEXT.splitlines() if line.startswith(name)]


def sources() -> list[str]:
    """What is copied from the repository."""
    found = []
    for line in instructions("COPY"):
        if "--from=" not in line:
            words = [word for word in line.split() if not word.startswith("--")]
            found += words[:-1]
    return found


def test_what_is_copied_is_there_and_reaches_the_builder() -> None:
    assert len(sources()) >= 6
    ignored = pathspec.PathSpec.from_lines(
        "gitignore", (ROOT / f"{DOCKERFILE}.dockerignore").read_text().splitlines()
    )
    for source in sources():
        path = ROOT / source
        assert path.exists(), source
        inner = path if path.is_file() else next(path.rglob("*.py"))
        assert not ignored.match_file(str(inner.relative_to(ROOT))), source
    for other in (".git/config", "tests/served.py", "deploy/compose/.env", ".venv/bin/reel"):
        assert ignored.match_file(other), other


def test_the_build_needs_what_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["readme"] in sources()
    for pattern in project["project"]["license-files"]:
        assert any(pattern == one or pattern.startswith(f"{one}/") for one in sources()), pattern
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert package.partition("/")[0] in sources()


def test_the_extras_and_options_of_the_build_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    asked = set(re.findall(r"--extra (\S+)", TEXT))
    assert {"cluster", "redis"} <= asked <= set(extras)
    uv = Path(sys.executable).with_name("uv")
    shown = subprocess.run(
        [uv, "sync", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for line in re.findall(r"uv sync(.*?)(?:&&|$)", TEXT, re.MULTILINE):
        for word in shlex.split(line):
            assert not word.startswith("--") or word in shown, word


def test_it_is_of_nobody_and_of_one_python() -> None:
    (user,) = instructions("USER")
    assert all(int(part) > 1000 for part in user.split(":"))
    images = {line.split()[0] for line in instructions("FROM")}
    assert images == {"python:3.11-slim-bookworm"}
    assert "ENTRYPOINT" in TEXT
    assert '"tini"' in instructions("ENTRYPOINT")[0]


def test_no_secret_is_in_it() -> None:
    named = {word.partition("=")[0] for line in instructions("ENV") for word in line.split()}
    assert not {name for name in named if re.search(r"TOKEN|KEY|PASSWORD|SECRET|DATABASE", name)}


def healthy(port: int) -> int:
    done = subprocess.run(
        [sys.executable, HEALTHY, str(port)], capture_output=True, check=False, timeout=120
    )
    return done.returncode


def test_health_is_asked_of_the_api(tmp_path: Path) -> None:
    from tests.served import serving

    with serving(tmp_path / "home", "--no-worker") as service:
        assert healthy(int(service.url.rpartition(":")[2])) == 0
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert healthy(unused.getsockname()[1]) != 0


def test_health_of_something_else_is_none() -> None:
    """A server that answers, but not as the API does."""
    import http.server
    import threading

    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        assert healthy(server.server_port) != 0
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("name", ["Dockerfile", "reel-healthy"])
def test_it_says_where_the_environment_is(name: str) -> None:
    text = (ROOT / "deploy" / "container" / name).read_text()
    assert "/opt/reelwright" in text
