"""The address of a client. No other module reads X-Forwarded-For."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

from core.api.request import ApiRequest

MAX_LENGTH = 64


def client_address(request: HttpRequest | ApiRequest) -> str:
    """Return the client's address as seen by the outermost of our OPD_NUM_PROXIES proxies."""
    direct = str(request.META.get("REMOTE_ADDR") or "")
    return _clean(outermost_hop(str(request.META.get("HTTP_X_FORWARDED_FOR", ""))) or direct)


def outermost_hop(forwarded: str) -> str:
    """Return what our outermost proxy appended to a header that every proxy appends to; empty without a proxy.

    The entry is number OPD_NUM_PROXIES from the right; entries further left come from the client.
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
    """Return what rate limits count as one client: an IPv4 address, or the /64 network of an IPv6 address.

    A subscriber of IPv6 gets at least a /64, which is 2**64 addresses.
    """
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Return whether the address is in one of the networks (CIDR)."""
    place = ipaddress.ip_address(address)
    return any(place in ipaddress.ip_network(network, strict=False) for network in networks)
