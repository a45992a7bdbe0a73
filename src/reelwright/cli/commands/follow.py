"""`reel follow`: subscriptions to channels, playlists and feeds."""

from __future__ import annotations

from typing import Annotated

import typer

from reelwright.cli import archive_options as o
from reelwright.cli.options import AsJson

app = typer.Typer(add_completion=False)

_WHEN = "When"


@app.command()
def follow(  # size: one line an option
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="URL…",
            help="What to follow; nothing: lists the subscriptions; `sync`: runs those that are due"
            " (for cron and systemd timers); with --now, --pause, --resume, --remove: their ids.",
        ),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            metavar="SPAN", help="How often: 30m, 6h, 1d, 1w (default: 1d).", rich_help_panel=_WHEN
        ),
    ] = None,
    cron: Annotated[
        str | None,
        typer.Option(
            metavar="FIELDS",
            help='Cron fields, local time: "0 3 * * *".',
            rich_help_panel=_WHEN,
        ),
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Run these subscriptions (all: none named) now.")
    ] = False,
    pause: Annotated[bool, typer.Option("--pause", help="Stop asking, for a while.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on asking.")] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="End the subscription; what is kept stays.")
    ] = False,
    profile: o.Profile = None,
    format_: o.Format = None,
    codec: o.Codec = None,
    container: o.Container = None,
    captions: o.Captions = None,
    auto_captions: o.AutoCaptions = None,
    caption_formats: o.CaptionFormats = None,
    thumbnail: o.Thumbnail = True,
    comments: o.Comments = None,
    live_chat: o.LiveChat = False,
    sponsorblock: o.Sponsorblock = None,
    understand: o.Understand = False,
    template: o.Template = None,
    cookies: o.Cookies = None,
    proxy: o.Proxy = None,
    user_agent: o.UserAgent = None,
    country: o.Country = None,
    sleep: o.Sleep = None,
    max_rate: o.MaxRate = None,
    max_size: o.MaxSize = None,
    limit: o.Limit = None,
    after: o.After = None,
    before: o.Before = None,
    match: o.Match = None,
    reject: o.Reject = None,
    order: o.Order = None,
    as_json: AsJson = False,
) -> None:
    """Follow channels, playlists and feeds: what is new is kept, by `reel serve` or by `follow
    sync`.

    Examples: `reel follow https://example.org/feed.xml --every 6h --captions en`,
    `reel follow`, `reel follow --remove 0k8v2b3c4d5e6f7g8`, `reel follow sync --json`
    """
    from reelwright.cli.following import FollowArguments
    from reelwright.cli.following import follow as go

    said = o.Said(
        profile=profile,
        format=format_,
        codec=codec,
        container=container,
        captions=captions,
        auto_captions=auto_captions,
        caption_formats=caption_formats,
        thumbnail=thumbnail,
        comments=comments,
        live_chat=live_chat,
        sponsorblock=sponsorblock,
        understand=understand,
        template=template,
        cookies=cookies,
        proxy=proxy,
        user_agent=user_agent,
        country=country,
        sleep=sleep,
        max_rate=max_rate,
        max_size=max_size,
        limit=limit,
        after=after,
        before=before,
        match=match,
        reject=reject,
        order=order,
    )
    arguments = FollowArguments(
        what=what or [],
        said=said,
        every=every,
        cron=cron,
        now=now,
        pause=pause,
        resume=resume,
        remove=remove,
        as_json=as_json,
    )
    raise typer.Exit(go(arguments))
