"""Where a download may go: https, to public addresses, checked at every hop.

A source's redirect must not make this machine ask its own network (metadata services, databases).
"""

import ipaddress
import os
import socket
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from components.errors import SourceRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# NAT64 (RFC 6052), IPv4-compatible (RFC 4291, 2.5.5.1) and IPv4-translated (RFC 2765) addresses end with an IPv4 one.
LAST_32_BITS = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96")))
LOCAL = (
    ipaddress.IPv6Network("64:ff9b:1::/48"),
)  # NAT64 into whatever the network's operator chose (RFC 8215)


@dataclass(frozen=True)
class Allowed:
    """Exceptions from the rule.

    Attributes:
        private_hosts: names that may resolve to private addresses, such as a company's own file server.
        plain_loopback: http to 127.0.0.1 too; for tests.
    """

    private_hosts: frozenset[str] = field(default_factory=frozenset)
    plain_loopback: bool = False


def allowed_from_environment() -> Allowed:
    """GRAFTLINE_PRIVATE_HOSTS: names, separated by commas."""
    names = os.environ.get("GRAFTLINE_PRIVATE_HOSTS", "").split(",")
    return Allowed(frozenset(name.strip().lower() for name in names if name.strip()))


def proxy_for(url: httpx.URL) -> str | None:
    """The proxy that the environment names for `url`; it then resolves names and is the rule."""
    if urllib.request.proxy_bypass(url.host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def checked_address(url: httpx.URL, allowed: Allowed) -> str:
    """The address to connect to, as text. Raises SourceError where the rule forbids the URL.

    The caller connects to exactly this address: a name that resolves differently a moment later (DNS
    rebinding) changes nothing.
    """
    addresses = _resolve(url)
    for address in addresses:
        # An IPv4 address may come dressed as IPv6.
        bare = getattr(address, "ipv4_mapped", None) or address
        if allowed.plain_loopback and bare.is_loopback:
            continue
        if not is_public(address) and url.host.lower() not in allowed.private_hosts:
            raise SourceRefused(
                f"{url.host} resolves to {address}, which is not a public address.",
                "If this host is yours, name it in the environment variable GRAFTLINE_PRIVATE_HOSTS.",
            )
    # IPv4 first: many machines have an IPv6 address that leads nowhere.
    return str(min(addresses, key=lambda address: address.version))


def is_public(address: Address) -> bool:
    """Whether `address`, and every IPv4 address that it leads to, is a public one of a single host."""
    return all(
        found.is_global and not found.is_multicast and not getattr(found, "is_site_local", False)
        for found in (address, *_embedded(address))
    ) and not any(address in network for network in LOCAL)


def _embedded(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses inside an IPv6 address, to which a translator or a tunnel would lead."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.ipv4_mapped:
        yield address.ipv4_mapped
    if address.sixtofour:
        yield address.sixtofour
    yield from address.teredo or ()
    value = int(address)
    # ISATAP (RFC 5214, 6.1) may follow any prefix.
    if any(address in network for network in LAST_32_BITS) or (value >> 32) & 0xFDFFFFFF == 0x00005EFE:
        yield ipaddress.IPv4Address(value & 0xFFFFFFFF)


def check_scheme(url: httpx.URL, allowed: Allowed) -> None:
    """https only, and no credentials inside the URL."""
    plain = url.scheme == "http" and allowed.plain_loopback and url.host == "127.0.0.1"
    if url.scheme != "https" and not plain:
        raise SourceRefused(f"A download leads to {url.scheme}://{url.host}; only https is followed.")
    if url.userinfo:
        raise SourceRefused(
            f"The URL at {url.host} holds a user name or password, which would end up in files and logs.",
            "Use s3: with credentials in the environment, or fetch the file yourself and name it by `file:`.",
        )


def _resolve(url: httpx.URL) -> list[Address]:
    try:
        found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError) as error:
        raise httpx.ConnectError(f"{url.host} cannot be resolved: {error}") from error
    return [ipaddress.ip_address(str(row[4][0]).split("%")[0]) for row in found]
