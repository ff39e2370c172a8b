"""Users and keys on the admin site."""

from collections.abc import Callable, Iterable
from ipaddress import ip_network
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import admin as _groups  # noqa: F401 - registers what is taken off below
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django_otp.plugins.otp_totp import admin as _devices  # noqa: F401 - registers what is taken off below
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import users
from accounts.access.principal import principal_of
from accounts.access.roles import Scope
from accounts.audit.read_trail import attributed
from accounts.auth import api_keys, passwords, recent_sign_in, second_factor
from accounts.models import ApiKey, ReadTrail, User
from core.api.admin import RestrictedLookupsAdmin
from core.errors import EngineError


class AdminSignInForm(AdminAuthenticationForm):
    """User name, password and, for those who have set one up, the second factor."""

    # Django's UsernameField turns look-alike letters into plain ones; the API takes what is typed.
    username = forms.CharField(
        widget=forms.TextInput(attrs={"autofocus": True, "autocapitalize": "none", "autocomplete": "username"})
    )
    otp = forms.CharField(label="Second factor", required=False, max_length=32, strip=True)

    def clean(self) -> dict[str, Any]:
        """Recognise the user through the one door for passwords."""
        given = self.cleaned_data
        user = authenticate(
            self.request, username=given.get("username"), password=given.get("password"), otp=given.get("otp")
        )
        if user is None:
            raise self.get_invalid_login_error()
        self.confirm_login_allowed(user)
        if second_factor.is_demanded_of(role=user.role) and not second_factor.is_set_up(user=user):
            raise ValidationError("The hospital wants a second factor: set one up through the API first.")
        self.user_cache = user
        return given


# The page of django-otp shows and takes the secrets of second factors; groups mean nothing here, the role decides.
admin.site.unregister([TOTPDevice, Group])
admin.site.login_form = AdminSignInForm
admin.site.login_template = "accounts/admin_login.html"


def _own_password(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """Send administrators to their own page in the list of users: passwords are changed in one way only."""
    return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[request.user.pk]))


admin.site.password_change = _own_password  # type: ignore[assignment,method-assign]


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    """A user; the password is only ever written."""

    password = forms.CharField(
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
        max_length=128,
        help_text="Leave it empty to keep the one that is.",
    )

    class Meta:
        model = User
        fields = ("username", "email", "role", "doctor", "patients", "is_active")

    def clean(self) -> dict[str, Any]:
        """Refuse a weak password; an empty one keeps the present one."""
        given = super().clean() or self.cleaned_data
        people = [passwords.Person(each.name, each.phone, each.date_of_birth) for each in given.get("patients", ())]
        if given.get("doctor"):
            people.append(passwords.Person(given["doctor"].name))
        user = User(username=given.get("username", ""), email=given.get("email", ""))
        try:
            if given.get("password"):
                passwords.validate_for(password=given["password"], user=user, people=people)
        except ValidationError as error:
            self.add_error("password", error)
        return given


class KindAdmin(RestrictedLookupsAdmin):
    """Changes run under the caller's name in the database's history; a refusal is told on the page."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add and change."""
        return self._kindly(request, lambda: super(KindAdmin, self).changeform_view(request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Delete one."""
        return self._kindly(request, lambda: super(KindAdmin, self).delete_view(request, *args, **kwargs))

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The list and its actions."""
        return self._kindly(request, lambda: super(KindAdmin, self).changelist_view(request, *args, **kwargs))

    def _kindly(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        try:
            with attributed(request):
                return view()
        except EngineError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(request.path)


@admin.register(User)
class UserAdmin(KindAdmin):
    """Makes, changes and removes users by the same rules as the API."""

    form = UserForm
    list_display = ("username", "email", "role", "is_active", "created_at")
    list_filter = ("role", "is_active")
    search_fields = ("username", "email")
    raw_id_fields = ("doctor", "patients")
    actions = ("reset_second_factor",)

    @admin.action(description="Reset the second factor")
    def reset_second_factor(self, request: HttpRequest, queryset: Any) -> None:
        """Let the chosen users sign in with the password alone, until they set a second factor up again."""
        recent_sign_in.demand_recent_sign_in(request)
        for user in queryset:
            second_factor.reset(user=user, by=principal_of(request).actor)
            self.log_change(request, user, "Reset the second factor.")
            self.message_user(request, f"{user.username} signs in without a second factor.", messages.SUCCESS)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Through accounts.users, so that what ends sessions ends them here too."""
        given = form.cleaned_data
        common = {
            "username": given["username"],
            "email": given["email"],
            "role": given["role"],
            "doctor_id": given["doctor"].pk if given["doctor"] else None,
            "patient_ids": [each.pk for each in given["patients"]],
            "is_active": given["is_active"],
        }
        password = {"password": given["password"]} if given["password"] else {}
        by = principal_of(request).actor
        if change:
            before, changes = User.objects.get(pk=obj.pk), common | password
            recent_sign_in.demand_recent_sign_in_to_change(request, user=before, changes=changes)
            users.change_user(user_id=obj.pk, changes=changes, by=by)
        else:
            recent_sign_in.demand_recent_sign_in_for_administrator(request, role=given["role"])
            obj.pk = users.create_user(password=given["password"] or None, by=by, **common).pk

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Never the last administrator."""
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[User]) -> None:
        """One by one, by the same rule; none at all if one of them needs a recent sign-in."""
        chosen = list(queryset)
        for user in chosen:
            recent_sign_in.demand_recent_sign_in_for_administrator(request, role=user.role)
        for user in chosen:
            users.remove_user(user_id=user.pk, by=principal_of(request).actor)


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new key."""

    scopes = forms.MultipleChoiceField(choices=Scope.choices)
    allowed_networks = forms.CharField(
        required=False, widget=forms.Textarea, help_text="One network (10.20.0.0/16) on a line; empty: from anywhere."
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "allowed_networks", "expires_at")

    def clean_allowed_networks(self) -> list[str]:
        """Each line a network."""
        try:
            return [str(ip_network(line, strict=False)) for line in self.cleaned_data["allowed_networks"].split()]
        except ValueError as error:
            raise ValidationError("Not a network, for example 10.20.0.0/16.") from error


@admin.register(ApiKey)
class ApiKeyAdmin(KindAdmin):
    """Keys are made here and shown once; afterwards they can only be looked at and revoked."""

    form = ApiKeyForm
    list_display = ("name", "prefix", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")
    actions = ("revoke",)
    exclude = ("secret_sha256",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Make the key; `response_add` shows it."""
        recent_sign_in.demand_recent_sign_in(request)
        key, obj.text = api_keys.make_key(created_by_id=request.user.pk, **form.cleaned_data)
        obj.pk = key.pk

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the key on a page that no browser and no proxy stores."""
        facts = {"key": obj, "text": obj.text, "list_url": reverse("admin:accounts_apikey_changelist")}
        page = {**self.admin_site.each_context(request), "title": "New API key", **facts}
        return TemplateResponse(
            request, "accounts/admin_new_key.html", page, headers={"Cache-Control": "no-store, private"}
        )

    @admin.action(description="Revoke for ever")
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        """End the chosen keys."""
        for key in queryset:
            api_keys.revoke_key(key_id=key.pk)

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """What a key may do is settled when it is made."""
        return obj is None and bool(request.user.is_staff)

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Revoked keys stay on file: the log speaks of them."""
        return False


@admin.register(ReadTrail)
class ReadTrailAdmin(RestrictedLookupsAdmin):
    """Who read whose record; nobody can change it."""

    list_display = ("at", "actor", "what", "request_id")
    list_filter = ("at",)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By the id of a patient."""
        try:
            return queryset.filter(patient_ids__contains=[UUID(search_term.strip())]), False
        except ValueError:
            return (queryset.none() if search_term.strip() else queryset), False

    search_fields = ("actor",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ReadTrail | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ReadTrail | None = None) -> bool:
        """Never."""
        return False
