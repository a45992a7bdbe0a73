"""The configured chains, as a part of the identity of what asks them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwright.app.wiring import App

_PROMPTED = ("vision", "language")


class Chains(Mapping[str, str]):
    """Kind → who would be asked, in order, and with which prompts of the user's own.

    Each is looked for when somebody wants it, and then stays: most plans ask no model, and looking
    takes a tenth of a second. Getting one raises CONFIG_INVALID.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._found: dict[str, str] = {}

    def __getitem__(self, kind: str) -> str:
        if kind not in self._found:
            self._found[kind] = self._look(kind)
        return self._found[kind]

    def __iter__(self) -> Iterator[str]:
        from reelwright.tools.models.kinds import ModelKind

        return (kind.value for kind in ModelKind)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _look(self, kind: str) -> str:
        from reelwright.tools.models.kinds import ModelKind
        from reelwright.tools.models.prompts import Prompts

        try:
            of = ModelKind(kind)
        except ValueError as error:
            raise KeyError(kind) from error
        pool = self._app.models
        text = ",".join(pool.text(spec) for spec in pool.chain(of))
        own = Prompts(pool.configured.prompts).digest() if kind in _PROMPTED else ""
        return f"{text}#{own}" if own else text
