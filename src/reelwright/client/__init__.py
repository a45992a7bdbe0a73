"""A client of `reel serve`, typed, for asyncio and without it.

    from reelwright.client import Client

    with Client("http://127.0.0.1:8000", token="…") as reel:
        job = reel.create_job({"inputs": {"talk": "https://…"}, "outputs": [...]})
        for event in reel.events(job.id):
            print(event)
        print(reel.wait(job.id).state)

It knows nothing of the rest of Reelwright but the error codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.client import models
    from reelwright.client.asynchronous.client import AsyncClient
    from reelwright.client.events import Event
    from reelwright.client.faults import ApiError
    from reelwright.client.patience import Patience
    from reelwright.client.synchronous.client import Client

__all__ = ["ApiError", "AsyncClient", "Client", "Event", "Patience", "models"]

_WHERE = {
    "ApiError": "faults",
    "AsyncClient": "asynchronous.client",
    "Client": "synchronous.client",
    "Event": "events",
    "Patience": "patience",
}


def __getattr__(name: str) -> Any:
    """Each is loaded when somebody asks for it: httpx and the models cost 0.3 s."""
    from importlib import import_module

    if name == "models":
        return import_module("reelwright.client.models")
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"reelwright.client.{_WHERE[name]}"), name)
