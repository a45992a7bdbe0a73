# ruff: noqa: RUF009 - `_setting` gives a dataclass field
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

PREFIX = "REEL_"
DEFAULT, FLAG = "default", "flag"


def _setting(default: Any, about: str, **form: Any) -> Any:
    """`form`: ``ge`` and ``le``, and ``kind`` (``bytes``, ``url``, ``choice`` with ``choices``,
    ``secret``: it is shown nowhere)."""
    is_shown = form.get("kind") != "secret"
    return field(default=default, repr=is_shown, metadata={"about": about, **form})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What jobs may take of this machine together, and what a spec and an input may be."""

    cpus: float | None = _setting(
        None, "cores for running steps; default: those this process may use", ge=0.1, le=4096
    )
    memory_bytes: int | None = _setting(
        None, "memory for running steps; default: that of the machine or its cgroup", kind="bytes"
    )
    disk_bytes: int | None = _setting(
        None, "disk for running steps; default: what is free below `home`", kind="bytes"
    )
    spec_bytes: int = _setting(4 << 20, "the largest spec that is read", kind="bytes")
    operations: int = _setting(
        10_000, "operations of a spec, and inputs, and outputs", ge=1, le=1_000_000
    )
    max_pixels: int = _setting(
        1 << 28, "the largest picture that is decoded, in pixels", ge=1, le=1 << 34
    )
    fetch_bytes: int = _setting(64 << 30, "the largest download of a service", kind="bytes")
    fetch_s: float = _setting(
        21600.0, "seconds that a download of a service may take", ge=0.1, le=31_536_000
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    limit_bytes: int | None = _setting(
        None, "size limit of the cache, least recently used goes first; default: none", kind="bytes"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    keep_days: float = _setting(
        30.0, "days that logs of finished jobs, and the archive's, are kept", ge=0, le=36500
    )
    keep_lines: int = _setting(
        1_000_000, "lines that the log of the archive keeps", ge=1000, le=1_000_000_000
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    at_once: int = _setting(5, "how many inputs are probed at a time", ge=1, le=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    attempts: int = _setting(3, "tries at a step whose error may pass", ge=1, le=100)
    backoff_s: float = _setting(1.0, "bound of the first delay; doubles each time", ge=0, le=3600)
    backoff_max_s: float = _setting(60.0, "bound of every delay", ge=0, le=86400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """`reel serve`. Lists are written with commas."""

    host: str = _setting("127.0.0.1", "address that the API listens on")
    port: int = _setting(8000, "port of the API; 0: any that is free", ge=0, le=65535)
    origins: str = _setting("", "web origins that may call the API (CORS), https://a.example,…")
    proxies: str = _setting(
        "127.0.0.1,::1",
        "proxies whose X-Forwarded-For and -Proto are believed: addresses, networks; empty: none",
    )
    connections: int = _setting(
        8000, "connections at a time; later ones are answered with 503", ge=1, le=1_000_000
    )
    idle_s: float = _setting(
        30.0, "seconds that a request may be silent while it comes", ge=0.1, le=3600
    )
    body_bytes: int = _setting(8 << 20, "the largest request body but uploads", kind="bytes")
    upload_bytes: int = _setting(64 << 30, "the largest upload", kind="bytes")
    upload_hours: float = _setting(24.0, "hours that an unused upload is kept", ge=0.01, le=8760)
    unfinished_uploads: int = _setting(
        200, "uploads of one owner that are unfinished at a time", ge=1, le=1_000_000
    )
    upload_share: float = _setting(
        0.8, "part of the free disk that one owner's unfinished uploads may keep", ge=0.01, le=1
    )
    rate: str = _setting("6000/minute", "requests of one key; words of the library `limits`")
    rate_storage: str = _setting("memory://", "where requests are counted: memory://, redis://…")
    max_running: int | None = _setting(
        None, "jobs of one key that run at a time; default: no limit", ge=1, le=1_000_000
    )
    max_bytes: int | None = _setting(
        None,
        "bytes that the uploads and results of one owner may take; default: no limit",
        kind="bytes",
    )
    keep_days: float | None = _setting(
        None,
        "days that a job that has ended is kept, with its own folder; default: for ever",
        ge=0.001,
        le=36500,
    )
    session_hours: float = _setting(168.0, "hours that a browser session lives", ge=0.01, le=8760)
    idempotency_hours: float = _setting(24.0, "hours that an Idempotency-Key counts", ge=1, le=720)
    drain_s: float = _setting(30.0, "seconds that running steps get at shutdown", ge=0, le=86400)
    public_metrics: bool = _setting(False, "/metrics answers without a token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Tokens of others: JWT of an OpenID Connect issuer. Keys and the local token need nothing."""

    issuer: str | None = _setting(
        None, "issuer of JWTs, https://login.example; default: none", kind="url"
    )
    audience: str = _setting("reelwright", "`aud` that a JWT must have")
    owner_claim: str = _setting("sub", "claim that names the owner of what its bearer makes")
    role_claim: str = _setting("role", "claim that holds viewer, editor or admin (or a list)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    timeout_s: float = _setting(15.0, "seconds that a receiver has to answer", ge=0.1, le=300)
    keep_days: float = _setting(30.0, "days that messages are kept", ge=0, le=36500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe:
    log_level: str = _setting(
        "info",
        "what the service logs",
        kind="choice",
        choices=("debug", "info", "warning", "error"),
    )
    log_bytes: int = _setting(20_000_000, "size at which a log file is rotated", kind="bytes")
    log_files: int = _setting(5, "rotated log files that are kept", ge=1, le=1000)
    otlp: str | None = _setting(
        None, "OTLP/HTTP endpoint for traces, http://collector:4318; default: no traces", kind="url"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """`reel archive`, `reel follow` and the library. Most can be said for each command too."""

    template: str = _setting(
        "{channel}/{upload_date} - {title} [{id}]", "folder of an asset, in the library"
    )
    profile: str = _setting("best", "quality: best, 2160p, 1080p, 720p, 480p, audio, …")
    languages: str = _setting("", "languages of captions: en,de,… or all; default: none")
    auto_captions: bool = _setting(False, "captions that a machine made, where no others are")
    cookies: Path | None = _setting(None, "cookies file (Netscape's format); default: none")
    proxy: str | None = _setting(None, "proxy for downloads, http://…; default: none")
    user_agent: str | None = _setting(None, "User-Agent for downloads; default: yt-dlp's")
    at_once: int = _setting(3, "videos that are fetched at a time", ge=1, le=64)
    per_hour: float = _setting(
        300.0, "videos an hour from one site, all jobs together", ge=0.1, le=1_000_000
    )
    budgets: str = _setting("", "other budgets, by site: example.org=60,cdn.example=1000 (an hour)")
    sleep_s: float = _setting(0.0, "seconds between requests to a site", ge=0, le=3600)
    attempts: int = _setting(5, "times that a failed video is tried again by itself", ge=0, le=1000)
    keep_free_bytes: int = _setting(1 << 30, "disk space that downloads leave free", kind="bytes")
    verify_days: float = _setting(
        0.0, "days after which a service reads every file again; 0: it does not", ge=0, le=3650
    )
    check_days: float = _setting(
        0.0, "days after which a service asks the origins again; 0: it does not", ge=0, le=3650
    )
    nfo: bool = _setting(True, "write NFO files for Jellyfin, Kodi and Plex")
    sponsorblock: str | None = _setting(
        None, "address of a SponsorBlock API; default: that of yt-dlp", kind="url"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Youtube:
    """The YouTube Data API v3, a source of metadata."""

    key: str | None = _setting(
        None, "key of the YouTube Data API v3; default: it is not asked", kind="secret"
    )
    url: str = _setting("https://www.googleapis.com/youtube/v3", "where the API is", kind="url")
    units: int = _setting(10_000, "units of quota a day", ge=1, le=1_000_000_000)
    searches: int = _setting(100, "calls of search.list a day", ge=0, le=1_000_000)
    cache_hours: float = _setting(24.0, "hours that an answer counts", ge=0, le=8760)


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Which models are asked, in order, with commas: ``provider:model`` or a provider alone.
    Left out: what is installed and needs no network."""

    speech: str = _setting("", "onnx-asr:…, faster-whisper:…, openai:…, pocketsphinx")
    ocr: str = _setting("", "rapidocr, or a vision model")
    text_embedding: str = _setting("", "minilm, openai:…, ollama:…")
    image_embedding: str = _setting("", "clip:FOLDER (ONNX); default: none")
    vision: str = _setting("", "openai:…, anthropic:…, google:…, local:…; default: none")
    language: str = _setting("", "openai:…, anthropic:…, google:…, local:…; default: extractive")
    voice: str = _setting("", "openai:…, espeak-ng")
    folder: Path | None = _setting(None, "where weights are; default: `home`/models")
    local_url: str | None = _setting(
        None, "an OpenAI-compatible server (Ollama, vLLM) that `local:` names", kind="url"
    )
    local_key: str | None = _setting(None, "its key, where it wants one", kind="secret")
    openai_key: str | None = _setting(None, "key of OpenAI", kind="secret")
    openai_url: str = _setting("https://api.openai.com/v1", "where OpenAI is", kind="url")
    anthropic_key: str | None = _setting(None, "key of Anthropic", kind="secret")
    anthropic_url: str = _setting("https://api.anthropic.com", "where Anthropic is", kind="url")
    google_key: str | None = _setting(None, "key of Google's Gemini API", kind="secret")
    google_url: str = _setting(
        "https://generativelanguage.googleapis.com", "where the Gemini API is", kind="url"
    )
    gateways: str = _setting(
        "",
        "providers whose address is your own and leads to what costs (LiteLLM): openai,…; what is"
        " not named is free there",
    )
    at_once: int = _setting(4, "calls of one hosted model at a time", ge=1, le=1000)
    per_minute: float = _setting(
        600.0, "calls a minute of one hosted model, all jobs together", ge=0.1, le=1_000_000
    )
    timeout_s: float = _setting(120.0, "seconds that a model has to answer", ge=0.1, le=3600)
    attempts: int = _setting(3, "tries at a call whose error may pass", ge=1, le=20)
    cache_days: float = _setting(90.0, "days that an answer is remembered", ge=0, le=36500)
    idle_s: float = _setting(300.0, "seconds that an unused model stays loaded", ge=0, le=86400)
    job_budget_usd: float | None = _setting(
        None, "most that the models of one job may cost, in US dollars; default: no limit", ge=0
    )
    day_budget_usd: float | None = _setting(
        None, "most that models may cost a day (UTC); default: no limit", ge=0
    )
    library_budget_usd: float | None = _setting(
        None, "most that models may cost in all; default: no limit", ge=0
    )
    prompts: Path | None = _setting(None, "folder with prompts of your own; default: none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. `home` None: the platform's folder for user data."""

    home: Path | None = _setting(None, "where jobs, cache, logs and tools are kept")
    library: Path | None = _setting(None, "where the archive keeps videos; default: `home`/library")
    database: str | None = _setting(
        None, "URL of the store (postgresql://…); default: SQLite in `home`"
    )
    ffmpeg: Path | None = _setting(None, "the ffmpeg to run; default: the one that came along")
    ffprobe: Path | None = _setting(None, "the ffprobe to run; default: the one that came along")
    sandbox: str = _setting(
        "auto",
        "walls around ffmpeg: auto (as the kernel can), on (refuse to run without), off",
        kind="choice",
        choices=("auto", "on", "off"),
    )
    grace_s: float = _setting(5.0, "seconds between SIGINT and SIGKILL", ge=0, le=600)
    net_allow: str = _setting(
        "", "networks besides the public ones that a service may connect to, 10.0.0.0/8,…"
    )
    server: str | None = _setting(
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
