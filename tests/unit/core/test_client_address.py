"""A client can't choose its own address."""

import pytest
from django.test import RequestFactory

from core.api.client_address import client_address, is_within


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "1.2.3.4", "10.0.0.9"),
        (1, "", "10.0.0.9"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.1", "1.2.3.4"),
        (2, "1.2.3.4", "1.2.3.4"),
        (1, "::ffff:1.2.3.4", "1.2.3.4"),
        (1, "nonsense\r\nX: y", "0.0.0.0"),
    ],
)
def test_only_our_own_proxies_are_believed(settings, proxies: int, forwarded: str, address: str) -> None:  # type: ignore[no-untyped-def]
    settings.OPD_NUM_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.9", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == address


def test_networks() -> None:
    assert is_within("10.1.2.3", ["192.168.0.0/16", "10.0.0.0/8"])
    assert not is_within("11.1.2.3", ["10.0.0.0/8", "::1/128"])
