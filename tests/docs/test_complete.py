"""Nothing that a person can set or call is left out of its page."""

import re
from pathlib import Path

import pytest
from typer._click import Command, Context
from typer.core import TyperGroup
from typer.main import get_command

from reelwright.app.settings import names
from reelwright.cli.root import app

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"


def paths(command: Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The words of each command that does something."""
    if not isinstance(command, TyperGroup):
        return [path]
    context = Context(command)
    found = [] if command.no_args_is_help or not path else [path]
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        found += paths(inner, (*path, name))
    return found


@pytest.mark.parametrize("path", paths(get_command(app)), ids=" ".join)
def test_every_command_stands_in_its_table(path: tuple[str, ...]) -> None:
    page = (GUIDES / "cli.md").read_text(encoding="utf-8")
    if path[0] == "webhooks":  # a page of its own tells them all
        page += (GUIDES / "webhooks.md").read_text(encoding="utf-8")
    assert re.search(rf"\breel {' '.join(path)}\b", page)


@pytest.mark.parametrize("name", [name for name, _ in names()])
def test_every_setting_stands_in_its_table(name: str) -> None:
    page = (GUIDES / "configuration.md").read_text(encoding="utf-8")
    assert re.search(rf"^\|.*`{re.escape(name)}`.*\|.*\|.*\|$", page, re.MULTILINE)
