"""Makes the virtual environment and puts uv into it, with the standard library alone.

Debian and Ubuntu leave `ensurepip` out of Python unless python3-venv is installed, which needs
root. There the wheel of uv that uv.lock pins is downloaded, checked against its hash and unpacked.
"""

import hashlib
import importlib.util
import io
import platform
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

DOWNLOAD_TIMEOUT_S = 60


class BootstrapError(Exception):
    """Setting up cannot go on; the message says what a person can do."""


def main(venv: Path, lock: Path) -> None:
    """Leaves a working `bin/python` and `bin/uv` in `venv`. Raises BootstrapError."""
    print(f"Setting up {venv} with Python {platform.python_version()} ({sys.executable}) ...")
    make_environment(venv)
    pinned = pinned_uv(lock)
    if not install_with_pip(venv, pinned["version"]):
        wheel = pick_wheel(pinned["wheels"], platform.system(), platform.machine(), is_musl())
        unpack_uv(download(wheel["url"], wheel["hash"]), venv / "bin" / "uv")
    if not runs(venv / "bin" / "uv", "--version"):
        raise BootstrapError(f"{venv / 'bin' / 'uv'} does not run on this machine")


def make_environment(venv: Path) -> None:
    """Makes the environment anew, with pip where this Python carries it."""
    if importlib.util.find_spec("venv") is None:
        raise BootstrapError(
            f"{sys.executable} has no 'venv' module; on Debian/Ubuntu: apt install python3-venv"
        )
    pip = [] if importlib.util.find_spec("ensurepip") else ["--without-pip"]
    command = [sys.executable, "-m", "venv", "--clear", *pip, str(venv)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BootstrapError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def pinned_uv(lock: Path) -> dict[str, Any]:
    """The lock file's entry for uv: `version` and `wheels` (`url`, `hash`)."""
    packages = tomllib.loads(lock.read_text(encoding="utf-8"))["package"]
    return next(package for package in packages if package["name"] == "uv")


def install_with_pip(venv: Path, version: str) -> bool:
    """Whether pip did it. It comes first because it knows the user's mirrors and proxies."""
    command = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={version}"]
    return runs(venv / "bin" / "python", *command)


def runs(program: Path, *arguments: str) -> bool:
    try:
        done = subprocess.run([program, *arguments], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def is_musl() -> bool:
    return platform.system() == "Linux" and platform.libc_ver()[0] != "glibc"


def pick_wheel(
    wheels: list[dict[str, Any]], system: str, machine: str, musl: bool
) -> dict[str, Any]:
    """The wheel for this machine. Raises BootstrapError where uv publishes none."""
    kind = {"Darwin": "macosx", "Linux": "musllinux" if musl else "manylinux"}.get(system)
    machine = {"aarch64": "arm64"}.get(machine, machine) if system == "Darwin" else machine
    for wheel in wheels:
        tag = PurePosixPath(wheel["url"]).stem.rpartition("-")[2]
        if kind and any(t.startswith(kind) and t.endswith(f"_{machine}") for t in tag.split(".")):
            return wheel
    raise BootstrapError(
        f"uv has no wheel for {system} on {machine}; make {sys.executable} -m pip work and retry"
    )


def download(url: str, expected: str) -> bytes:
    """The bytes at `url`, whose hash is `expected` (``sha256:…``). Raises BootstrapError."""
    try:
        with urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_S) as answer:
            data: bytes = answer.read()
    except (urllib.error.URLError, OSError) as error:
        raise BootstrapError(f"cannot download {url}: {error}") from error
    found = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if found != expected:
        raise BootstrapError(f"{url} is not what uv.lock expects: {found}, not {expected}")
    return data


def unpack_uv(wheel: bytes, target: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".data/scripts/uv"))
        target.write_bytes(archive.read(name))
    target.chmod(0o755)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except BootstrapError as error:
        sys.exit(f"Setting up failed: {error}")
