"""Options whose value may be left out: ``--otio`` is standard output, ``--otio FILE`` that file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from typer.core import TyperCommand

if TYPE_CHECKING:
    from typer._click import Context

STDOUT = "-"


class OptionalValue(TyperCommand):
    """Of the options in `may_be_bare` the value is `STDOUT` where another option or nothing
    follows."""

    may_be_bare: ClassVar[frozenset[str]] = frozenset()

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(self._filled(args)))

    def _filled(self, args: Sequence[str]) -> list[str]:
        filled: list[str] = []
        for n, arg in enumerate(args):
            filled.append(arg)
            following = args[n + 1] if n + 1 < len(args) else "-x"
            is_option = following.startswith("-") and following != STDOUT
            if arg in self.may_be_bare and is_option and "--" not in args[:n]:
                filled.append(STDOUT)
        return filled
