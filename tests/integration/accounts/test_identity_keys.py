"""The migration that fills in the normalised names of existing users."""

import importlib

import pytest
from django.apps import apps

from accounts.models import User

pytestmark = pytest.mark.django_db
fill_keys = importlib.import_module("accounts.migrations.0005_identity_keys").fill_keys


def test_every_user_gets_the_keys_of_name_and_address() -> None:
    user = User.objects.create_user("Desk", "Desk@Hospital.example")
    User.objects.create_user("other")
    User.objects.update(email_key="")
    User.objects.filter(pk=user.pk).update(username_key="")
    fill_keys(apps, None)
    user.refresh_from_db()
    assert (user.username_key, user.email_key) == ("desk", "desk@hospital.example")


@pytest.mark.parametrize(
    "twin", [{"username": "de\u017fk"}, {"email": "DESK@hospital.example"}, {"username": "desk@hospital.example"}]
)
def test_users_with_one_normal_form_are_named_and_nothing_is_changed(twin: dict[str, str]) -> None:
    first = User.objects.create_user("desk", "desk@hospital.example")
    second = User.objects.create_user("other")
    User.objects.filter(pk=second.pk).update(**twin)  # as earlier versions' constraints allowed
    with pytest.raises(RuntimeError) as refused:
        fill_keys(apps, None)
    assert ", ".join(sorted([str(first.pk), str(second.pk)])) in str(refused.value)
    assert User.objects.get(pk=second.pk).username_key == "other"
