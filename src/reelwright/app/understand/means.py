"""Which kinds of models are there, and which of them may cost money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.app.understand.order import Means
from reelwright.tools.models.kinds import ModelKind

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.tools.models.providers import ModelSpec


def means(app: App) -> Means:
    """As the settings have it. Raises CONFIG_INVALID."""
    configured = app.models.configured
    chains = {kind: configured.chain(kind) for kind in ModelKind}
    return Means(
        there=frozenset(kind for kind, chain in chains.items() if chain),
        paid=frozenset(kind for kind, chain in chains.items() if any(map(_may_cost, chain))),
    )


def _may_cost(spec: ModelSpec) -> bool:
    from reelwright.tools.models.prices import is_free
    from reelwright.tools.models.providers import Runs, entry

    return entry(spec).runs is Runs.HOSTED and not is_free(spec)
