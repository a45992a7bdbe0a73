"""Every command in the manifests exists, with its options, and every variable is a setting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from reelwright.app.settings import load
from reelwright.errors import ReelError
from tests.deploy.manifests import Container, of_chart, of_compose

CONTAINERS = [*of_chart(), *of_compose()]
COMMANDS = {command: str(one) for one in CONTAINERS for command in one.commands}


def parsed(words: Sequence[str]) -> Any:
    """What the command line makes of them, without running it. Raises what it raises."""
    from typer.main import get_command

    from reelwright.cli.root import app

    command: Any = get_command(app)
    name, rest = "reel", list(words)
    while hasattr(command, "resolve_command"):
        context = command.make_context(name, rest)
        given = [*getattr(context, "_protected_args", []), *context.args]
        if not given and command.invoke_without_command:
            return context
        assert given, f"{words}: a command is missing"
        name, command, rest = command.resolve_command(context, given)
    context = command.make_context(name, rest)
    missing = [one.name for one in command.params if one.required and not context.params[one.name]]
    if missing:
        raise typer.TyperException(f"{words}: {missing} is missing")
    return context


@pytest.mark.parametrize("words", COMMANDS, ids=[" ".join(words[:2]) for words in COMMANDS])
def test_the_command_line_takes_it(words: tuple[str, ...]) -> None:
    assert parsed(words) is not None


@pytest.mark.parametrize(
    "words",
    [["serve", "--no-such-option"], ["cluster", "join"], ["clusters"], ["serve", "--port", "x"]],
)
def test_what_is_wrong_would_be_found(words: list[str]) -> None:
    with pytest.raises((typer.TyperException, ReelError)):
        parsed(words)


@pytest.mark.parametrize("container", CONTAINERS, ids=str)
def test_variables_are_settings(container: Container, tmp_path: Path) -> None:
    environ = {key: value for key, value in container.env.items() if key.startswith("REEL_")}
    environ = {key: value for key, value in environ.items() if key != "REEL_IMAGE"}
    settings = load({}, {**environ, "HOME": str(tmp_path)}).settings
    if environ:
        assert settings.database, "PostgreSQL is named by reference"
        assert settings.cluster.artifacts


def test_an_unknown_variable_would_be_found() -> None:
    with pytest.raises(ReelError, match="cluster"):
        load({}, {"REEL_CLUSTER__ADDRES": "a:1"})


def test_all_of_the_service_is_there() -> None:
    begun = {words[0] if words[0] != "cluster" else " ".join(words[:2]) for words in COMMANDS}
    assert begun >= {"serve", "worker", "db", "cluster start", "cluster join", "cluster drain"}


@pytest.mark.parametrize("container", CONTAINERS, ids=str)
def test_dispatchers_are_of_the_cluster_and_apis_run_nothing(container: Container) -> None:
    for words in container.commands:
        if words[0] == "serve":
            assert "--no-worker" in words
        if words[0] == "worker":
            by_flag = "--engine" in words and words[words.index("--engine") + 1] == "ray"
            assert by_flag or container.env["REEL_CLUSTER__ENGINE"] == "ray"
