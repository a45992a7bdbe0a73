"""What the routes of the archive take and answer with."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from reelwright.api.models import Fault, Id, Model, Sha256, Time

EntryState = Literal["pending", "queued", "held", "failed", "gone", "skipped"]
SourceState = Literal["waiting", "listing", "listed", "failed"]
AssetState = Literal["held", "incomplete", "damaged", "missing"]
OriginState = Literal["there", "gone", "not_found", "restricted", "unknown"]
SortBy = Literal["added", "published", "title", "channel", "duration", "size"]
Does = Literal["itself", "run", "person", "nothing"]

_CAUSES = (
    "login|region|format|disk|settings|damaged|understanding|rest|upcoming|network|extractor|media|"
    "tool|cancelled|drm|gone|only-here|other"
)
CauseName = Annotated[str, Field(pattern=f"^({_CAUSES})$")]
# Of the work plan: cause, kind and id of the last item.
CURSOR = rf"^({_CAUSES})/(disk|host|quota|source|entry|asset|understanding)/[^\x00-\x20]{{1,300}}$"
Word = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Url = Annotated[
    str, Field(pattern=r"^[^\x00-\x20\x7f]{1,4096}$", examples=["https://example.org/feed.xml"])
]
Day = Annotated[
    str, Field(max_length=10, examples=["2026-11-21"], json_schema_extra={"format": "date"})
]
Schedule = Annotated[
    str,
    Field(
        pattern=r"^[0-9A-Za-z*,/#. +-]{2,100}$",
        description="An interval (30m, 6h, 1d, 1w), or five cron fields in the service's time.",
        examples=["6h"],
    ),
]


def _whole(value: object) -> object:
    """JSON has one kind of numbers: 3.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)
Number = Annotated[int, Field(ge=1, le=1_000_000), Whole]
Bytes = Annotated[int, Field(ge=1, le=2**53 - 1), Whole]


class Options(Model):
    """How it is fetched, and what of a list; what is left out is as the service's settings say."""

    profile: Word | None = Field(None, description="best, 2160p, 1080p, 720p, 480p, audio, …")
    format: Word | None = Field(None, description="A selector of yt-dlp, without a profile.")
    codec: Literal["h264", "av1", "vp9", "hevc"] | None = None
    container: Literal["mp4", "mkv", "webm"] | None = None
    languages: list[Word] | None = Field(
        None, max_length=50, description="Of captions: en, de.*, all; none: no captions."
    )
    auto_captions: bool | None = None
    caption_formats: list[Word] | None = Field(None, max_length=8)
    thumbnail: bool | None = None
    comments: Number | None = Field(None, description="So many at the most.")
    live_chat: bool | None = None
    sponsorblock: list[Word] | None = Field(None, max_length=16)
    template: Word | None = Field(None, description="Of the folder, in the library.")
    nfo: bool | None = None
    cookies: str | None = Field(
        None,
        pattern=r"^/[^\x00]{1,4095}$",
        description="A cookies file on the service, in a folder that the key may read.",
    )
    user_agent: Word | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    sleep_s: float | None = Field(None, ge=0, le=3600)
    max_rate_bytes: Bytes | None = Field(None, description="A second.")
    max_bytes: Bytes | None = Field(None, description="Larger videos are refused.")
    limit: Number | None = Field(None, description="The first so many of a list.")
    after: Day | None = Field(None, description="Published on that day (UTC) or later.")
    before: Day | None = Field(None, description="Published on that day (UTC) or earlier.")
    match: Annotated[str, Field(max_length=500)] | None = Field(
        None, description="A regular expression that the title has."
    )
    reject: Annotated[str, Field(max_length=500)] | None = Field(
        None, description="A regular expression that the title has not."
    )
    order: Literal["listed", "newest", "oldest"] | None = None
    refresh: bool | None = Field(None, description="Fetch again what is held.")
    understand: bool | None = Field(
        None, description="Make it searchable by what is said, shown and written in it."
    )


class ArchiveRequest(Model):
    urls: list[Url] = Field(
        min_length=1, max_length=1000, description="Of videos, playlists, channels and feeds."
    )
    options: Options = Options()
    retry_gone: bool = Field(False, description="Also ask again for what was gone at its origin.")


class SubscriptionRequest(Model):
    url: Url = Field(description="Of a playlist, channel or feed.")
    schedule: Schedule = "1d"
    options: Options = Options()


class SubscriptionChange(Model):
    """What is left out stays as it is."""

    schedule: Schedule | None = None
    enabled: bool | None = None


class Source(Model):
    id: Id
    url: str
    kind: str = Field(description="single, playlist, channel, feed; unknown until it is read.")
    title: str | None
    owner: str
    schedule: str | None = Field(description="null: it was asked for once.")
    enabled: bool
    state: SourceState = Field(description="Of its list.")
    options: dict[str, Any] = Field(description="Those that were said.")
    entries: dict[str, int] = Field(description="How many are in each state.")
    created_at: Time
    listed_at: Time | None
    next_at: Time | None = Field(description="When it is listed again by itself.")
    error: Fault | None = Field(description="Why its list could not be read.")


class Sources(Model):
    sources: list[Source]
    next: str | None = Field(description="`cursor` of the next page; null on the last.")


class Asked(Model):
    sources: list[Source] = Field(description="In the order of the addresses.")
    at: Time = Field(description="The service's clock: what was held before was so already.")


class Subscriptions(Model):
    subscriptions: list[Source] = Field(description="The newest first.")
    next: str | None = Field(description="`cursor` of the next page; null on the last.")


class Entry(Model):
    id: Id
    source: Id
    position: int
    url: str
    title: str | None
    published_at: Time | None
    duration_s: float | None
    state: EntryState
    code: str | None = Field(description="Why it is not held.")
    error: Fault | None
    job: Id | None
    asset: Id | None
    tries: int
    changed_at: Time
    next_at: Time | None = Field(description="When it is tried again by itself.")
    path: str | None = Field(description="Of its video, on the service.")


class Entries(Model):
    entries: list[Entry] = Field(description="In the order of the list.")
    next: str | None = Field(description="`cursor` of the next page; null on the last.")


class Asset(Model):
    id: Id
    key: str = Field(description="Its identity at the origin.")
    title: str
    channel: str | None
    channel_id: str | None
    url: str | None
    extractor: str
    host: str
    native_id: str | None
    published_at: Time | None
    duration_s: float | None
    language: str | None
    state: AssetState
    origin: str = Field(description="What its origin said last: there, gone, restricted, …")
    sha256: Sha256 | None = Field(description="Of its newest video.")
    bytes: int
    created_at: Time
    changed_at: Time
    verified_at: Time | None
    origin_checked_at: Time | None
    folder: str = Field(description="On the service.")
    path: str | None = Field(description="Of its newest video, on the service.")


class ListedAsset(Asset):
    captions: list[str] = Field(description="Their languages.")


class Assets(Model):
    assets: list[ListedAsset]
    next: str | None = Field(description="`cursor` of the next page; null on the last.")


class Totals(Model):
    assets: int
    files: int
    bytes: int


class Library(Model):
    library: str = Field(description="Its folder, on the service.")
    total: Totals


class AssetFile(Model):
    path: str = Field(description="In the asset's folder; `files/{path}` downloads it.")
    role: str
    version: int
    format: str
    language: str | None
    kind: str | None = Field(description="Of captions: human or auto.")
    sha256: Sha256
    bytes: int
    state: str
    checked_at: Time | None


class OriginCheck(Model):
    outcome: str
    code: str | None
    at: Time
    url: str


class AssetDetails(Asset):
    files: list[AssetFile]
    chapters: list[dict[str, Any]]
    info: dict[str, Any] = Field(description="What its site says of it.")
    media: dict[str, Any] | None = Field(description="What was found in its newest video.")
    checks: list[OriginCheck] = Field(description="What its origin has said, the newest first.")


class RemovedAsset(Model):
    asset: Id
    files: int
    bytes: int


class CaptionHit(Model):
    asset: Id
    title: str
    channel: str | None
    url: str | None
    published_at: Time | None
    captions: str = Field(description="The captions' path in the asset's folder.")
    language: str | None
    start_s: float
    end_s: float
    snippet: str = Field(description="What was looked for stands between [ and ].")
    text: str
    score: float = Field(description="Compares hits of one search.")


class CaptionHits(Model):
    words: str
    hits: list[CaptionHit]


class Disk(Model):
    folder: str
    free_bytes: int
    total_bytes: int
    reserved_bytes: int = Field(description="What running steps will still write.")
    keep_free_bytes: int
    room_bytes: int
    free_inodes: int | None
    writable: bool


class StorageCheck(Model):
    ok: bool
    path: str | None
    wanted_bytes: int
    disks: list[Disk]
    problem: Fault | None


class StoragePath(Model):
    library: str
    folder: str | None
    file: str | None
    exists: bool


class CauseCount(Model):
    cause: str
    title: str
    does: Does = Field(description="Who acts next.")
    action: str
    count: int


class PlanItem(Model):
    id: str
    kind: Literal["entry", "source", "asset", "understanding", "host", "quota", "disk"]
    cause: str
    state: str
    url: str | None
    title: str | None
    host: str | None
    source: Id | None
    asset: Id | None
    job: Id | None
    code: str | None
    message: str
    evidence: dict[str, Any]
    action: str = Field(description="What helps.")
    does: Does
    tries: int
    at: Time | None
    next_at: Time | None = Field(description="When it is tried again by itself.")
    skipped: dict[str, Any] | None = Field(description="Who took it off the plan, and why.")


class WorkPlan(Model):
    made_at: Time
    total: int
    causes: list[CauseCount] = Field(description="All that there are, in their order.")
    items: list[PlanItem] = Field(description="Some of it, cause by cause.")
    next: str | None = Field(description="`cursor` of the next page; null on the last.")


class RunRequest(Model):
    """What of the plan; what is named is tried also where it would be left."""

    causes: list[CauseName] = Field([], max_length=32)
    ids: list[Word] | None = Field(None, max_length=1000, min_length=1)
    source: Id | None = None
    host: Word | None = None
    dry_run: bool = False


class RunItem(Model):
    id: str
    kind: str
    cause: str
    url: str | None
    title: str | None
    act: Literal["fetch", "list", "wake", "understand", "repair", "leave"]
    because: str


class RunAnswer(Model):
    at: Time = Field(description="The service's clock, before anything was tried.")
    tried: int
    left: int
    causes: dict[str, dict[str, int]] = Field(description="How many of each act, by cause.")
    sources: list[Id] = Field(description="Those that have something to do now; a thousand.")
    items: list[RunItem] = Field(description="The first thousand.")


class SkipRequest(Model):
    ids: list[Word] = Field(min_length=1, max_length=1000)
    because: Annotated[str, Field(max_length=500)] | None = None


class Changed(Model):
    changed: list[str] = Field(description="Ids; what was so already is left out.")
