"""Which addresses a download, or a message to a webhook, may connect to."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.tools.download.proxies import Through

_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Where clouds hand out their credentials.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",  # AWS, Google, Azure and most others
            "169.254.170.2",  # AWS, for containers
            "169.254.170.23",
            "fd00:ec2::254",  # AWS by IPv6
            "fd00:ec2::23",
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle
            "168.63.129.16",  # Azure: a public address that only its own machines reach
        ),
    )
)
_LINK_LOCAL = tuple(map(ipaddress.ip_network, ("169.254.0.0/16", "fe80::/10")))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215
_UNICAST = ipaddress.ip_network("2000::/3")  # what of IPv6 is given out to the world
_PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")  # RFC 6890, 2.2.2


def networks(text: str, where: str = "net_allow") -> tuple[_Network, ...]:
    """``10.0.0.0/8,fd00::/8`` or single addresses. Raises CONFIG_INVALID."""
    found: list[_Network] = []
    for part in text.replace(" ", "").split(","):
        if not part:
            continue
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise ReelError(
                Code.CONFIG_INVALID,
                f"'{part}' is no network: {error}",
                where=where,
                hint="write networks with commas between them: 127.0.0.0/8,10.1.0.0/16,fd00::/8",
            ) from error
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be connected to beside public addresses.

    `allow_private`: every address but link-local and metadata ones. `allowed`: networks that are
    named. A link-local address needs a network that lies within the link-local ones, a metadata
    address needs itself to be named: who writes ``0.0.0.0/0`` or ``10.0.0.0/8`` means neither.
    """

    allow_private: bool = True
    allowed: tuple[_Network, ...] = ()

    @staticmethod
    def of(*, allow_private: bool, net_allow: str = "") -> Reach:
        """Raises CONFIG_INVALID."""
        return Reach(allow_private, networks(net_allow))

    def check(self, host: str, address: str) -> None:
        """Raises ADDRESS_REFUSED where `host`, which is at `address`, must not be connected to."""
        ip = _inner(ipaddress.ip_address(address.partition("%")[0]))
        if self._may(ip):
            return
        shown = host if host == str(ip) else f"{host}, which is {ip},"
        raise ReelError(
            Code.ADDRESS_REFUSED,
            f"{shown} is no public address",
            where=host,
            hint="only public addresses are connected to from here, and the networks that the "
            "setting net_allow (REEL_NET_ALLOW) names",
        )

    def check_literal(self, host: str) -> None:
        """As `check`, for a host written as an address, in whatever way; a name passes."""
        try:
            address = socket.inet_ntoa(socket.inet_aton(host))  # 127.1, 0x7f.1, 2130706433
        except OSError:
            address = host
        try:
            ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return
        self.check(host, address)

    def names(self, address: str) -> bool:
        """Whether `address` lies in a network that is allowed by name."""
        ip = _inner(ipaddress.ip_address(address.partition("%")[0]))
        return any(ip in network for network in self.allowed) and self._may(ip)

    def _may(self, ip: _Ip) -> bool:
        if ip in _METADATA:
            return any(n.num_addresses == 1 and ip in n for n in self.allowed)
        if any(ip in network for network in _LINK_LOCAL):
            return any(ip in n and _is_link_local(n) for n in self.allowed)
        return self.allow_private or _is_public(ip) or any(ip in n for n in self.allowed)


def hold_to(
    *,
    allow_private: bool,
    net_allow: str = "",
    proxy: str | None = None,
    trusts_proxy: bool = False,
) -> None:
    """From now on this process connects to nothing else.

    For a child that does nothing but download: whatever is opened, by us, after a redirect or by a
    library, resolves its name here, and connects to what was checked, not to a second answer. Names
    then raise ADDRESS_REFUSED, and so does a connection to an address that no name led to. `proxy`:
    what requests go through (see `proxies`); without `allow_private` it is the administrator's
    (`trusts_proxy`) or within `net_allow`. Raises CONFIG_INVALID.
    """
    reach = Reach.of(allow_private=allow_private, net_allow=net_allow)
    through = _go_through(None if allow_private else proxy, reach, is_trusted=trusts_proxy)
    kind: Any = socket.socket
    resolve, connect, connect_ex = socket.getaddrinfo, kind.connect, kind.connect_ex

    def checked(host: Any, *rest: Any, **named: Any) -> Any:
        found = resolve(host, *rest, **named)
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        if through is not None and through.is_at(name, rest[0] if rest else named.get("port")):
            through.admit(reach, (str(target[0]) for *_, target in found))
            return found
        for *_, target in found:
            reach.check(name, str(target[0]))
        return found

    def pinned(self: socket.socket, target: Any) -> Any:
        if self.family not in (socket.AF_INET, socket.AF_INET6):
            return target
        host = str(target[0])
        if through is not None and through.has_admitted(host, target[1]):
            return target
        try:
            ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return checked(*target[:2], family=self.family, type=self.type)[0][4]
        reach.check(host, host)
        return target

    socket.getaddrinfo = checked
    kind.connect = lambda self, target: connect(self, pinned(self, target))
    kind.connect_ex = lambda self, target: connect_ex(self, pinned(self, target))


def _go_through(proxy: str | None, reach: Reach, *, is_trusted: bool) -> Through | None:
    """Hosts of requests are held to `reach` before the proxy hears of them."""
    if proxy is None:
        return None
    from reelwright.tools.download.proxies import Through, hold_requests

    resolve = socket.getaddrinfo

    def check_host(host: str) -> None:
        reach.check_literal(host)
        for *_, target in resolve(host, None, type=socket.SOCK_STREAM):
            reach.check(host, str(target[0]))

    hold_requests(check_host)
    return Through.of(proxy, is_trusted=is_trusted)


def check(host: str, address: str, *, allow_private: bool, net_allow: str = "") -> None:
    """Raises ADDRESS_REFUSED where `host`, which is at `address`, must not be connected to."""
    Reach.of(allow_private=allow_private, net_allow=net_allow).check(host, address)


def check_literal(host: str, *, allow_private: bool, net_allow: str = "") -> None:
    """As `check`, for a host written as an address: a proxy would connect to it for us."""
    Reach.of(allow_private=allow_private, net_allow=net_allow).check_literal(host)


def _is_public(ip: _Ip) -> bool:
    if ip.version == 6:
        return ip in _UNICAST and ip.is_global
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and ip not in _PROTOCOLS


def _is_link_local(network: _Network) -> bool:
    """Whether it lies within the link-local addresses."""
    return any(
        network.version == outer.version
        and network.network_address in outer
        and network.broadcast_address in outer
        for outer in _LINK_LOCAL
    )


def _inner(ip: _Ip) -> _Ip:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64 or ip in _NAT64_LOCAL:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if 1 < int(ip) < 1 << 32:  # ::127.0.0.1, which nobody should write any more (RFC 4291)
        return ipaddress.IPv4Address(int(ip))
    return ip.ipv4_mapped or ip.sixtofour or ip
