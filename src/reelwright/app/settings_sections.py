# ruff: noqa: RUF009 - `setting` gives a dataclass field
"""The sections of the settings: what may be set of each part, and its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def setting(default: Any, about: str, **form: Any) -> Any:
    """`form`: ``ge`` and ``le``, and ``kind`` (``bytes``, ``url``, ``choice`` with ``choices``,
    ``secret``: it is shown nowhere)."""
    is_shown = form.get("kind") != "secret"
    return field(default=default, repr=is_shown, metadata={"about": about, **form})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What jobs may take of this machine together, and what a spec and an input may be."""

    cpus: float | None = setting(
        None, "cores for running steps; default: those this process may use", ge=0.1, le=4096
    )
    memory_bytes: int | None = setting(
        None, "memory for running steps; default: that of the machine or its cgroup", kind="bytes"
    )
    disk_bytes: int | None = setting(
        None, "disk for running steps; default: what is free below `home`", kind="bytes"
    )
    spec_bytes: int = setting(4 << 20, "the largest spec that is read", kind="bytes")
    operations: int = setting(
        10_000, "operations of a spec, and inputs, and outputs", ge=1, le=1_000_000
    )
    threads: int | None = setting(
        None,
        "threads of a command; default: the cores of this machine, or of the smallest node of a"
        " cluster, 16 at the most; the bytes of an encode depend on it",
        ge=1,
        le=64,
    )
    shards: int | None = setting(
        None,
        "parts that a long encode is cut into at the most; default: as many as run at once, here or"
        " on the nodes of a cluster; the bytes of an encode depend on it",
        ge=1,
        le=10_000,
    )
    max_pixels: int = setting(
        1 << 28, "the largest picture that is decoded, in pixels", ge=1, le=1 << 34
    )
    fetch_bytes: int = setting(64 << 30, "the largest download of a service", kind="bytes")
    fetch_s: float = setting(
        21600.0, "seconds that a download of a service may take", ge=0.1, le=31_536_000
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    limit_bytes: int | None = setting(
        None, "size limit of the cache, least recently used goes first; default: none", kind="bytes"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    keep_days: float = setting(
        30.0, "days that logs of finished jobs, and the archive's, are kept", ge=0, le=36500
    )
    keep_lines: int = setting(
        1_000_000, "lines that the log of the archive keeps", ge=1000, le=1_000_000_000
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    at_once: int = setting(5, "how many inputs are probed at a time", ge=1, le=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    attempts: int = setting(3, "tries at a step whose error may pass", ge=1, le=100)
    backoff_s: float = setting(1.0, "bound of the first delay; doubles each time", ge=0, le=3600)
    backoff_max_s: float = setting(60.0, "bound of every delay", ge=0, le=86400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """`reel serve`. Lists are written with commas."""

    host: str = setting("127.0.0.1", "address that the API listens on")
    port: int = setting(8000, "port of the API; 0: any that is free", ge=0, le=65535)
    origins: str = setting("", "web origins that may call the API (CORS), https://a.example,…")
    proxies: str = setting(
        "127.0.0.1,::1",
        "proxies whose X-Forwarded-For and -Proto are believed: addresses, networks; empty: none",
    )
    connections: int = setting(
        8000, "connections at a time; later ones are answered with 503", ge=1, le=1_000_000
    )
    idle_s: float = setting(
        30.0, "seconds that a request may be silent while it comes", ge=0.1, le=3600
    )
    body_bytes: int = setting(8 << 20, "the largest request body but uploads", kind="bytes")
    upload_bytes: int = setting(64 << 30, "the largest upload", kind="bytes")
    upload_hours: float = setting(24.0, "hours that an unused upload is kept", ge=0.01, le=8760)
    unfinished_uploads: int = setting(
        200, "uploads of one owner that are unfinished at a time", ge=1, le=1_000_000
    )
    upload_share: float = setting(
        0.8, "part of the free disk that one owner's unfinished uploads may keep", ge=0.01, le=1
    )
    rate: str = setting("6000/minute", "requests of one key; words of the library `limits`")
    rate_storage: str = setting("memory://", "where requests are counted: memory://, redis://…")
    max_running: int | None = setting(
        None, "jobs of one key that run at a time; default: no limit", ge=1, le=1_000_000
    )
    max_bytes: int | None = setting(
        None,
        "bytes that the uploads and results of one owner may take; default: no limit",
        kind="bytes",
    )
    keep_days: float | None = setting(
        None,
        "days that a job that has ended is kept, with its own folder; default: for ever",
        ge=0.001,
        le=36500,
    )
    session_hours: float = setting(168.0, "hours that a browser session lives", ge=0.01, le=8760)
    idempotency_hours: float = setting(24.0, "hours that an Idempotency-Key counts", ge=1, le=720)
    drain_s: float = setting(30.0, "seconds that running steps get at shutdown", ge=0, le=86400)
    public_metrics: bool = setting(False, "/metrics answers without a token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Tokens of others: JWT of an OpenID Connect issuer. Keys and the local token need nothing."""

    issuer: str | None = setting(
        None, "issuer of JWTs, https://login.example; default: none", kind="url"
    )
    audience: str = setting("reelwright", "`aud` that a JWT must have")
    owner_claim: str = setting("sub", "claim that names the owner of what its bearer makes")
    role_claim: str = setting("role", "claim that holds viewer, editor or admin (or a list)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    timeout_s: float = setting(15.0, "seconds that a receiver has to answer", ge=0.1, le=300)
    keep_days: float = setting(30.0, "days that messages are kept", ge=0, le=36500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe:
    log_level: str = setting(
        "info",
        "what the service logs",
        kind="choice",
        choices=("debug", "info", "warning", "error"),
    )
    log_bytes: int = setting(20_000_000, "size at which a log file is rotated", kind="bytes")
    log_files: int = setting(5, "rotated log files that are kept", ge=1, le=1000)
    otlp: str | None = setting(
        None, "OTLP/HTTP endpoint for traces, http://collector:4318; default: no traces", kind="url"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """`reel archive`, `reel follow` and the library. Most can be said for each command too."""

    template: str = setting(
        "{channel}/{upload_date} - {title} [{id}]", "folder of an asset, in the library"
    )
    profile: str = setting("best", "quality: best, 2160p, 1080p, 720p, 480p, audio, …")
    languages: str = setting("", "languages of captions: en,de,… or all; default: none")
    auto_captions: bool = setting(False, "captions that a machine made, where no others are")
    cookies: Path | None = setting(None, "cookies file (Netscape's format); default: none")
    proxy: str | None = setting(None, "proxy for downloads, http://…; default: none")
    user_agent: str | None = setting(None, "User-Agent for downloads; default: yt-dlp's")
    at_once: int = setting(3, "videos that are fetched at a time", ge=1, le=64)
    per_hour: float = setting(
        300.0, "videos an hour from one site, all jobs together", ge=0.1, le=1_000_000
    )
    budgets: str = setting("", "other budgets, by site: example.org=60,cdn.example=1000 (an hour)")
    sleep_s: float = setting(0.0, "seconds between requests to a site", ge=0, le=3600)
    attempts: int = setting(5, "times that a failed video is tried again by itself", ge=0, le=1000)
    keep_free_bytes: int = setting(1 << 30, "disk space that downloads leave free", kind="bytes")
    verify_days: float = setting(
        0.0, "days after which a service reads every file again; 0: it does not", ge=0, le=3650
    )
    check_days: float = setting(
        0.0, "days after which a service asks the origins again; 0: it does not", ge=0, le=3650
    )
    nfo: bool = setting(True, "write NFO files for Jellyfin, Kodi and Plex")
    sponsorblock: str | None = setting(
        None, "address of a SponsorBlock API; default: that of yt-dlp", kind="url"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Youtube:
    """The YouTube Data API v3, a source of metadata."""

    key: str | None = setting(
        None, "key of the YouTube Data API v3; default: it is not asked", kind="secret"
    )
    url: str = setting("https://www.googleapis.com/youtube/v3", "where the API is", kind="url")
    units: int = setting(10_000, "units of quota a day", ge=1, le=1_000_000_000)
    searches: int = setting(100, "calls of search.list a day", ge=0, le=1_000_000)
    cache_hours: float = setting(24.0, "hours that an answer counts", ge=0, le=8760)


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Which models are asked, in order, with commas: ``provider:model`` or a provider alone.
    Left out: what is installed and needs no network."""

    speech: str = setting("", "onnx-asr:…, faster-whisper:…, openai:…, pocketsphinx")
    ocr: str = setting("", "rapidocr, or a vision model")
    text_embedding: str = setting("", "minilm, openai:…, ollama:…")
    image_embedding: str = setting("", "clip:FOLDER (ONNX); default: none")
    vision: str = setting("", "openai:…, anthropic:…, google:…, local:…; default: none")
    language: str = setting("", "openai:…, anthropic:…, google:…, local:…; default: extractive")
    voice: str = setting("", "openai:…, espeak-ng")
    folder: Path | None = setting(None, "where weights are; default: `home`/models")
    local_url: str | None = setting(
        None, "an OpenAI-compatible server (Ollama, vLLM) that `local:` names", kind="url"
    )
    local_key: str | None = setting(None, "its key, where it wants one", kind="secret")
    openai_key: str | None = setting(None, "key of OpenAI", kind="secret")
    openai_url: str = setting("https://api.openai.com/v1", "where OpenAI is", kind="url")
    anthropic_key: str | None = setting(None, "key of Anthropic", kind="secret")
    anthropic_url: str = setting("https://api.anthropic.com", "where Anthropic is", kind="url")
    google_key: str | None = setting(None, "key of Google's Gemini API", kind="secret")
    google_url: str = setting(
        "https://generativelanguage.googleapis.com", "where the Gemini API is", kind="url"
    )
    gateways: str = setting(
        "",
        "providers whose address is your own and leads to what costs (LiteLLM): openai,…; what is"
        " not named is free there",
    )
    at_once: int = setting(4, "calls of one hosted model at a time", ge=1, le=1000)
    per_minute: float = setting(
        600.0, "calls a minute of one hosted model, all jobs together", ge=0.1, le=1_000_000
    )
    timeout_s: float = setting(120.0, "seconds that a model has to answer", ge=0.1, le=3600)
    attempts: int = setting(3, "tries at a call whose error may pass", ge=1, le=20)
    cache_days: float = setting(90.0, "days that an answer is remembered", ge=0, le=36500)
    keep_days: float = setting(
        365.0, "days that the record of a call is kept; its cost stays in the sums", ge=1, le=36500
    )
    idle_s: float = setting(300.0, "seconds that an unused model stays loaded", ge=0, le=86400)
    job_budget_usd: float | None = setting(
        None, "most that the models of one job may cost, in US dollars; default: no limit", ge=0
    )
    day_budget_usd: float | None = setting(
        None, "most that models may cost a day (UTC); default: no limit", ge=0
    )
    library_budget_usd: float | None = setting(
        None, "most that models may cost in all; default: no limit", ge=0
    )
    prompts: Path | None = setting(None, "folder with prompts of your own; default: none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Many machines: where steps run, and through what their nodes share artifacts. A node reads
    its own settings, of the database and of this section, from its own environment and file."""

    engine: str = setting(
        "local",
        "where steps run: local (this machine), ray (the nodes of a cluster)",
        kind="choice",
        choices=("local", "ray"),
    )
    address: str | None = setting(
        None, "the head of the Ray cluster, host:port; default: the cluster of this machine"
    )
    token_file: Path | None = setting(
        None, "file with the token of the cluster; default: `home`/cluster/token"
    )
    namespace: str = setting("reelwright", "namespace of our actors; one for each service")
    artifacts: str | None = setting(
        None, "what all nodes read and write: s3://bucket/prefix, gs://…, az://…, a shared folder"
    )
    shared: str = setting(
        "", "folders that every node sees under the same path, with commas: /mnt/media,…"
    )
    artifacts_s: float = setting(
        60.0,
        "seconds without progress after which the store of artifacts counts as away; steps wait for"
        " it then",
        ge=1,
        le=3600,
    )
    cache_bytes: int = setting(
        20 << 30, "artifacts that a node keeps near, least recently used goes first", kind="bytes"
    )
    short_s: float = setting(
        2.0, "steps that should take less run beside the dispatcher, where there is room", ge=0
    )
    home_cpus: float | None = setting(
        None,
        "cores of the dispatcher's machine for steps; default: a quarter, 1 at the least",
        ge=0.1,
    )
    idle_s: float | None = setting(
        None,
        "seconds without a step after which a node is let go, so that an autoscaler may take it"
        " away; it is back when something waits; default: never",
        ge=1,
        le=86400,
    )
    model_copies: int = setting(
        4,
        "actors that one model may have loaded at a time; 0: each node loads its own",
        ge=0,
        le=1000,
    )
    model_least: int = setting(0, "actors of a model that stay loaded when idle", ge=0, le=1000)
    model_batch: int = setting(
        32,
        "texts or pictures of several steps that a model is asked for together; 1: never",
        ge=1,
        le=4096,
    )
    model_cpus: float = setting(
        0.0,
        "cores that an actor of a model takes for itself; 0: the steps that ask hold them",
        ge=0,
        le=4096,
    )
    model_memory_bytes: int = setting(
        0, "memory that an actor of a model takes for itself; 0: as for cores", kind="bytes"
    )
    model_gpus: float = setting(
        0.0, "GPUs, or a part of one, that an actor of a model takes", ge=0, le=64
    )
