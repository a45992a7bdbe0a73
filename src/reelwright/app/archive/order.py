"""The spec of the job that keeps one video."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from reelwright.app.request import Kept
from reelwright.store.ids import new_id
from reelwright.store.rows import NewJobRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelwright.app.archive.options import ArchiveOptions
    from reelwright.app.settings_sections import Archive
    from reelwright.app.wiring import App
    from reelwright.store.entries import Entry
    from reelwright.store.sources import Source

_OPERATORS = {
    "video": "fetch",
    "about": "metadata",
    "words": "captions",
    "picture": "thumbnail",
    "kept": "keep",
}


def job_row(app: App, source: Source, entry: Entry, options: ArchiveOptions) -> NewJobRow:
    """The job of an entry; nothing is written."""
    job_id = new_id()
    spec = spec_of(entry, options, app.settings.archive)
    operators = {o["id"]: _OPERATORS[o["id"]] for o in spec["operations"]}
    kept = Kept(
        text=json.dumps(spec, ensure_ascii=False),
        # A held video is fetched anew, not taken from the cache.
        nonce=job_id if options.refresh else None,
        own=job_id,
        operators=operators,
    )
    return NewJobRow(
        id=job_id,
        spec=kept.to_json(),
        plan={},
        base=str(app.home / "served" / job_id),
        revision=0,
        labels={"archive": source.id, "entry": entry.id},
        overwrite=True,
        owner=source.owner,
    )


def spec_of(entry: Entry, options: ArchiveOptions, settings: Archive) -> dict[str, Any]:
    """All parts are asked for in the same words, so that they are one extraction."""
    asked = {**_said({"url": address(entry.url)}), **_asking(entry, options, settings)}
    operations: list[dict[str, Any]] = [
        {"id": "video", "op": "fetch", **asked, **_choice(options, settings)},
        {"id": "about", "op": "metadata", **asked, **_about(options, settings)},
    ]
    inputs = {"video": "video", "metadata": "about"}
    languages = options.wants_captions(settings)
    if languages:
        operations.append(
            {"id": "words", "op": "captions", **asked, **_captions(options, settings, languages)}
        )
        inputs["captions"] = "words"
    if options.thumbnail:
        operations.append({"id": "picture", "op": "thumbnail", **asked})
        inputs["thumbnail"] = "picture"
    keep = {
        "template": options.template,
        "nfo": options.nfo,
        "understand": options.understand or None,
        "entry": entry.id,
    }
    operations.append({"id": "kept", "op": "keep", "inputs": inputs, **_said(keep)})
    return {"version": 1, "operations": operations}


def address(url: str) -> str:
    """As a list names it, with what no address may hold escaped."""
    from urllib.parse import quote

    return quote(url.strip(), safe="".join(chr(c) for c in range(33, 127)))


def _asking(entry: Entry, options: ArchiveOptions, settings: Archive) -> dict[str, Any]:
    from reelwright.tools.download.proxies import without_user

    cookies = options.cookies or (str(settings.cookies) if settings.cookies else None)
    sleep_s = settings.sleep_s if options.sleep_s is None else options.sleep_s
    return _said(
        {
            "cookies": cookies,
            # The password of the administrator's own stays in the settings: a spec is shown.
            "proxy": options.proxy or (settings.proxy and without_user(settings.proxy)),
            "user_agent": options.user_agent or settings.user_agent,
            "country": options.country,
            "sleep": sleep_s or None,
            "item": _item(entry),
        }
    )


def _item(entry: Entry) -> int | None:
    """Which of its page: the end of its key says it (`identity.make_key`)."""
    head, _, last = entry.key.rpartition(" ")
    return int(last) if head.startswith("url:") and last.isdigit() else None


def _choice(options: ArchiveOptions, settings: Archive) -> dict[str, Any]:
    from reelwright.operators.fetch.fetch import PROFILES

    chosen = options.format or options.profile or settings.profile
    is_named = chosen in PROFILES
    return _said(
        {
            "profile": chosen if is_named else None,
            "format": None if is_named else chosen,
            "codec": options.codec,
            "container": options.container,
            "max_bytes": options.max_bytes,
            "max_rate": options.max_rate_bytes,
        }
    )


def _about(options: ArchiveOptions, settings: Archive) -> dict[str, Any]:
    marks = list(options.sponsorblock)
    return _said(
        {
            "comments": options.comments,
            "live_chat": options.live_chat or None,
            "sponsorblock": marks or None,
            "sponsor_api": settings.sponsorblock if marks else None,
        }
    )


def _captions(
    options: ArchiveOptions, settings: Archive, languages: tuple[str, ...]
) -> dict[str, Any]:
    auto = settings.auto_captions if options.auto_captions is None else options.auto_captions
    return _said(
        {
            "languages": list(languages),
            "auto": auto or None,
            "formats": list(options.caption_formats) or None,
        }
    )


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _literal(value) for name, value in values.items() if value is not None}


def _literal(value: Any) -> Any:
    """In a spec ``${`` begins a variable; here it is part of an address or a template."""
    if isinstance(value, list):
        return [_literal(one) for one in value]
    return value.replace("${", "$${") if isinstance(value, str) else value
