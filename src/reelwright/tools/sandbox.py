"""What a command may read, write and use; the guard enforces it (Landlock, seccomp, rlimits)."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from reelwright.errors import Code, ReelError

# What FFmpeg opens beside its media: the loader's and fontconfig's files, clocks, processor counts
# (x265 and SVT-AV1 read /proc/cpuinfo). Where one is missing it is left out.
_LIBRARIES = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/nix/store",
    "/gnu/store",
)
_SYSTEM_READ = (
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/etc/fonts",
    "/etc/localtime",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self",
    "/sys/devices/system/cpu",
    "/usr/local/share/fonts",
    "/usr/share/fontconfig",
    "/usr/share/fonts",
    "/usr/share/zoneinfo",
    "/var/cache/fontconfig",
)
_SYSTEM_WRITE = ("/dev/null",)
_NETWORK_READ = (
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/ssl",
    "/etc/pki",
    "/run/systemd/resolve",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)
_FONTS = Path(__file__).resolve().parent.parent / "assets" / "fonts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """The files and resources that one command may use.

    `read` and `write` are files or whole folders that exist; symbolic links are followed when the
    rule is made, so what a link inside `write` points to is *not* allowed. `write` includes
    reading. `programs` are those that the command itself may start. `memory_bytes` bounds
    written-to memory (RLIMIT_DATA), `file_bytes` each written file. `required`: fail with
    SANDBOX_UNAVAILABLE on a kernel without Landlock, rather than run with the remaining walls.
    """

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    programs: tuple[Path, ...] = ()
    network: bool = False
    memory_bytes: int | None = None
    cpu_s: int | None = None
    file_bytes: int | None = None
    open_files: int = 1024
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxStatus:
    """`landlock_abi` 0: none. `files`, `network`, `signals`: whether each wall stands."""

    landlock_abi: int
    seccomp: bool
    files: bool
    network: bool
    signals: bool
    note: str


def landlock_abi() -> int:
    """The Landlock ABI of the running kernel; 0 where there is none."""
    from reelwright.tools import guard

    return guard.landlock_abi()


def sandbox_status() -> SandboxStatus:
    """What `reel doctor` says of the walls around each command."""
    import os

    from reelwright.tools import guard

    abi = landlock_abi()
    seccomp = sys.platform == "linux" and os.uname().machine in guard.CALLS
    notes = []
    if not abi:
        notes.append(
            "this kernel has no Landlock (Linux ≥ 5.13 with CONFIG_SECURITY_LANDLOCK): commands "
            "can read your files; demuxers and protocols are still pinned"
        )
    elif abi < 6:
        notes.append(f"Landlock ABI {abi}: files are walled off, signals are not (Linux ≥ 6.12)")
    return SandboxStatus(
        landlock_abi=abi,
        seccomp=seccomp,
        files=abi >= 1,
        network=abi >= 4 or seccomp,
        signals=abi >= 6,
        note="; ".join(notes) or f"Landlock ABI {abi}",
    )


def guard_limits(confinement: Confinement | None) -> dict[str, int]:
    """rlimits by the names of `resource`; no core dumps in any case."""
    limits = {"CORE": 0}
    if confinement is None:
        return limits
    limits["NOFILE"] = confinement.open_files
    wanted = {
        "DATA": confinement.memory_bytes,
        "CPU": confinement.cpu_s,
        "FSIZE": confinement.file_bytes,
    }
    return limits | {name: value for name, value in wanted.items() if value is not None}


def guard_rules(confinement: Confinement | None, executable: Path) -> dict[str, Any] | None:
    """The paths that the guard opens up for `executable`; None: no walls."""
    if confinement is None:
        return None
    needs = [_program(path) for path in (executable, *confinement.programs)]
    execute = dict.fromkeys(path for files, _ in needs for path in files)
    libraries = dict.fromkeys(path for _, folders in needs for path in folders)
    system = [*_SYSTEM_READ, str(_FONTS), *libraries]
    return {
        "read": [str(path) for path in confinement.read],
        "write": [str(path) for path in confinement.write],
        "execute": list(execute),
        "system_read": [*system, *_NETWORK_READ] if confinement.network else system,
        "system_write": list(_SYSTEM_WRITE),
        "network": confinement.network,
        "required": confinement.required,
    }


@lru_cache(maxsize=64)
def _program(executable: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which files must be executable, and which folders readable, to start this program."""
    binary = executable.resolve()
    try:
        with binary.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise ReelError(
            Code.TOOL_MISSING, f"{executable} cannot be read: {error.strerror}", where=str(binary)
        ) from error
    if head.startswith(b"#!"):
        script = head.splitlines()[0][2:].split()
        inner = _program(Path(script[0].decode("utf-8", "replace"))) if script else ((), ())
        return ((str(binary), *inner[0]), inner[1])
    loader = _loader(head)
    if loader is None:
        return ((str(binary),), ())
    # Binaries that bring their libraries look in ../lib ($ORIGIN): conda, Homebrew.
    return ((str(binary), loader), (*_LIBRARIES, str(binary.parent.parent / "lib")))


def _loader(head: bytes) -> str | None:
    """PT_INTERP of a 64-bit little-endian ELF file; None where it is static, or no ELF."""
    if head[:6] != b"\x7fELF\x02\x01":
        return None
    table, size, count = (
        int.from_bytes(head[at : at + width], "little") for at, width in ((32, 8), (54, 2), (56, 2))
    )
    for entry in (head[table + i * size : table + (i + 1) * size] for i in range(count)):
        if int.from_bytes(entry[:4], "little") == 3:
            offset, length = (int.from_bytes(entry[at : at + 8], "little") for at in (8, 32))
            return head[offset : offset + length].rstrip(b"\0").decode("ascii", "replace")
    return None
