"""`reel schema`: JSON Schemas for editors and programs."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson, operator_names

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Print a JSON Schema.")


@app.command()
def job(as_json: AsJson = False) -> None:
    """Print the schema of a job spec, with every operator's parameters.

    Example: `reel schema job > job.schema.json`, then in the spec's first line
    `# yaml-language-server: $schema=job.schema.json`
    """
    from reelwright.spec.schema import job_schema

    _print(job_schema(), as_json=as_json)


@app.command()
def operator(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=operator_names)],
    as_json: AsJson = False,
) -> None:
    """Print the schema of one operator's parameters.

    Example: `reel schema operator trim`
    """
    from reelwright.app.operators import describe

    _print(dict(describe(name).schema), as_json=as_json)


def _print(schema: dict[str, object], *, as_json: bool) -> None:
    """For people over many lines; with ``--json`` on one, like every answer to a program."""
    if as_json:
        terminal.emit(schema)
    else:
        terminal.out(json.dumps(schema, indent=2, ensure_ascii=False))
