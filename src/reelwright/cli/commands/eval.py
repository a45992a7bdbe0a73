"""`reel eval`: how good the search is, measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from reelwright.analysis.retrieval_measures import Interval
    from reelwright.app.search.evaluation import Measured

app = typer.Typer(add_completion=False)


@app.callback()
def evaluate() -> None:
    """Measure how good the search is, on queries whose answers are known."""


@app.command()
def search(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Golden queries, JSON lines or YAML: {query, relevant: [{asset or document,"
            " start, end, grade}], category}.",
        ),
    ],
    compare: Annotated[
        Path | None,
        typer.Option(metavar="OTHER.json", help="What `--json` gave before: what has changed?"),
    ] = None,
    words_only: Annotated[
        bool, typer.Option("--words", help="By words alone, not by meaning.")
    ] = False,
    least_iou: Annotated[
        float,
        typer.Option(
            "--iou", min=0, max=1, help="A hit must overlap an answer by so much to be it."
        ),
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Ask golden queries and measure what comes back: nDCG@10, recall, MRR, temporal IoU.

    Each with its 95 % interval, by bootstrap over the queries, in all and by category.

    Examples: `reel eval search golden.jsonl`, `reel eval search golden.jsonl --compare before.json`
    """
    from reelwright.app.search.evaluation import compared
    from reelwright.app.search.evaluation import evaluate as measure
    from reelwright.app.search.golden import read_golden
    from reelwright.cli.use import opened, run

    golden = read_golden(file)
    with opened() as used:
        found = run(
            lambda: measure(used, used.asker(), golden, is_lexical=words_only, least_iou=least_iou)
        )
    if compare is not None:
        found = compared(found, compare)
    if as_json:
        terminal.emit(found.to_json())
    else:
        _show(found)


def _show(found: Measured) -> None:
    whole = found.whole
    names = list(whole)
    rows = [("all", str(len(found.queries)), *(_interval(whole[name]) for name in names))]
    categories = found.of_category()
    for category, measured in categories.items() if len(categories) > 1 else ():
        count = max((one.count for one in measured.values()), default=0)
        cells = (_interval(measured[name]) if name in measured else "" for name in names)
        rows.append((category, str(count), *cells))
    terminal.table(("", "queries", *names), rows, right="queries")
    if found.changes:
        terminal.out()
        _show_changes(found.changes)
    for told in found.notes:
        terminal.note(terminal.printable(told))


def _show_changes(changes: Mapping[str, Interval]) -> None:
    rows = []
    for name, one in changes.items():
        is_sure = one.low > 0 or one.high < 0
        verdict = ("better" if one.mean > 0 else "worse") if is_sure else "may be chance"
        rows.append((name, f"{one.mean:+.3f}", f"{one.low:+.3f} to {one.high:+.3f}", verdict))
    terminal.table(("measure", "change", "95 %", ""), rows)


def _interval(one: Interval) -> str:
    return f"{one.mean:.3f} ({one.low:.3f}\u2013{one.high:.3f})"
