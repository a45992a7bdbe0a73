"""What `reel understand` does, whoever read its arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelwright.cli import choice, terminal
from reelwright.cli.exits import DONE, exit_code
from reelwright.cli.use import opened, sandbox_flag
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelwright.app.understand.order import Wish
    from reelwright.app.understand.running import Understood
    from reelwright.app.understand.targets import Target
    from reelwright.app.wiring import App


@dataclass(slots=True, kw_only=True)
class Arguments:
    """The arguments of `reel understand`."""

    videos: list[str]
    only: str | None = None
    describe: bool = False
    summary: bool = False
    language: str | None = None
    title: str | None = None
    quote: bool = False
    budget: float | None = None
    no_cache: bool = False
    as_json: bool = False
    sandbox: bool | None = None


def understand(arguments: Arguments) -> int:
    """Understands what is named, to the end, and gives the exit code; prints everything, errors
    too."""
    try:
        wish = wish_of(arguments)
        service = choice.target()
        if service is not None:
            from reelwright.cli.remote import understanding

            return understanding.understand(service, arguments, wish)
        with opened(
            models__job_budget_usd=arguments.budget, sandbox=sandbox_flag(arguments.sandbox)
        ) as used:
            from reelwright.app.understand.targets import targets

            found = targets(used, arguments.videos)
            if len(found) > 1 and arguments.title is not None:
                raise ReelError(
                    Code.USAGE,
                    f"{len(found)} videos cannot have one title",
                    where="--title",
                    hint="name one video",
                )
            if arguments.quote:
                from reelwright.cli.understand_quote import quote

                return quote(used, found, wish, as_json=arguments.as_json)
            return _run(used, found, wish, arguments)
    except ReelError as error:
        return terminal.report(error, as_json=arguments.as_json)


def wish_of(arguments: Arguments) -> Wish:
    """Raises FIELD_INVALID."""
    from reelwright.app.understand.order import Wish, parts_of

    names = [name.strip() for name in (arguments.only or "").split(",") if name.strip()]
    return Wish(
        only=parts_of(names),
        describe=arguments.describe,
        summary=arguments.summary,
        language=arguments.language,
        title=arguments.title,
    )


def _run(used: App, found: Sequence[Target], wish: Wish, arguments: Arguments) -> int:
    from reelwright.app.understand.running import understand as work
    from reelwright.cli.interrupts import Interrupts, Resumable
    from reelwright.cli.understand_shown import display

    interrupts = Interrupts()
    jobs = Resumable(interrupts)
    shown = display(jobs.running, as_json=arguments.as_json)
    try:
        done = interrupts.run(
            work(
                used,
                found,
                wish,
                shown,
                is_stopped=lambda: bool(jobs.stopped),
                use_cache=not arguments.no_cache,
            )
        )
        shown.all_ended(done, len(found))
    finally:
        shown.close()
    return code_of(done)


def code_of(done: Sequence[Understood]) -> int:
    """That of the first video that is not understood."""
    for one in done:
        if one.state == "cancelled":
            return exit_code(Code.CANCELLED)
        if one.problem is not None:
            return exit_code(one.problem.code)
    return DONE
