"""What a fetch brings: by our own downloader where a plain file answers, else by yt-dlp."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.runners.context import StepProgress
from reelwright.runners.plain import extension_of, plain_info, write_info
from reelwright.tools.download.child import fetch_file
from reelwright.tools.download.proxies import chosen
from reelwright.tools.download.wish import Downloaded, NotAFile, Wish
from reelwright.tools.ytdlp.info import VideoInfo
from reelwright.tools.ytdlp.sites import GENERIC, extractors_of

if TYPE_CHECKING:
    from reelwright.runners.context import StepContext
    from reelwright.tools.ytdlp.options import YtdlpOptions
    from reelwright.tools.ytdlp.request import Direct, VideoAnswer, VideoWish

_COMMENTS = 1000
# Part of the plan → what is asked of yt-dlp for it: a `tools.ytdlp.request.Part`, which a plain
# file need not wait for.
_PARTS = {
    "video": "video",
    "captions.vtt": "captions",
    "captions.srt": "captions",
    "thumbnail": "thumbnail",
    "metadata.info": "info",
    "metadata.description": "description",
    "metadata.comments": "comments",
    "metadata.live_chat": "live_chat",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtFile:
    """A file in the workspace; `part` is that of the plan. `sha256`: where it is known already."""

    part: str
    path: Path
    format: str
    language: str | None = None
    kind: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    info: VideoInfo
    files: tuple[BroughtFile, ...] = ()
    final_url: str
    etag: str | None = None
    last_modified: str | None = None

    def of(self, part: str) -> tuple[BroughtFile, ...]:
        return tuple(file for file in self.files if file.part == part)


@dataclass(slots=True)
class Bringing:
    """One step on its way; `notes` are for the report."""

    payload: Mapping[str, Any]
    context: StepContext
    cpu_seconds: float = 0.0
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return str(self.payload["url"])

    @property
    def parts(self) -> frozenset[str]:
        return frozenset(self.payload["outputs"].values())

    def wanted(self, kind: str) -> Mapping[str, Any]:
        """The options of `video`, `captions`, ...; empty where it is not wanted."""
        found: Mapping[str, Any] = self.payload["want"].get(kind, {})
        return found

    async def run(self) -> Brought:
        """Raises HTTP_*, NETWORK_*, VIDEO_*, EXTRACTOR_*, TLS_INVALID, MEDIA_TOO_LARGE, ..."""
        how = self.wanted("video").get("how", "auto")
        is_site = how == "auto" and (_is_site(self.url) or self._needs_socks)
        if "video" in self.parts and how != "page" and not is_site:
            try:
                return await self._plain()
            except NotAFile as page:
                if how == "file":
                    raise ReelError(
                        Code.MEDIA_UNRECOGNISED,
                        f"{self.url} is a page or a playlist ({page.content_type or 'no type'}),"
                        " no file",
                        where=self.url,
                        hint="leave `how` out, so that the video on the page is looked for",
                    ) from page
                return await self._page(page.url)
        return await self._page(self.url)

    @property
    def _proxy(self) -> tuple[str | None, bool]:
        """What is gone through, and whether the administrator named it."""
        return chosen(self.payload.get("proxy"), self.context.proxy)

    async def _plain(self) -> Brought:
        """The URL itself is the video; there is nothing else to be had of it."""
        got = await self._download(self.url, self.url, self.payload.get("headers", {}))
        info = plain_info(self.url, got)
        brought = _downloaded(self, got, info, extension_of(got.final_url, got.content_type))
        if "metadata.info" in self.parts:
            path = self.context.workspace / "info.json"
            await asyncio.to_thread(write_info, path, info, brought)
            file = BroughtFile(part="metadata.info", path=path, format="json")
            brought = replace(brought, files=(*brought.files, file))
        return brought

    async def _page(self, url: str) -> Brought:
        """What yt-dlp finds there. A file that the page links to is downloaded by us after all."""
        from reelwright.tools.ytdlp.video import fetch_video

        folder = self.context.workspace / "site"
        await asyncio.to_thread(folder.mkdir, mode=0o700)
        answer, cpu_seconds = await fetch_video(
            self._video_wish(url, folder, await self._parts_folder()),
            log=self.context.log,
            sandbox=self.context.sandbox,
            on_progress=self._tell,
            heartbeat=self.context.heartbeat,
            grace_s=self.context.grace_s,
        )
        self.cpu_seconds += cpu_seconds
        chosen = answer.info.format.id if answer.info.format else None
        found = {"page": url, "title": answer.info.title, "format": chosen}
        if answer.direct is not None:
            brought = await self._linked(answer, answer.direct)
        else:
            brought = Brought(info=answer.info, final_url=answer.info.url)
        files = _answered(answer, folder, self.parts)
        self._note_what_is_missing(answer)
        self.notes |= {**found, "by": f"{self.notes.get('by', '')} yt-dlp".strip()}
        return replace(brought, files=(*brought.files, *files))

    async def _linked(self, answer: VideoAnswer, direct: Direct) -> Brought:
        # Addresses of files are signed for an hour; what is in them is named by page and format.
        chosen = answer.info.format.id if answer.info.format else ""
        key = f"{self.url} {self.payload.get('item', 1)} {chosen}"
        try:
            got = await self._download(direct.url, key, direct.headers)
        except NotAFile as page:
            raise ReelError(
                Code.EXTRACTOR_UNSUPPORTED,
                f"the video at {direct.url} is a page again",
                where=direct.url,
            ) from page
        return _downloaded(self, got, answer.info, direct.extension)

    async def _download(self, url: str, key: str, headers: Mapping[str, str]) -> Downloaded:
        context, payload = self.context, self.payload
        proxy, is_own = self._proxy
        wish = Wish(
            url=url,
            key=key,
            headers=dict(headers),
            cookies=payload.get("cookies"),
            proxy=proxy,
            trusts_proxy=is_own,
            user_agent=payload.get("user_agent"),
            max_bytes_s=self.wanted("video").get("max_rate"),
            **self._limits(),
        )
        parts = await self._parts_folder()
        got, cpu_seconds = await fetch_file(
            wish,
            context.workspace / "fetched",
            parts,
            log=context.log,
            sandbox=context.sandbox,
            on_progress=self._tell,
            heartbeat=context.heartbeat,
            grace_s=context.grace_s,
        )
        self.cpu_seconds += cpu_seconds
        self.notes |= {"by": "download", "resumed_bytes": got.resumed_bytes}
        return got

    async def _parts_folder(self) -> Path:
        """For half downloads."""
        parts = self.context.scratch or self.context.workspace / "parts"
        await asyncio.to_thread(parts.mkdir, parents=True, exist_ok=True)
        return parts

    def _video_wish(self, url: str, folder: Path, parts: Path) -> VideoWish:
        from reelwright.tools.ytdlp.request import Part, VideoWish

        return VideoWish(
            url=url,
            folder=str(folder),
            ffmpeg=str(self.context.tools.ffmpeg),
            options=self._options(),
            want=frozenset(Part(_PARTS[part]) for part in self.parts if part in _PARTS),
            position=self.payload.get("item", 1),
            parts=str(parts),
            headers=dict(self.payload.get("headers", {})),
            hand_over=not self._needs_socks,
            **self._limits(),
        )

    @property
    def _needs_socks(self) -> bool:
        """Such a proxy is yt-dlp's to speak with."""
        return str(self.payload.get("proxy", "")).lower().startswith("socks")

    def _options(self) -> YtdlpOptions:
        from reelwright.tools.ytdlp.options import YtdlpOptions
        from reelwright.tools.ytdlp.profiles import profile

        payload, video, about = self.payload, self.wanted("video"), self.wanted("metadata")
        captions, (proxy, is_own) = self.wanted("captions"), self._proxy
        forms = tuple(f for f in ("vtt", "srt") if f"captions.{f}" in self.parts)
        more: dict[str, Any] = {}
        if about.get("sponsor_api"):
            more["sponsor_api"] = about["sponsor_api"]
        options = YtdlpOptions(
            captions=tuple(captions.get("languages", ())),
            captions_auto=captions.get("auto", False),
            caption_formats=forms or ("vtt", "srt"),
            comments_max=about.get("comments", _COMMENTS),
            sponsor_categories=tuple(about.get("sponsorblock", ())),
            cookies=payload.get("cookies"),
            proxy=proxy,
            trusts_proxy=is_own,
            user_agent=payload.get("user_agent"),
            sleep_s=payload.get("sleep", 0.0),
            geo_country=payload.get("country"),
            rate_bytes_s=video.get("max_rate"),
            **more,
        )
        name = video.get("format") or video.get("profile") or "best"
        chosen = profile(name, codec=video.get("codec"), container=video.get("container"))
        return chosen.applied(options)

    def _limits(self) -> dict[str, Any]:
        """The lower of what the spec and, in a service, its limits allow."""
        context = self.context
        is_service = not context.allow_private
        sizes = (
            self.wanted("video").get("max_bytes"),
            context.fetch_bytes if is_service else None,
        )
        return {
            "max_bytes": min((size for size in sizes if size is not None), default=None),
            "max_seconds": context.fetch_s if is_service else None,
            "allow_private": context.allow_private,
            "net_allow": context.net_allow,
        }

    def _tell(self, got: int, size: int | None) -> None:
        part = min(1.0, got / size) if size else None
        self.context.on_progress(StepProgress(size_bytes=got, fraction=part))

    def _note_what_is_missing(self, answer: VideoAnswer) -> None:
        if answer.missing:
            told = {part.value: problem.to_json() for part, problem in answer.missing.items()}
            self.notes["missing"] = told
        if answer.captions_unavailable:
            self.notes["captions_unavailable"] = list(answer.captions_unavailable)
        if answer.warnings:
            self.notes["warnings"] = list(answer.warnings)


def _is_site(url: str) -> bool:
    """A site that yt-dlp knows by name: its pages are pages, and one request less is asked."""
    return extractors_of(url) not in ((), GENERIC)


def _downloaded(
    bringing: Bringing, got: Downloaded, info: VideoInfo, extension: str | None
) -> Brought:
    video = BroughtFile(
        part="video",
        path=bringing.context.workspace / "fetched",
        format=extension or "",
        sha256=got.sha256,
    )
    return Brought(
        info=info,
        files=(video,),
        final_url=got.final_url,
        etag=got.etag,
        last_modified=got.last_modified,
    )


def _answered(answer: VideoAnswer, folder: Path, parts: frozenset[str]) -> tuple[BroughtFile, ...]:
    """The files that yt-dlp wrote, as the plan calls them. Of captions in one language and form
    those that people wrote count."""
    from reelwright.tools.ytdlp.request import Part

    human = {(f.language, f.format) for f in answer.of(Part.CAPTIONS) if f.kind != "auto"}
    made: list[BroughtFile] = []
    for file in answer.files:
        if file.role is Part.CAPTIONS:
            part = f"captions.{file.format}"
            if file.kind == "auto" and (file.language, file.format) in human:
                continue
        else:
            part = next(name for name, role in _PARTS.items() if role == file.role)
        if part in parts:
            made.append(
                BroughtFile(
                    part=part,
                    path=folder / file.path,
                    format=file.format,
                    language=file.language,
                    kind=file.kind,
                )
            )
    return tuple(made)
