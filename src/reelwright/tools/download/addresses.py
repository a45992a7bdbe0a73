"""Which addresses a download may connect to."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from reelwright.errors import Code, ReelError

# Where clouds hand out their credentials, beside the link-local 169.254.169.254 and fe80::.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("fd00:ec2::254", "100.100.100.200", "192.0.0.192"),  # AWS by IPv6, Alibaba, Oracle
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052

_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def hold_to(*, allow_private: bool) -> None:
    """From now on this process connects to nothing else.

    For a child that does nothing but download: whatever is opened, by us, after a redirect or by a
    library, resolves its name here, and connects to what was checked, not to a second answer. Names
    then raise ADDRESS_REFUSED: always for link-local and metadata addresses; with `allow_private`
    False for every one that is not public.
    """
    resolve = socket.getaddrinfo

    def checked(host: Any, *rest: Any, **named: Any) -> Any:
        found = resolve(host, *rest, **named)
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        for *_, target in found:
            check(name, str(target[0]), allow_private=allow_private)
        return found

    socket.getaddrinfo = checked


def check(host: str, address: str, *, allow_private: bool) -> None:
    """Raises ADDRESS_REFUSED where `host`, which is at `address`, must not be connected to."""
    ip = _inner(ipaddress.ip_address(address.partition("%")[0]))
    is_public = ip.is_global and not ip.is_multicast
    if ip.is_link_local or ip in _METADATA or not (allow_private or is_public):
        shown = host if host == str(ip) else f"{host}, which is {ip},"
        raise ReelError(Code.ADDRESS_REFUSED, f"{shown} is no public address", where=host)


def check_literal(host: str, *, allow_private: bool) -> None:
    """As `check`, for a host written as an address: a proxy would connect to it for us."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    check(host, host, allow_private=allow_private)


def _inner(ip: _Ip) -> _Ip:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip
