"""`reel operators`: the verbs of a spec."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import choice, terminal
from reelwright.cli.options import AsJson, operator_names

if TYPE_CHECKING:
    from reelwright.app.operators import Described, Taken

app = typer.Typer(add_completion=False)


@app.command()
def operators(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="One of them.", autocompletion=operator_names),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the operators, or show what one takes.

    Example: `reel operators trim`
    """
    if name is not None:
        described = _described(name)
        if as_json:
            terminal.emit(described.to_json())
        else:
            _show(described)
        return
    found = _summaries()
    if as_json:
        terminal.emit({"operators": [{"name": n, "summary": s} for n, s in found]})
    else:
        terminal.table(["operator", "what it does"], found)


def _described(name: str) -> Described:
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import looking

        return looking.operator(target, name)
    from reelwright.app.operators import describe

    return describe(name)


def _summaries() -> list[tuple[str, str]]:
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import looking

        return looking.operators(target)
    from reelwright.app.operators import summaries

    return summaries()


def _show(described: Described) -> None:
    terminal.out(f"{terminal.bold(described.name)}  {described.summary}")
    _list("ports", described.ports, "optional")
    _list("parameters", described.parameters, "default")
    if described.example:
        terminal.out("\nexample")
        terminal.out(textwrap.indent(described.example, "  "))


def _list(title: str, entries: Sequence[Taken], word: str) -> None:
    if not entries:
        return
    terminal.out(f"\n{title}")
    for entry in entries:
        _wrapped(f"{entry.name}: {entry.type}{_after(entry, word)}", "  ", "      ")
        _wrapped(entry.about, "      ", "      ")


def _after(entry: Taken, word: str) -> str:
    if entry.default is None:
        return "; needed"
    if entry.default == "-":
        return "; optional"
    return f"; {word} {entry.default}"


def _wrapped(text: str, first: str, then: str) -> None:
    for line in textwrap.wrap(text, 96, initial_indent=first, subsequent_indent=then):
        terminal.out(line)
