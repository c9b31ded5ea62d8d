"""Where a download may go: https, to public addresses, checked at every hop.

A source's redirect must not make this machine ask its own network (metadata services, databases).
"""

import ipaddress
import os
import socket
import urllib.request
from dataclasses import dataclass, field

import httpx

from components.errors import SourceError


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
        if not bare.is_global and url.host.lower() not in allowed.private_hosts:
            raise SourceError(
                f"{url.host} resolves to {address}, which is not a public address.",
                "If this host is yours, name it in the environment variable GRAFTLINE_PRIVATE_HOSTS.",
            )
    # IPv4 first: many machines have an IPv6 address that leads nowhere.
    return str(min(addresses, key=lambda address: address.version))


def check_scheme(url: httpx.URL, allowed: Allowed) -> None:
    """https only, and no credentials inside the URL."""
    plain = url.scheme == "http" and allowed.plain_loopback and url.host == "127.0.0.1"
    if url.scheme != "https" and not plain:
        raise SourceError(f"A download leads to {url.scheme}://{url.host}; only https is followed.")
    if url.userinfo:
        raise SourceError(
            f"The URL at {url.host} holds a user name or password, which would end up in files and logs.",
            "Use s3: with credentials in the environment, or fetch the file yourself and name it by `file:`.",
        )


def _resolve(url: httpx.URL) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError) as error:
        raise httpx.ConnectError(f"{url.host} cannot be resolved: {error}") from error
    return [ipaddress.ip_address(str(row[4][0]).split("%")[0]) for row in found]
