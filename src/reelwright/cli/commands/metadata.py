"""`reel metadata`: what is known of videos and lists, from the YouTube Data API or by yt-dlp."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwright.cli import choice, terminal
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from reelwright.app.metadata.looking import PlaylistFound, Quota, Source, VideoFound
    from reelwright.app.metadata.syncing import OnProgress, Preview, Synced, Wish

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Look up what is known of videos, playlists and channels; bring the library up to date.",
)

_SHOWN = 50
From = Annotated[
    str,
    typer.Option(
        "--source",
        metavar="WHO",
        help="youtube-api, yt-dlp, or auto: the API where there is a key and it is YouTube's.",
    ),
]
Refresh = Annotated[bool, typer.Option("--refresh", help="Ask, also where the answer is known.")]
Force = Annotated[
    bool, typer.Option("--force", help="Go as far as the day's quota goes; the next run goes on.")
]


@app.command()
def video(
    given: Annotated[
        str, typer.Argument(metavar="ID|URL", help="The id of a YouTube video, or any address.")
    ],
    source: From = "auto",
    refresh: Refresh = False,
    as_json: AsJson = False,
) -> None:
    """Show what is known of one video. YouTube's Data API needs a key: `REEL_YOUTUBE__KEY`.

    Examples: `reel metadata video aqz-KE-bpKQ`, `reel metadata video https://example.org/watch/1`
    """
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import metadata as remote

        found = remote.video(target, given, _source(source), refresh=refresh)
    else:
        from reelwright.app.metadata.looking import video as look
        from reelwright.cli.use import opened, run

        with opened() as used:
            found = run(lambda: look(used, given, source=_source(source), refresh=refresh))
    if as_json:
        terminal.emit(found.to_json())
    else:
        _show_video(found)


@app.command()
def playlist(
    given: Annotated[
        str,
        typer.Argument(
            metavar="ID|URL", help="A playlist or channel: its id, its address, or @handle."
        ),
    ],
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The first N entries.")
    ] = None,
    source: From = "auto",
    refresh: Refresh = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """List a playlist or the videos of a channel: 50 entries for one unit of quota.

    Examples: `reel metadata playlist @blender --limit 100`,
    `reel metadata playlist https://www.youtube.com/playlist?list=PL6B3937A5D230E335 --json`
    """
    chosen, target = _source(source), choice.target()
    asked: dict[str, Any] = {"refresh": refresh, "limit": limit, "force": force}
    if target is not None:
        from reelwright.cli.remote import metadata as remote

        found = remote.playlist(target, given, chosen, asked)
    else:
        from reelwright.app.metadata.looking import playlist as look
        from reelwright.cli.use import opened, run

        with opened() as used:
            found = run(
                lambda: look(used, given, source=chosen, refresh=refresh, limit=limit, force=force)
            )
    if as_json:
        terminal.emit(found.to_json())
    else:
        _show_playlist(found)


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORD…", help="What to look for.")],
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="video, channel or playlist.")
    ] = "video",
    limit: Annotated[int, typer.Option(min=1, max=500, help="So many at the most.")] = 25,
    as_json: AsJson = False,
) -> None:
    """Search YouTube by its Data API: 100 calls a day, each for 50 hits.

    Example: `reel metadata search open movie --limit 10`
    """
    choice.here_only("metadata search")
    from dataclasses import asdict

    from reelwright.app.metadata.looking import search as look
    from reelwright.cli.use import opened, run

    asked = " ".join(words)
    with opened() as used:
        hits = run(lambda: look(used, asked, kind=kind, limit=limit))
    if as_json:
        terminal.emit({"words": asked, "kind": kind, "hits": [asdict(hit) for hit in hits]})
        return
    rows = [(hit.id, _day(hit.published_at), hit.channel or "-", hit.title or "-") for hit in hits]
    terminal.table(["id", "published", "channel", "title"], rows)


@app.command()
def sync(
    chosen: Annotated[
        list[str] | None,
        typer.Argument(metavar="ASSET…", help="These alone; nothing: all held YouTube videos."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would cost, and ask nobody.")
    ] = False,
    refresh: Refresh = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Bring up to date what the library knows of its videos: 50 of them for one unit of quota.

    Nothing is asked where the day's quota cannot pay for all of it, unless with --force.
    What was stopped goes on with the next run. Without a key yt-dlp asks, video by video.

    Examples: `reel metadata sync --dry-run`, `reel metadata sync --force --json`
    """
    choice.here_only("metadata sync")
    from reelwright.app.library.looking import identify
    from reelwright.app.metadata import syncing
    from reelwright.cli.exits import exit_code
    from reelwright.cli.use import opened, run
    from reelwright.errors import Code

    with opened() as used:
        named = [identify(used, one).id for one in chosen] if chosen else None
        wish: Wish = syncing.Wish(assets=named, refresh=refresh, force=force)
        if dry_run:
            plan = run(lambda: syncing.preview(used, wish))
            if as_json:
                terminal.emit(plan.to_json())
            else:
                _show_preview(plan)
            return
        done = run(lambda: syncing.sync(used, wish, _progress(as_json=as_json)))
    if as_json:
        terminal.emit(done.to_json())
    else:
        _show_synced(done)
    if done.stopped is not None and not (force and done.stopped.code is Code.API_QUOTA):
        raise typer.Exit(exit_code(done.stopped.code))
    if done.problems:
        raise typer.Exit(exit_code(done.problems[0].code))


@app.command()
def quota(
    days: Annotated[int, typer.Option(min=1, max=90, help="So many days back.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Show what is left of the YouTube Data API's quota today, and when the next day begins.

    Example: `reel metadata quota`
    """
    choice.here_only("metadata quota")
    from reelwright.app.metadata.looking import quota_of
    from reelwright.cli.use import opened

    with opened() as used:
        found = quota_of(used, days)
    if as_json:
        terminal.emit(found.to_json())
    else:
        _show_quota(found)


def _source(given: str) -> Source:
    from reelwright.app.metadata.looking import Source
    from reelwright.errors import Code, ReelError

    try:
        return Source(given)
    except ValueError as error:
        hint = f"one of {', '.join(Source)}"
        raise ReelError(Code.USAGE, f"'{given}' is none", where="--source", hint=hint) from error


def _progress(*, as_json: bool) -> OnProgress:
    import sys

    is_shown = not as_json and terminal.is_lively(sys.stderr)

    def show(done: int, total: int) -> None:
        if is_shown:
            sys.stderr.write(f"\r{done} of {total} videos")
            sys.stderr.write("\n" if done >= total else "")
            sys.stderr.flush()

    return show


def _show_video(found: VideoFound) -> None:
    info = found.info
    terminal.out(terminal.bold(terminal.printable(info.title or found.id)))
    facts = [
        ("channel", info.channel or info.uploader),
        ("published", _day(info.published_at)),
        ("length", terminal.span(info.duration_s) if info.duration_s else None),
        ("views", info.view_count),
        ("shown", ", ".join(filter(None, (info.availability, info.live_status)))),
        ("address", info.url),
    ]
    for name, value in facts:
        if value not in (None, "", "-"):
            terminal.out(f"  {name:<10}{terminal.printable(str(value))}")
    terminal.note(_who(found.source.value, is_cached=found.is_cached, units=found.units))


def _show_playlist(found: PlaylistFound) -> None:
    terminal.out(terminal.bold(terminal.printable(found.title or found.url)))
    rows = [
        (one.position, one.id or "-", _day(one.published_at), one.title or "-")
        for one in found.entries[:_SHOWN]
    ]
    terminal.table(["#", "id", "published", "title"], rows, right="#")
    if len(found.entries) > _SHOWN:
        terminal.note(f"… and {len(found.entries) - _SHOWN} more: --json has all of them")
    if not found.is_whole:
        terminal.note("the day's quota ended before the list did")
    terminal.note(_who(found.source.value, is_cached=found.is_cached, units=found.units))


def _show_preview(plan: Preview) -> None:
    if plan.quota is None:
        said = f"{plan.assets} videos to ask for, one by one, by yt-dlp: there is no key"
        terminal.out(said)
        return
    terminal.out(
        f"{plan.assets} videos, {plan.remembered} of them asked for lately: "
        f"{plan.units} units, {plan.quota.left} of {plan.quota.limit} are left today"
    )
    if not plan.is_affordable:
        terminal.note("that is more than the day has: --force goes as far as it goes")


def _show_synced(done: Synced) -> None:
    terminal.out(
        f"{done.assets} videos looked at: {done.changed} changed, {done.gone} gone at the origin; "
        f"{done.failed} failed"
    )
    for problem in done.problems[:5]:
        terminal.note(f"{terminal.printable(problem.message)} [{problem.code.text}]")
    if done.stopped is not None:
        terminal.note(terminal.printable(done.stopped.message))
        hint = done.stopped.hint or done.stopped.code.hint
        terminal.note(f"{done.remaining} are left: run it again; {hint}")
    terminal.note(_who(done.source.value, is_cached=False, units=done.units))


def _show_quota(found: Quota) -> None:
    from reelwright.app.metadata.ledger import clock

    rows = [(b.value, one.used, one.limit, one.left) for b, one in found.today.items()]
    terminal.table(["bucket", "used", "limit", "left"], rows, right="used limit left")
    for one in found.today.values():
        terminal.note(f"the next day of quota begins {clock(one.resets_at)}")
        break
    for bucket, days in found.history.items():
        for day in days[1:] if days and found.today[bucket].used else days:
            terminal.note(f"{day.day}: {day.used} {bucket.value}")
    if not found.has_key:
        terminal.note("there is no key: yt-dlp is asked, which needs no quota")


def _who(source: str, *, is_cached: bool, units: int) -> str:
    if source != "youtube-api":
        return f"told by {source}"
    paid = "remembered" if is_cached else f"{units} unit{'' if units == 1 else 's'} of quota"
    return f"told by the YouTube Data API ({paid})"


def _day(at: float | None) -> str:
    return "-" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
