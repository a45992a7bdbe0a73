"""The configured chains, as a part of the identity of what asks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.tools.models.kinds import ModelKind
from reelwright.tools.models.prompts import Prompts

if TYPE_CHECKING:
    from reelwright.tools.models.chains import Configured

_PROMPTED = (ModelKind.VISION, ModelKind.LANGUAGE)


def chain_texts(configured: Configured) -> dict[str, str]:
    """Kind → who would be asked, in order, and with which prompts of the user's own. Raises
    CONFIG_INVALID."""
    own = Prompts(configured.prompts).digest()
    texts = {kind.value: configured.text(kind) for kind in ModelKind}
    if own:
        for kind in _PROMPTED:
            texts[kind.value] += f"#{own}"
    return texts
