"""``python -m reelwright.tools.ytdlp.video_child REQUEST``: one video, and what comes with it.

A plain file is not downloaded here if the caller can: yt-dlp goes on from a half download without
asking whether the origin is still the same. Where it must be (picture and sound in files of their
own) `ranges` asks.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwright.errors import Code, Problem, ReelError
from reelwright.tools.download.addresses import hold_to
from reelwright.tools.download.deadline import end_after
from reelwright.tools.download.lines import say, say_error
from reelwright.tools.ytdlp import extras
from reelwright.tools.ytdlp.captions import choose, write_captions
from reelwright.tools.ytdlp.facts import shows, text, video_info, whole
from reelwright.tools.ytdlp.options import Params, YtdlpOptions
from reelwright.tools.ytdlp.request import AnswerFile, Direct, Part, VideoAnswer, VideoWish
from reelwright.tools.ytdlp.resuming import bring_parts
from reelwright.tools.ytdlp.session import Session
from reelwright.tools.ytdlp.sites import place
from reelwright.tools.ytdlp.wire import answer_to_file, wish_from_file

_EVERY_S = 0.5
_PLAIN = frozenset({"http", "https"})
# What yt-dlp reads itself. Others it leaves to programs that resolve names on their own.
_NATIVE = _PLAIN | {
    "m3u8",
    "m3u8_native",
    "http_dash_segments",
    "http_dash_segments_generator",
    "ism",
    "f4m",
}
_NOT_YET = {"is_upcoming": "has not begun", "is_live": "is live now", "post_live": "just ended"}
_PIECES = "http_chunk_size"  # word-ok: yt-dlp's
# Headers that a site checks before it hands out a file.
_PASSED = ("Referer", "Origin", "Authorization")


@dataclass(slots=True)
class _Fetcher:
    wish: VideoWish
    out: Any
    files: list[AnswerFile] = field(default_factory=list)
    missing: dict[Part, Problem] = field(default_factory=dict)
    _next_s: float = 0.0
    _done_bytes: int = 0
    _of_bytes: int | None = None
    _tells: bool = False

    def run(self) -> VideoAnswer:
        wish = self.wish
        session = Session(
            wish.url,
            self._params(),
            headers=wish.headers,
            direct_only=not wish.allow_private,
            decrypts=Part.VIDEO in wish.want,
        )
        try:
            info = self._one(session.extract())
            if Part.VIDEO in wish.want:
                self._check(info)
            extras.mark_sponsors(session, info, wish.options)
            unavailable = self._extras(session, info)
            direct = self._video(session, info) if Part.VIDEO in wish.want else None
            return VideoAnswer(
                info=video_info(info, wish.url),
                files=tuple(self.files),
                direct=direct,
                missing=self.missing,
                captions_unavailable=unavailable,
                warnings=tuple(session.voice.warnings),
            )
        finally:
            session.close()

    def _params(self) -> Params:
        wish, want = self.wish, self.wish.want
        params = wish.options.to_params(wish.url)
        params |= Params(
            paths={"home": wish.folder},
            outtmpl={"default": "video.%(ext)s"},
            ffmpeg_location=wish.ffmpeg,
            # What was downloaded may be a playlist that calls itself a video.
            postprocessor_args={"ffmpeg_i": ["-protocol_whitelist", "file"]},
            progress_hooks=[self._tell],
            getcomments=Part.COMMENTS in want,
            # Of a video that is not shown (yet) there is still something to say.
            ignore_no_formats_error=Part.VIDEO not in want,
        )
        if wish.media_url is not None:
            params["match_filter"] = self._refuse_others
        else:
            params["playlist_items"] = str(wish.position)
        if Part.CAPTIONS in want:
            params |= wish.options.caption_params()
        if Part.LIVE_CHAT in want:
            params["writesubtitles"] = True
        return params

    def _refuse_others(self, info: Mapping[str, Any], *, incomplete: Any = False) -> str | None:
        assert self.wish.media_url is not None
        if incomplete is True:  # a mere entry: its files are not known yet
            return None
        return None if shows(info, self.wish.media_url) else "another video of the page"

    def _one(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """The entry that was meant. Raises VIDEO_GONE, EXTRACTOR_UNSUPPORTED where there is
        none."""
        meant = self.wish.media_url
        entries: list[Any] = [found]
        while entries:
            info = entries.pop(0)
            if isinstance(info, dict) and info.get("_type") in ("playlist", "multi_video"):
                entries = [*(info.get("entries") or ()), *entries]
            elif isinstance(info, dict) and (meant is None or shows(info, meant)):
                return info
        shown = place(self.wish.url)
        if meant is not None:
            message = f"{shown} does not show {place(meant)} any more"
            raise ReelError(Code.VIDEO_GONE, message, where=shown)
        raise ReelError(Code.EXTRACTOR_UNSUPPORTED, f"no video was found at {shown}", where=shown)

    def _check(self, info: Mapping[str, Any]) -> None:
        """Raises VIDEO_NOT_YET, EXTRACTOR_UNSUPPORTED."""
        shown = place(self.wish.url)
        status = str(info.get("live_status") or ("is_live" if info.get("is_live") else ""))
        from_start = self.wish.options.live_from_start and status != "is_upcoming"
        if (
            status in _NOT_YET
            and not from_start
            and not (status == "post_live" and info.get("url"))
        ):
            raise ReelError(
                Code.VIDEO_NOT_YET,
                f"the video at {shown} {_NOT_YET[status]}",
                where=shown,
                evidence={"live_status": status, "starts_at": info.get("release_timestamp")},
            )
        for part in info.get("requested_formats") or [info]:
            protocol = str(part.get("protocol"))
            if protocol not in _NATIVE:
                message = f"the video at {shown} cannot be downloaded: it is sent by {protocol}"
                raise ReelError(Code.EXTRACTOR_UNSUPPORTED, message, where=shown)

    def _extras(self, session: Session, info: dict[str, Any]) -> tuple[str, ...]:
        """All but the video; what fails is noted and costs nothing else."""
        want, folder = self.wish.want, Path(self.wish.folder)
        unavailable: tuple[str, ...] = ()
        if Part.CAPTIONS in want:
            chosen, unavailable = choose(info, self.wish.options)
            forms = self.wish.options.caption_formats
            with self._noted(Part.CAPTIONS):
                self._keep(write_captions(session, chosen, folder, self.wish.ffmpeg, forms))
        makers: dict[Part, Callable[[], AnswerFile | None]] = {
            Part.INFO: lambda: extras.write_info(session, info, folder),
            Part.DESCRIPTION: lambda: extras.write_description(info, folder),
            Part.THUMBNAIL: lambda: extras.write_thumbnail(session, info, folder),
            Part.COMMENTS: lambda: extras.write_comments(info, folder),
            Part.LIVE_CHAT: lambda: extras.write_live_chat(session, info, folder),
        }
        for part, make in makers.items():
            if part in want:
                with self._noted(part):
                    self._keep(file for file in [make()] if file is not None)
        return unavailable

    def _keep(self, files: Iterable[AnswerFile]) -> None:
        for file in files:
            self.files.append(file)

    @contextmanager
    def _noted(self, part: Part) -> Iterator[None]:
        try:
            yield
        except ReelError as error:
            if error.code is Code.DISK_FULL:
                raise
            self.missing[part] = error.problem

    def _video(self, session: Session, info: dict[str, Any]) -> Direct | None:
        if self.wish.hand_over and _is_plain(info):
            return _direct(session, info, self.wish.options)
        parts = info.get("requested_formats") or [info]
        sizes = [whole(one.get("filesize")) for one in parts]
        self._of_bytes = sum(filter(None, sizes)) if all(sizes) else None
        self._tells = True
        session.origins.in_pieces |= {str(one.get("url")) for one in parts if _is_in_pieces(one)}
        made = dict(info)
        if self.wish.parts is not None and all(one.get("protocol") in _PLAIN for one in parts):
            names = {str(one.get("format_id")): _part_name(info, one) for one in parts}
            bring_parts(session, self.wish, info, names)
            # They are there now, whole: yt-dlp finds them and joins them.
            session.ydl.params["continuedl"] = True
        # The captions are there already, or are known to be missing.
        session.ydl.params |= Params(writesubtitles=False, writeautomaticsub=False)
        with session.understood():
            session.ydl.process_info(made)
        path = Path(str(made.get("filepath") or ""))
        if not made.get("filepath") or not path.is_file() or not path.stat().st_size:
            # A filtered or refused download also ends without an error, and without a file.
            shown = place(self.wish.url)
            raise ReelError(
                Code.TOOL_NO_OUTPUT,
                f"yt-dlp wrote no file for {shown}",
                where=shown,
                evidence={"log": list(session.voice.lines)[-10:]},
            )
        form = path.suffix[1:]
        self.files.append(AnswerFile(role=Part.VIDEO, path=path.name, format=form))
        return None

    def _tell(self, status: Mapping[str, Any]) -> None:
        done = self._done_bytes + (status.get("downloaded_bytes") or 0)
        limit = self.wish.max_bytes
        if limit is not None and done > limit:
            shown = place(self.wish.url)
            raise ReelError(
                Code.MEDIA_TOO_LARGE,
                f"{shown} has more than the {limit} bytes that are allowed",
                where=shown,
                hint="raise `max_bytes` if the size is meant",
            )
        if not self._tells:
            return
        size = status.get("total_bytes") or status.get("total_bytes_estimate")
        if status.get("status") == "finished":
            self._done_bytes = done
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + _EVERY_S
            of_bytes = self._of_bytes or (size and self._done_bytes + int(size))
            with redirect_stdout(self.out):
                say("progress", bytes=done, of_bytes=max(done, of_bytes) if of_bytes else None)


def _part_name(info: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """What yt-dlp calls the file of one format."""
    if not info.get("requested_formats"):
        return f"video.{info.get('ext')}"
    return f"video.f{part.get('format_id')}.{part.get('ext')}"


def _is_plain(info: Mapping[str, Any]) -> bool:
    """One file that anybody can ask for: no parts, and no server that throttles whoever does not
    ask in pieces, as yt-dlp then does."""
    if info.get("requested_formats") or info.get("fragments"):
        return False
    if _is_in_pieces(info) or info.get("request_data"):
        return False
    return info.get("protocol") in _PLAIN and bool(info.get("url"))


def _is_in_pieces(info: Mapping[str, Any]) -> bool:
    return bool((info.get("downloader_options") or {}).get(_PIECES))


def _direct(session: Session, info: Mapping[str, Any], options: YtdlpOptions) -> Direct:
    url = str(info["url"])
    given = info.get("http_headers") or {}
    headers = {name: str(given[name]) for name in _PASSED if given.get(name)}
    agent = given.get("User-Agent")
    if agent and (options.user_agent or agent != session.ydl.params["http_headers"]["User-Agent"]):
        headers["User-Agent"] = str(agent)
    headers |= session.own_headers(url)
    cookies = session.ydl.cookiejar.get_cookie_header(url)
    if cookies:
        headers["Cookie"] = str(cookies)
    return Direct(
        url=url,
        extension=text(info.get("ext")) or "mp4",
        headers=headers,
        size_bytes=whole(info.get("filesize")),
    )


def main(request_path: str) -> int:
    wish = wish_from_file(VideoWish, Path(request_path))
    hold_to(
        allow_private=wish.allow_private,
        net_allow=wish.net_allow,
        proxy=wish.options.proxy,
        trusts_proxy=wish.options.trusts_proxy,
    )
    end_after(wish.max_seconds, wish.url)
    out = sys.stdout
    try:
        with redirect_stdout(sys.stderr):
            answer = _Fetcher(wish, out).run()
        say("done", path=answer_to_file(answer, Path(wish.folder)))
    except ReelError as error:
        say_error(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
