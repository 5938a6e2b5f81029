"""Decides where a webhook may go: to hosts that the operator lists, and to no internal machine.

    https://hooks.example.com/relit     the host is listed, all of its addresses are public
    http://10.1.2.3:8080/relit          the network 10.1.0.0/16 is listed

A listed name alone does not open the operator's own network, as its owner could point it there:
private addresses need a listed network. Names are resolved once for each try, and the connection
goes to the address that was checked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple

import httpx

from service.jobs.name_lookup import Address, NameLookup

Network = IPv4Network | IPv6Network

_SCHEMES: Final = frozenset({"https", "http"})
_MAX_URL_LENGTH: Final = 2000
_TRANSLATED: Final = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
_UNICAST: Final = ip_network("2000::/3")  # RFC 4291: all that the internet has of IPv6


class RefusedDestination(Exception):
    """A webhook may not go there; the text says why."""


class Target(NamedTuple):
    """An address that was checked, and the URL as it was given."""

    url: httpx.URL
    address: Address


class Destinations:
    """The hosts and networks that webhooks may go to.

    Args:
        hosts: names, in lower case.
        networks: whose addresses need not be public.
    """

    def __init__(self, hosts: Collection[str], networks: Sequence[Network]) -> None:
        self._hosts = hosts
        self._networks = networks
        self._lookup = NameLookup()

    def check(self, text: str) -> httpx.URL:
        """Return the URL that a caller gives, as far as it can be checked without its addresses.

        Raises:
            RefusedDestination: it is malformed, or its host is not listed.
        """
        if len(text) > _MAX_URL_LENGTH:
            raise RefusedDestination(f"it has more than {_MAX_URL_LENGTH} characters")
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL:
            raise RefusedDestination("it is not a URL") from None
        if url.scheme not in _SCHEMES or not url.raw_host:
            raise RefusedDestination("it is not a URL that begins with https:// or http://")
        if url.port is not None and not 0 < url.port < 65536:
            raise RefusedDestination("it has a port that no host has")
        if url.userinfo or url.fragment:
            raise RefusedDestination("it has a user or a fragment")
        host = _ascii_host(url)
        literal = _literal(host)
        if host not in self._hosts and (literal is None or not self._lists(literal)):
            raise RefusedDestination("its host is not on this service's list")
        return url

    async def resolve(self, text: str) -> Target:
        """Return the address to connect to.

        Raises:
            RefusedDestination: as `check` does; or one of its addresses is not public and in no
                listed network; or it is `http` outside such a network.
            OSError: the name has no address.
        """
        url = self.check(text)
        addresses = await self._lookup.addresses(_ascii_host(url))
        if not all(self._lists(a) or _is_public(a) for a in addresses):
            raise RefusedDestination("its host has an address that is not public")
        if url.scheme == "http" and not all(map(self._lists, addresses)):
            raise RefusedDestination("it needs https outside of the listed networks")
        return Target(url, addresses[0])

    def _lists(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _ascii_host(url: httpx.URL) -> str:
    """Return the host as DNS has it: lower case, in Punycode, IPv6 without its brackets."""
    return url.raw_host.decode("ascii").lower().strip("[]")


def _is_public(address: Address) -> bool:
    """Return whether an address, and any that it carries inside, is one of the internet."""
    if isinstance(address, IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _TRANSLATED:
            inner.append(IPv4Address(int(address) & 0xFFFF_FFFF))
        if not all(_is_public(carried) for carried in inner if carried is not None):
            return False
        if address.ipv4_mapped is not None or address in _TRANSLATED:
            return True
        if address not in _UNICAST:  # as site-local ones, and others that carry IPv4's
            return False
    return address.is_global and not address.is_multicast
