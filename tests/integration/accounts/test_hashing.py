"""The production password hasher (other tests use a cheaper one)."""

import threading

from django.conf import settings
from django.test import override_settings

from accounts.auth.hashers import Argon2Hasher
from config.settings import accounts as accounts_settings


def test_passwords_are_hashed_as_owasp_recommends() -> None:
    encoded = Argon2Hasher().encode("quiet-harbour-42", Argon2Hasher().salt())
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert Argon2Hasher().verify("quiet-harbour-42", encoded)
    assert not Argon2Hasher().verify("quiet-harbour-43", encoded)
    assert accounts_settings.PASSWORD_HASHERS == ["accounts.auth.hashers.Argon2Hasher"]
    assert settings.PASSWORD_HASHERS != accounts_settings.PASSWORD_HASHERS


def test_concurrent_verifications_all_finish() -> None:
    with override_settings(PASSWORD_HASHERS=accounts_settings.PASSWORD_HASHERS):
        encoded = Argon2Hasher().encode("quiet-harbour-42", "salt" * 4)
        found: list[bool] = []
        threads = [
            threading.Thread(target=lambda: found.append(Argon2Hasher().verify("quiet-harbour-42", encoded)))
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [True] * 20
