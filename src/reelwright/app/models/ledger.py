"""What stands behind the door to models: the store's records, cache, budgets and breakers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.tools.models.door import Ledger, Nobody

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.rows import StepRow


def ledger(app: App, row: StepRow | None, owner: str | None) -> Ledger:
    """Writes in the name of a step, or of an owner."""
    return Nobody()
