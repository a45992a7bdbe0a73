"""What somebody wants kept becomes a source: new, or the one that there is for it already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reelwright.app.archive import presence
from reelwright.app.archive.options import ArchiveOptions, Filter
from reelwright.app.archive.schedule import normal
from reelwright.app.principal import LOCAL, Principal, Scope
from reelwright.errors import Code, Problem, ReelError, SpecErrors
from reelwright.store import entries, entry_moves, sources
from reelwright.store.entries import EntryState

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.sources import Source

MOST_URLS = 10_000
_URL_CHARS = 4096
_PAGE = 500
# What a list was read by before; another choice of entries wants all of it again.
_FORGET_MARKS = {"etag": None, "last_modified": None, "digest": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`options`: how; `schedule`: a subscription (see `schedule.normal`). `retry_gone`: also what
    its origin said is gone is asked for once more."""

    urls: Sequence[str]
    options: ArchiveOptions = field(default_factory=ArchiveOptions)
    schedule: str | None = None
    retry_gone: bool = False


def ask(app: App, wanted: Wanted, principal: Principal = LOCAL) -> list[Source]:
    """The sources to be listed now, in the order of the addresses, each once. What failed before is
    tried again, and what was held and whose file is not there any more is wanted again. Blocking.

    Raises SpecErrors (FIELD_INVALID with all addresses that are none), SCHEDULE_INVALID, FORBIDDEN,
    FOLDER_REFUSED.
    """
    principal.check(Scope.JOBS)
    urls = addresses(wanted.urls)
    options = wanted.options.checked()
    check_files(options, principal)
    schedule = None if wanted.schedule is None else normal(wanted.schedule)
    found = [_source(app, url, options, schedule, principal.owner) for url in urls]
    for source in found:
        _again(app, source, options, retry_gone=wanted.retry_gone)
    return found


def addresses(urls: Iterable[str]) -> list[str]:
    """Each once; what has no scheme gets https. Raises SpecErrors."""
    problems: list[Problem] = []
    found: dict[str, None] = {}
    for n, given in enumerate(urls):
        try:
            found[_address(given)] = None
        except ValueError as error:
            problems.append(
                Problem(Code.FIELD_INVALID, f"'{given[:200]}': {error}", where=f"urls[{n}]")
            )
    if not found and not problems:
        problems = [Problem(Code.FIELD_MISSING, "no address is named", where="urls")]
    if len(found) > MOST_URLS:
        message = f"{len(found)} addresses are more than {MOST_URLS}"
        problems = [Problem(Code.FIELD_INVALID, message, where="urls")]
    if problems:
        raise SpecErrors(problems)
    return list(found)


def _address(given: str) -> str:
    """Raises ValueError."""
    url = given.strip()
    if "://" not in url and "." in url.partition("/")[0]:
        url = f"https://{url}"
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ValueError("write an address that begins with https:// or http://")
    if any(ord(c) < 32 or ord(c) == 127 for c in url):
        raise ValueError("an address holds no control characters")
    if len(url) > _URL_CHARS:
        raise ValueError(f"an address has at most {_URL_CHARS} characters")
    _ = parts.port  # raises ValueError where it is no number
    return url


def check_files(options: ArchiveOptions, principal: Principal) -> None:
    """A service's caller may name a file of cookies only in their folders. Raises FOLDER_REFUSED,
    INPUT_NOT_FOUND."""
    from reelwright.app.access import check_files as check

    if options.cookies is None:
        return
    path = Path(options.cookies)
    check([path], principal.folders)
    if not path.is_file():
        message = f"there is no file of cookies {path}"
        raise ReelError(Code.INPUT_NOT_FOUND, message, where="options.cookies")


def _source(
    app: App, url: str, options: ArchiveOptions, schedule: str | None, owner: str
) -> Source:
    said = options.to_json()

    def change(tx: Tx) -> Source:
        known = sources.of_url(tx, owner, url)
        # A subscription before a single wish, for either; what a wish says does not change one.
        followed = next((s for s in known if s.schedule is not None), None)
        plain = next((s for s in known if s.schedule is None), None)
        if schedule is None:
            if followed is not None and (not said or dict(followed.options) == said):
                return followed
            return plain or sources.insert(tx, owner=owner, url=url, options=said)
        values = {"schedule": schedule, "is_enabled": True}
        one = followed or plain
        if one is None:
            # The first listing is at once: what there is already is known from then on.
            return sources.insert(tx, owner=owner, url=url, options=said, schedule=schedule)
        sources.change(tx, one.id, **values)
        return sources.get(tx, one.id)

    return app.store.transact(change)


def _again(app: App, source: Source, options: ArchiveOptions, *, retry_gone: bool) -> None:
    """Asked for once more."""
    said = options.to_json()
    is_other = dict(source.options) != said and (source.schedule is None or bool(said))
    states = [EntryState.FAILED]
    if retry_gone or source.listed <= 1:
        states.append(EntryState.GONE)
    if options.refresh:
        states.append(EntryState.HELD)

    def change(tx: Tx) -> None:
        if is_other:
            sources.change(tx, source.id, options=said, **_FORGET_MARKS)
        entry_moves.reset(tx, source.id, states)
        sources.ask(tx, source.id)

    app.store.transact(change)
    if is_other:
        _choose(app, source.id, options)
    if not options.refresh and source.listed_at is not None:
        presence.recheck(app, source.id)


def _choose(app: App, source_id: str, options: ArchiveOptions) -> None:
    """Other filters may want other entries of those that are known, and another limit fewer."""
    wanted, left, after = Filter(options), options.limit, (-1, "")
    while True:
        with app.store.read() as tx:
            page = entries.page(tx, source_id, after=after, limit=_PAGE)
        if not page:
            return
        after = (page[-1].position, page[-1].id)
        fits = {e.id: False for e in page}
        for entry in page:
            if left != 0 and wanted.wants(entry.title, entry.published_at):
                fits[entry.id] = True
                left = None if left is None else left - 1
        # With a code it was taken off the work plan by hand, and stays so.
        left_out = [e for e in page if e.state == EntryState.SKIPPED and e.code is None]
        back = [e.id for e in left_out if fits[e.id]]
        away = [e.id for e in page if e.state == EntryState.PENDING and not fits[e.id]]
        if back or away:
            app.store.transact(_sort(source_id, back, away))


def _sort(source_id: str, back: Sequence[str], away: Sequence[str]) -> Callable[[Tx], None]:
    def change(tx: Tx) -> None:
        entry_moves.reset(tx, source_id, [EntryState.SKIPPED], ids=back)
        entry_moves.skip(tx, source_id, away)

    return change
