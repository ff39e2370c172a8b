"""Where a request came from: the one function that reads X-Forwarded-For."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The client's address as the outermost of our OPD_NUM_PROXIES proxies saw it, whatever the client claims."""
    direct = str(request.META.get("REMOTE_ADDR") or "")
    proxies = settings.OPD_NUM_PROXIES
    if proxies <= 0:
        return _clean(direct)
    hops = [hop.strip() for hop in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
    return _clean(hops[-min(proxies, len(hops))] if hops else direct)


@lru_cache(maxsize=8192)
def _clean(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return "0.0.0.0"  # noqa: S104
    return str(getattr(address, "ipv4_mapped", None) or address)


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Whether the address lies in one of the networks (CIDR)."""
    place = ipaddress.ip_address(address)
    return any(place in ipaddress.ip_network(network, strict=False) for network in networks)
