"""What `reel follow` does, whoever read its arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelwright.cli import choice, terminal
from reelwright.cli.archive_options import Said, options_of
from reelwright.cli.use import opened
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.archive.subscriptions import Shown
    from reelwright.app.wiring import App
    from reelwright.cli.choice import Target

SYNC = "sync"
_USUAL = "1d"


@dataclass(slots=True, kw_only=True)
class FollowArguments:
    """The arguments of `reel follow`."""

    what: list[str] = field(default_factory=list)
    said: Said = field(default_factory=Said)
    every: str | None = None
    cron: str | None = None
    now: bool = False
    pause: bool = False
    resume: bool = False
    remove: bool = False
    as_json: bool = False


def follow(arguments: FollowArguments) -> int:
    """Does what is asked for and gives the exit code; prints everything, errors too."""
    try:
        _check(arguments)
        target = choice.target()
        if target is not None:
            return _of_service(target, arguments)
        with opened() as used:
            if arguments.what == [SYNC]:
                return _sync(used, arguments)
            if arguments.pause or arguments.resume or arguments.remove:
                return _change(used, arguments)
            if arguments.now and all("://" not in one for one in arguments.what):
                return _now(used, arguments)
            if not arguments.what:
                return _list(used, arguments)
            return _add(used, arguments)
    except ReelError as error:
        return terminal.report(error, as_json=arguments.as_json)


def _of_service(target: Target, arguments: FollowArguments) -> int:
    from reelwright.cli.remote import following as remote

    if arguments.what == [SYNC]:
        raise remote.refuse_sync()
    if arguments.now and all("://" not in one for one in arguments.what):
        return remote.now(target, arguments.what, as_json=arguments.as_json)
    if arguments.pause or arguments.resume or arguments.remove:
        word = "removed" if arguments.remove else "resumed" if arguments.resume else "paused"
        found = remote.shown(remote.change(target, arguments))
    elif arguments.what:
        schedule = arguments.cron or arguments.every or _USUAL
        found, word = remote.shown(remote.add(target, arguments, schedule)), "followed"
        if arguments.now:
            ids = [one["id"] for one in found]
            return remote.now(target, ids, as_json=arguments.as_json)
    else:
        _table(remote.shown(remote.subscriptions(target)), as_json=arguments.as_json)
        return 0
    _say(found, word, as_json=arguments.as_json)
    return 0


def _check(arguments: FollowArguments) -> None:
    """Raises USAGE for words that do not go together."""
    actions = ("now", "pause", "resume", "remove")
    chosen = [f"--{name}" for name in actions if getattr(arguments, name)]
    timed = [f"--{name}" for name in ("every", "cron") if getattr(arguments, name)]
    if len(chosen) > 1 or len(timed) > 1:
        named = " and ".join(chosen if len(chosen) > 1 else timed)
        raise ReelError(Code.USAGE, f"{named} do not go together", where="reel follow")
    alone = {"--pause", "--resume", "--remove"} & set(chosen)
    if alone and not arguments.what:
        message = f"{min(alone)} wants the id of a subscription"
        raise ReelError(Code.USAGE, message, hint="`reel follow` lists them")


def _add(used: App, arguments: FollowArguments) -> int:
    from reelwright.app.archive import subscriptions
    from reelwright.app.archive.asking import Wanted, ask

    options = options_of(arguments.said)
    schedule = arguments.cron or arguments.every or _USUAL
    found = ask(used, Wanted(urls=arguments.what, options=options, schedule=schedule))
    shown = [subscriptions.get(used, source.id) for source in found]
    if arguments.now:
        return _run(used, [one.source.id for one in shown], arguments)
    _tell(shown, arguments, "followed")
    if not arguments.as_json:
        terminal.note("`reel serve` asks when they are due; without it `reel follow sync` does")
    return 0


def _change(used: App, arguments: FollowArguments) -> int:
    from reelwright.app.archive import subscriptions

    ids = [subscriptions.identify(used, one) for one in arguments.what]
    shown = []
    for source_id in ids:
        if arguments.remove:
            shown.append(subscriptions.get(used, source_id))
            subscriptions.remove(used, source_id)
        else:
            shown.append(subscriptions.change(used, source_id, is_enabled=arguments.resume))
    word = "removed" if arguments.remove else "resumed" if arguments.resume else "paused"
    _tell(shown, arguments, word)
    return 0


def _now(used: App, arguments: FollowArguments) -> int:
    from reelwright.app.archive import subscriptions

    ids = [subscriptions.identify(used, one) for one in arguments.what]
    if not arguments.what:
        ids = [s.source.id for s in subscriptions.listing(used) if s.source.is_enabled]
    for source_id in ids:
        subscriptions.ask_now(used, source_id)
    return _run(used, ids, arguments)


def _sync(used: App, arguments: FollowArguments) -> int:
    from reelwright.app.archive import subscriptions

    return _run(used, list(subscriptions.due(used)), arguments)


def _run(used: App, ids: list[str], arguments: FollowArguments) -> int:
    from reelwright.cli.archiving import run_sources

    return run_sources(used, ids, as_json=arguments.as_json)


def _tell(shown: list[Shown], arguments: FollowArguments, word: str) -> None:
    _say([one.to_json() for one in shown], word, as_json=arguments.as_json)


def _say(found: list[dict[str, Any]], word: str, *, as_json: bool) -> None:
    if as_json:
        terminal.emit({"subscriptions": found})
        return
    for one in found:
        when = f", {one['schedule']}" if word == "followed" else ""
        terminal.out(f"{one['id']}  {terminal.printable(one['url'])}: {word}{when}")


def _list(used: App, arguments: FollowArguments) -> int:
    from reelwright.app.archive import subscriptions

    found = [one.to_json() for one in subscriptions.listing(used)]
    _table(found, as_json=arguments.as_json)
    return 0


def _table(found: list[dict[str, Any]], *, as_json: bool) -> None:
    from reelwright.cli.spans import shown as moment

    if as_json:
        terminal.emit({"subscriptions": found})
        return
    rows = [
        (
            one["id"],
            one["title"] or one["url"],
            one["schedule"],
            one["state"] if one["enabled"] else "paused",
            one["entries"].get("held", 0),
            one["entries"].get("pending", 0) + one["entries"].get("queued", 0),
            one["entries"].get("failed", 0) + one["entries"].get("gone", 0),
            moment(one["next_at"]),
        )
        for one in found
    ]
    headers = ["subscription", "what", "when", "state", "held", "open", "failed", "next"]
    terminal.table(headers, rows, right="held open failed")
