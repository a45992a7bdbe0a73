"""What calls cost, in US dollars, by the price list of genai-prices.

Unknown is None, never 0. What runs on this machine, or at an address of the user's own, is free.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from reelwright.tools.models.kinds import ModelIdentity, Usage

_PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "google": "google"}
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


def cost_usd(identity: ModelIdentity, usage: Usage, *, is_local: bool) -> float | None:
    """What a call cost, on the model that served (`Usage.model`); None where no price is known or
    the call did not say what it took."""
    if is_local:
        return 0.0
    if usage.cost_usd is not None:
        return usage.cost_usd
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    for name in (usage.model, identity.model):
        if name and (found := _price(identity.provider, name, usage)) is not None:
            return found
    return None


def _price(provider: str, model: str, usage: Usage) -> float | None:
    from genai_prices import Usage as Priced
    from genai_prices import calc_price

    of = _PROVIDERS.get(provider)
    if of is None:
        return None
    try:
        found = calc_price(
            Priced(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens),
            model_ref=model,
            provider_id=of,
        )
    except LookupError:
        return None
    return float(found.total_price)
