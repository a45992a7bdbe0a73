"""What `make` does before anything is installed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TARGETS = {
    "help", "setup", "demo", "test", "test-faults", "test-cluster", "check", "bench", "fmt",
    "docs", "client", "clean",
}  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh copy without `.venv`, and an empty `bin` to put commands into."""
    for name in ["Makefile", "uv.lock", "pyproject.toml"]:
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / "bin").mkdir()
    return tmp_path


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{checkout / 'bin'}:/usr/bin:/bin"}
    for name in [name for name in environment if name.startswith(("MAKE", "MFLAGS"))]:
        del environment[name]
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )


def put(checkout: Path, name: str, script: str) -> None:
    path = checkout / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_make_alone_shows_every_target_with_its_help(checkout: Path) -> None:
    done = make(checkout)
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"^  make ([\w-]+) +\S", done.stdout, re.M)) == TARGETS
    assert not (checkout / ".venv").exists()


def test_without_a_fitting_python_the_message_says_what_to_install(checkout: Path) -> None:
    put(checkout, "python-old", "exit 1")
    done = make(checkout, "setup", "PYTHONS=python-old python-absent")
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert "apt install python3" in done.stderr
    assert not (checkout / ".venv").exists()


def test_an_interpreter_that_does_not_run_is_passed_over(checkout: Path) -> None:
    put(checkout, "python3.13", 'echo "pyenv: python3.13: command not found" >&2; exit 127')
    put(checkout, "python3.12", f'case "$1" in -c) exec {sys.executable} "$@";; esac\necho "$@"')
    done = make(checkout, ".venv/bin/uv")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "scripts/bootstrap.py .venv uv.lock\n"


def test_the_video_of_the_demo_may_have_spaces_in_its_name(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    for name in ["bin/uv", "bin/reel", ".ready"]:
        path = checkout / ".venv" / name
        path.write_text('#!/bin/sh\nprintf "<%s>" "$@"\n')
        path.chmod(0o755)
    assert make(checkout, "demo").stdout == "<demo>"
    assert make(checkout, "demo", "VIDEO=my first video.mp4").stdout == (
        "<demo><my first video.mp4>"
    )


def test_ci_ends_with_the_closing_line_of_pytest_and_its_exit_code(checkout: Path) -> None:
    (checkout / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", checkout / ".ci" / "run")
    closing = "=================== 1 failed, 2 passed in 3.21s (0:00:03) ==================="
    (checkout / "Makefile").write_text(
        "check:\n\t@test -d $$REEL_HOME && echo checked\n"
        f"test:\n\t@test -d $$REEL_HOME && echo '{closing}' && exit 1\n"
    )
    done = subprocess.run([checkout / ".ci" / "run"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    lines = done.stdout.splitlines()
    assert lines[0] == "checked"
    assert lines[-1] == closing
