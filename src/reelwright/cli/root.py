"""The commands by name. Each stands in a module of its own, which is loaded when it is called."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from reelwright.cli import choice, terminal
from reelwright.cli.exits import MEANINGS, exit_code
from reelwright.errors import Code, Problem, ReelError

if TYPE_CHECKING:
    from typer._click import Command, Context

_COMMANDS = (
    "run",
    "plan",
    "probe",
    "shots",
    "transcribe",
    "captions",
    "read-text",
    "operators",
    "archive",
    "follow",
    "library",
    "metadata",
    "understand",
    "search",
    "ask",
    "clip",
    "eval",
    "prompts",
    "costs",
    "index",
    "workplan",
    "import",
    "verify",
    "jobs",
    "status",
    "logs",
    "watch",
    "cancel",
    "retry",
    "resume",
    "serve",
    "worker",
    "cluster",
    "keys",
    "webhooks",
    "audit",
    "cache",
    "db",
    "doctor",
    "schema",
    "config",
    "demo",
)

_STOPPED = 130
_EXITS = "; ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items())


class _Lazy(TyperGroup):
    """Loads a command when somebody wants it."""

    def list_commands(self, ctx: Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name not in _COMMANDS:
            return None
        # A keyword is no name of a module: `import_`; nor is one with a hyphen.
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name.replace("-", "_")
        module = import_module(f"reelwright.cli.commands.{name}")
        command = get_command(module.app)
        command.name = cmd_name
        return command

    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            from reelwright.graph.params.nearest import meant

            near = meant(args[0], _COMMANDS)
            raise ReelError(
                Code.USAGE,
                f"there is no command '{args[0]}'{', ' if near else ''}{near}",
                hint="`reel --help` lists the commands",
            )
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Lazy,
    name="reel",
    help="Keep, shape and search video: one spec, one graph, one engine.",
    epilog=f"Exit codes: {_EXITS}.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        from reelwright import __version__

        terminal.out(f"reel {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
    server: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Ask this `reel serve`, not this machine. [REEL_SERVER]"),
    ] = None,
    token: Annotated[
        str | None, typer.Option(metavar="TOKEN", help="The server's token. [REEL_TOKEN]")
    ] = None,
) -> None:
    """Keep, shape and search video: one spec, one graph, one engine."""
    choice.choose(server, token, for_command=context.invoked_subcommand)


def run(args: Sequence[str]) -> int:
    """Runs a command and gives its exit code. Raises what the command raised."""
    try:
        code = int(app(args=list(args), prog_name="reel", standalone_mode=False) or 0)
        # Typer's answer to Ctrl-C is that of a shell; ours is in the table.
        return exit_code(Code.CANCELLED) if code == _STOPPED else code
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        return exit_code(Code.CANCELLED)
    except typer.TyperException as error:
        return _usage(error, as_json="--json" in args)


def _usage(error: Any, *, as_json: bool) -> int:
    """An option or argument that does not fit: Typer's own message, or the JSON form."""
    if as_json:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        return terminal.report(ReelError.of(Problem(Code.USAGE, message)), as_json=True)
    from typer import rich_utils

    rich_utils.rich_format_error(error)
    return exit_code(Code.USAGE)
