"""Where a request came from: the one function that reads X-Forwarded-For."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

from core.api.request import ApiRequest

MAX_LENGTH = 64


def client_address(request: HttpRequest | ApiRequest) -> str:
    """The client's address as the outermost of our OPD_NUM_PROXIES proxies saw it, whatever the client claims."""
    direct = str(request.META.get("REMOTE_ADDR") or "")
    return _clean(outermost_hop(str(request.META.get("HTTP_X_FORWARDED_FOR", ""))) or direct)


def outermost_hop(forwarded: str) -> str:
    """What the outermost of our proxies wrote into a header that every proxy appends to; empty without a proxy.

    Counts OPD_NUM_PROXIES entries from the right: what stands further left comes from the client.
    """
    proxies = settings.OPD_NUM_PROXIES
    if proxies <= 0:
        return ""
    hops = [hop for each in forwarded.rsplit(",", proxies)[-proxies:] if (hop := each.strip())]
    return hops[0][:MAX_LENGTH] if hops else ""


@lru_cache(maxsize=8192)
def _clean(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return "0.0.0.0"  # noqa: S104
    return str(getattr(address, "ipv4_mapped", None) or address)


@lru_cache(maxsize=8192)
def network_of(address: str) -> str:
    """Return what limits count an address as: the /64 network of an IPv6 address, an IPv4 address itself.

    A subscriber gets at least a /64 of IPv6, and so has 2**64 addresses.
    """
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Whether the address lies in one of the networks (CIDR)."""
    place = ipaddress.ip_address(address)
    return any(place in ipaddress.ip_network(network, strict=False) for network in networks)
