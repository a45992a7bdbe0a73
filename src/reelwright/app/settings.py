# ruff: noqa: RUF009 - `setting` gives a dataclass field
"""What may be set, its defaults, and where each value comes from.

Defaults < TOML file < environment (``REEL_…``, sections with ``__``) < flags. The values are plain
frozen dataclasses: pydantic-settings costs 0.3 s of CPU to import, and is asked only where a file
or a variable says something that must be checked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from reelwright.app.settings_sections import (
    Archive,
    Auth,
    Cache,
    Cluster,
    Limits,
    Logs,
    Models,
    Observe,
    Probing,
    Retry,
    Serve,
    Webhooks,
    Youtube,
    setting,
)

PREFIX = "REEL_"
DEFAULT, FLAG = "default", "flag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. `home` None: the platform's folder for user data."""

    home: Path | None = setting(None, "where jobs, cache, logs and tools are kept")
    library: Path | None = setting(None, "where the archive keeps videos; default: `home`/library")
    database: str | None = setting(
        None, "URL of the store (postgresql://…); default: SQLite in `home`"
    )
    ffmpeg: Path | None = setting(None, "the ffmpeg to run; default: the one that came along")
    ffprobe: Path | None = setting(None, "the ffprobe to run; default: the one that came along")
    sandbox: str = setting(
        "auto",
        "walls around ffmpeg: auto (as the kernel can), on (refuse to run without), off",
        kind="choice",
        choices=("auto", "on", "off"),
    )
    grace_s: float = setting(5.0, "seconds between SIGINT and SIGKILL", ge=0, le=600)
    net_allow: str = setting(
        "", "networks besides the public ones that a service may connect to, 10.0.0.0/8,…"
    )
    server: str | None = setting(
        None, "service that commands ask in place of this machine, https://…; default: none"
    )
    limits: Limits = Limits()
    cache: Cache = Cache()
    logs: Logs = Logs()
    probe: Probing = Probing()
    retry: Retry = Retry()
    serve: Serve = Serve()
    auth: Auth = Auth()
    webhooks: Webhooks = Webhooks()
    observe: Observe = Observe()
    archive: Archive = Archive()
    youtube: Youtube = Youtube()
    models: Models = Models()
    cluster: Cluster = Cluster()


@dataclass(frozen=True, slots=True)
class Loaded:
    """`sources`: dotted name → where its value comes from; what is missing has its default."""

    settings: Settings
    sources: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None

    def source(self, name: str) -> str:
        return self.sources.get(name, DEFAULT)


def names(of: type[Any] = Settings, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names of all settings with their dataclass fields."""
    for entry in fields(of):
        if is_dataclass(entry.default):
            yield from names(type(entry.default), f"{prefix}{entry.name}.")
        else:
            yield prefix + entry.name, entry


def variable(name: str) -> str:
    """The environment's name of a setting: ``cache.limit_bytes`` → ``REEL_CACHE__LIMIT_BYTES``."""
    return PREFIX + name.replace(".", "__").upper()


def without_password(text: str) -> str:
    """The passwords of a URL as ``***``, also in its query, where PostgreSQL takes them too; any
    other text as it is."""
    import re

    text = re.sub(r"(://[^:/@]*):[^/]*@", r"\1:***@", text)
    return re.sub(r"([?&][a-z_]*password=)[^&#]*", r"\1***", text, flags=re.IGNORECASE)


def value_of(settings: Settings, name: str) -> Any:
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def config_file(environ: Mapping[str, str]) -> tuple[Path, bool]:
    """Where the file would be, and whether somebody named it (then it must exist)."""
    named = environ.get("REEL_CONFIG")
    if named:
        return Path(named).expanduser().absolute(), True
    base = Path(environ.get("XDG_CONFIG_HOME") or "")
    # The XDG specification: a relative path in the variable is to be ignored.
    folder = base if base.is_absolute() else Path.home() / ".config"
    return folder / "reelwright" / "config.toml", False


def load(
    flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Loaded:
    """`flags`: dotted name → value that was typed, already checked by the command line.

    Raises CONFIG_INVALID with the place: file and key, or the variable.
    """
    env = os.environ if environ is None else environ
    path, is_named = config_file(env)
    # Paths: nothing to check before they are used.
    plain = {"home", "library", "ffmpeg", "ffprobe"}
    told = {name for name, _ in names() if env.get(variable(name))}
    sections = tuple(f"{PREFIX}{name.partition('.')[0].upper()}__" for name, _ in names())
    if is_named or path.is_file() or told - plain or any(k.startswith(sections) for k in env):
        from reelwright.app.settings_sources import read

        loaded = read(path, is_named=is_named, environ=env)
    else:
        values: dict[str, Any] = {n: Path(env[variable(n)]).expanduser().absolute() for n in told}
        loaded = Loaded(Settings(**values), {name: variable(name) for name in told})
    return _with_flags(loaded, {k: v for k, v in (flags or {}).items() if v is not None})


def _with_flags(loaded: Loaded, flags: Mapping[str, Any]) -> Loaded:
    settings = loaded.settings
    for name, value in flags.items():
        section, _, key = name.rpartition(".")
        if section:
            inner = replace(getattr(settings, section), **{key: value})
            settings = replace(settings, **{section: inner})
        else:
            settings = replace(settings, **{key: value})
    return Loaded(settings, {**loaded.sources, **dict.fromkeys(flags, FLAG)}, loaded.file)
