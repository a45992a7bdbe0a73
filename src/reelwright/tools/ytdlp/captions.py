"""In the child: which captions are meant, and each of them in every form that is wanted."""

from __future__ import annotations

import codecs
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.ytdlp.options import YtdlpOptions
from reelwright.tools.ytdlp.request import AnswerFile, Part
from reelwright.tools.ytdlp.session import Session

_LIVE_CHAT = "live_chat"
# What a site offers of one language is taken in this order; both forms can be made of each.
_SOURCES = ("vtt", "srt", "ass", "ssa", "ttml", "dfxp")
_DEMUXERS = {"vtt": "webvtt", "srt": "srt", "ass": "ass", "ssa": "ass"}
_MUXERS = {"vtt": "webvtt", "srt": "srt"}
# Those of UTF-32 first: that of UTF-16-LE begins one of them.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_PLAIN = re.compile(r"[A-Za-z0-9-]+")
_MOST_BYTES = 64 << 20
_CONVERSION_S = 60


@dataclass(frozen=True, slots=True)
class Chosen:
    """One language; `kind` is ``human`` or ``auto``, `source` what yt-dlp says of the file."""

    language: str
    kind: str
    source: Mapping[str, Any]


def choose(info: Mapping[str, Any], options: YtdlpOptions) -> tuple[list[Chosen], tuple[str, ...]]:
    """The captions that are meant, and the languages that were named and do not exist.

    Where both a human and a machine wrote one language the human's is taken. A plain name such as
    ``en`` is content with ``en-GB`` where there is no ``en``.
    """
    human = _offered(info, "subtitles") if options.captions_human else {}
    auto = _offered(info, "automatic_captions") if options.captions_auto else {}
    meant: dict[str, None] = {}
    missing = []
    for pattern in options.captions:
        if pattern.startswith("-"):
            for language in [one for one in meant if re.fullmatch(pattern[1:], one)]:
                del meant[language]
            continue
        found = _matching(pattern, human) or _matching(pattern, auto)
        if pattern == "all" or not _PLAIN.fullmatch(pattern):
            found = [*_matching(pattern, human), *_matching(pattern, auto)]
        elif not found:
            missing.append(pattern)
        meant |= dict.fromkeys(found)
    chosen = [
        Chosen(language, "human", _best(human[language]))
        if language in human
        else Chosen(language, "auto", _best(auto[language]))
        for language in meant
    ]
    return chosen, tuple(missing)


def write_captions(
    session: Session, chosen: Sequence[Chosen], folder: Path, ffmpeg: str, forms: Sequence[str]
) -> Iterator[AnswerFile]:
    """Each file as soon as it is there. Raises what a download raises, and MEDIA_UNRECOGNISED
    where a site gave something else for captions."""
    for index, one in enumerate(chosen):
        extension = str(one.source.get("ext") or "vtt").lower()
        raw = folder / f"captions.{index}.{extension}"
        _download(session, one.source, raw)
        raw, extension = _readable(raw, extension, session.url)
        for form in dict.fromkeys(forms):
            path = raw.with_suffix(f".{form}")
            if form != extension:
                _convert(raw, extension, path, form, ffmpeg)
            yield AnswerFile(
                role=Part.CAPTIONS,
                path=path.name,
                format=form,
                language=one.language,
                kind=one.kind,
            )
        if extension not in forms:
            raw.unlink()


def _offered(info: Mapping[str, Any], key: str) -> dict[str, list[Mapping[str, Any]]]:
    found = info.get(key)
    if not isinstance(found, Mapping):
        return {}
    return {
        str(language): list(kinds)
        for language, kinds in found.items()
        if kinds and language != _LIVE_CHAT
    }


def _matching(pattern: str, offered: Mapping[str, Any]) -> list[str]:
    if pattern == "all":
        return list(offered)
    exact = [language for language in offered if re.fullmatch(pattern, language)]
    if exact or not _PLAIN.fullmatch(pattern):
        return exact
    return [language for language in offered if language.startswith(f"{pattern}-")][:1]


def _best(kinds: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    for extension in _SOURCES:
        of_this = [one for one in kinds if one.get("ext") == extension]
        if of_this:
            return of_this[-1]  # yt-dlp's last is its best
    return kinds[-1]


def _download(session: Session, source: Mapping[str, Any], path: Path) -> None:
    if source.get("data") is not None:
        path.write_text(str(source["data"]), encoding="utf-8")
        return
    with session.understood():
        session.ydl.dl(str(path), dict(source), subtitle=True)


def _readable(path: Path, extension: str, url: str) -> tuple[Path, str]:
    """The file in a form that FFmpeg reads. Raises MEDIA_UNRECOGNISED, MEDIA_TOO_LARGE."""
    if path.stat().st_size > _MOST_BYTES:
        message = f"the captions of {url} have more than {_MOST_BYTES} bytes"
        raise ReelError(Code.MEDIA_TOO_LARGE, message, where=url)
    data = path.read_bytes()
    if extension in ("ttml", "dfxp"):
        from yt_dlp.utils import dfxp2srt

        made = path.with_suffix(".srt")
        made.write_text(dfxp2srt(data), encoding="utf-8")
        path.unlink()
        return made, "srt"
    told = _as_utf8(data)
    if told != data:
        path.write_bytes(told)
    start = told.lstrip(b"\xef\xbb\xbf \t\r\n")
    good = start.startswith(b"WEBVTT") if extension == "vtt" else extension in _DEMUXERS
    if not good or start[:1] == b"<" or start[:9].lower() == b"<!doctype":
        raise ReelError(
            Code.MEDIA_UNRECOGNISED,
            f"what {url} gives for captions is no {extension}",
            where=url,
            evidence={"start": start[:80].decode("utf-8", "replace")},
        )
    return path, extension


def _as_utf8(data: bytes) -> bytes:
    """Text in UTF-8, which all that reads captions expects; as it is where it is that already. With
    neither a mark nor UTF-8 it is taken for Windows-1252, as browsers take it."""
    marked = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)
    if marked is None:
        with suppress(UnicodeDecodeError):
            data.decode()
            return data
    return data.decode(marked or "cp1252", "replace").encode()


def _convert(source: Path, extension: str, target: Path, form: str, ffmpeg: str) -> None:
    """Raises MEDIA_UNRECOGNISED with FFmpeg's words."""
    demuxer, muxer = _DEMUXERS[extension], _MUXERS[form]
    # The demuxer is pinned, and nothing but files is read: captions may name anything.
    argv = [ffmpeg, "-nostdin", "-v", "error", "-y", "-protocol_whitelist", "file"]
    argv += ["-f", demuxer, "-i", f"file:{source}", "-f", muxer, f"file:{target}"]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_CONVERSION_S, check=False)
        said = done.stderr.decode("utf-8", "replace")[-500:]
    except subprocess.TimeoutExpired:
        said = f"no end after {_CONVERSION_S} seconds"
    else:
        if done.returncode == 0 and target.is_file():
            return
    raise ReelError(
        Code.MEDIA_UNRECOGNISED,
        f"{extension} captions cannot be made into {form}",
        evidence={"stderr": said},
    )
