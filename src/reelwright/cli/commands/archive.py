"""`reel archive`: keeps videos of the web in the library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reelwright.cli import archive_options as o
from reelwright.cli.options import AsJson, Walls

app = typer.Typer(add_completion=False)


@app.command()
def archive(  # size: one line an option
    url: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="URL", help="Of a video, playlist, channel or feed; - reads them from stdin."
        ),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A text file with an address a line; repeatable."),
    ] = None,
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
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Fetch again what is held already.")
    ] = False,
    retry_gone: Annotated[
        bool, typer.Option("--retry-gone", help="Ask again for what was gone at its origin.")
    ] = False,
    library: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where it is kept. [REEL_LIBRARY]")
    ] = None,
    at_once: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=64, help="Videos at a time.")
    ] = None,
    list_only: Annotated[
        bool,
        typer.Option(
            "--list-only", help="Take in what there is; a service or the next run fetches it."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be fetched; store nothing.")
    ] = False,
    as_json: AsJson = False,
    sandbox: Walls = None,
) -> None:
    """Keep videos, playlists, channels and feeds in the library; what is held is not fetched twice.

    A run that was stopped or killed is gone on with by the same command. Videos that fail stop none
    of the others; `reel workplan` lists them with what can be done.

    Examples: `reel archive https://example.org/talk.mp4`,
    `reel archive https://example.org/feed.xml --captions en --profile 1080p --limit 20`
    """
    from reelwright.cli.archiving import ArchiveArguments
    from reelwright.cli.archiving import archive as keep

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
        refresh=refresh,
    )
    arguments = ArchiveArguments(
        urls=url or [],
        files=file or [],
        said=said,
        library=None if library is None else library.expanduser().absolute(),
        at_once=at_once,
        retry_gone=retry_gone,
        list_only=list_only,
        dry_run=dry_run,
        as_json=as_json,
        sandbox=sandbox,
    )
    raise typer.Exit(keep(arguments))
