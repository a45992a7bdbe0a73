"""What calls cost, in US dollars, by the price list of genai-prices.

Unknown is None, never 0. What runs on this machine, or at an address of the user's own, is free.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from reelwright.tools.models.kinds import ModelIdentity, Usage
from reelwright.tools.models.providers import ModelSpec

_PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "google": "google"}
_OWN_SERVERS = ("local", "ollama")
_OWN_HOSTS = ("localhost", "host.docker.internal")
_OWN_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def is_own_address(url: str | None) -> bool:
    """Whether `url` leads to this machine or a private network: loopback, RFC 1918, link-local,
    names that only a local network knows. Names are not looked up."""
    host = (urlsplit(url or "").hostname or "").rstrip(".").lower()
    if not host:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host in _OWN_HOSTS or host.endswith(_OWN_ENDINGS)
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_private or mapped.is_link_local)


def is_free(spec: ModelSpec) -> bool:
    """On this machine, or a server of the user's own (`local:`, or at such an address), whatever
    the model is called; unless the settings say that it is a gateway to what costs."""
    if spec.options.get("is_gateway"):
        return False
    return spec.provider in _OWN_SERVERS or is_own_address(spec.url)


def cost_usd(identity: ModelIdentity, usage: Usage, *, is_local: bool) -> float | None:
    """What a call cost, on the model that served; None where no price of it is known, or the call
    did not say what it took."""
    if is_local:
        return 0.0
    if usage.cost_usd is not None:
        return usage.cost_usd
    served = usage.model or identity.model
    found = _price(identity.provider, served, usage)
    # A dated version that the list does not know yet costs what its model does.
    if found is None and served.startswith(f"{identity.model}-"):
        return _price(identity.provider, identity.model, usage)
    return found


def _price(provider: str, model: str, usage: Usage) -> float | None:
    import genai_prices

    of = _PROVIDERS.get(provider)
    if of is None or not model:
        return None
    try:
        price = genai_prices.calc_price(
            genai_prices.Usage(), model_ref=model, provider_id=of
        ).model_price
        taken = _taken(price, usage)
        if taken is None:
            return None
        found = genai_prices.calc_price(
            genai_prices.Usage(**taken), model_ref=model, provider_id=of
        )
    except (LookupError, ValueError):
        return None
    return float(found.total_price)


def _taken(price: object, usage: Usage) -> dict[str, int | float] | None:
    """The amounts that this price is of; None where one of them is not known: what is left out
    would count as 0."""

    def is_priced(*names: str) -> bool:
        return any(getattr(price, name, None) is not None for name in names)

    taken: dict[str, int | float | None] = {}
    if is_priced("input_mtok"):
        taken["input_tokens"] = usage.input_tokens
    if is_priced("output_mtok"):
        taken["output_tokens"] = usage.output_tokens
    if is_priced("input_audio_mtok") and usage.audio_s is not None:
        taken["input_tokens"] = taken["input_audio_tokens"] = usage.input_tokens
    if is_priced("audio_hours"):
        taken["audio_seconds"] = usage.audio_s
    if is_priced("input_mchars"):
        taken["input_characters"] = usage.characters
    known = {name: amount for name, amount in taken.items() if amount is not None}
    return known if known and len(known) == len(taken) else None
