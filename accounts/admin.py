"""Users, API keys and the read trail on the admin site."""

from collections.abc import Callable, Iterable
from ipaddress import ip_network
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import admin as _groups  # noqa: F401 - registers models that are unregistered below
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django_otp.plugins.otp_totp import admin as _devices  # noqa: F401 - registers models that are unregistered below
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import users
from accounts.access.principal import actor_of, principal_of
from accounts.access.roles import Scope
from accounts.access.scoping import facility_of_new_row
from accounts.audit.read_trail import attributed, reads_of
from accounts.auth import api_keys, passwords, recent_sign_in, second_factor
from accounts.models import ApiKey, ReadTrail, User
from accounts.scoped_admin import ScopedAdmin
from core.api.admin import RestrictedLookupsAdmin
from core.errors import EngineError


class AdminSignInForm(AdminAuthenticationForm):
    """The sign-in form: user name, password and, if the user has set one up, second factor."""

    # Django's UsernameField normalises look-alike letters; the API does not.
    username = forms.CharField(
        widget=forms.TextInput(attrs={"autofocus": True, "autocapitalize": "none", "autocomplete": "username"})
    )
    otp = forms.CharField(label="Second factor", required=False, max_length=32, strip=True)

    def clean(self) -> dict[str, Any]:
        """Authenticate the user by the same sign-in as the API."""
        data = self.cleaned_data
        user = authenticate(
            self.request, username=data.get("username"), password=data.get("password"), otp=data.get("otp")
        )
        if user is None:
            raise self.get_invalid_login_error()
        self.confirm_login_allowed(user)
        if second_factor.is_required_for(role=user.role) and not second_factor.is_set_up(user=user):
            raise ValidationError("The hospital requires a second factor: set one up through the API first.")
        self.user_cache = user
        return data


# django-otp's pages would show and change the secrets of second factors; groups have no effect, only the role has.
admin.site.unregister([TOTPDevice, Group])
admin.site.login_form = AdminSignInForm
admin.site.login_template = "accounts/admin_login.html"


def _own_password(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """Redirect to the caller's own page in the list of users, the only place to change passwords."""
    return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[request.user.pk]))


admin.site.password_change = _own_password  # type: ignore[assignment,method-assign]


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a user; the password is write-only."""

    password = forms.CharField(
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
        max_length=128,
        help_text="Leave it empty to keep the current password.",
    )

    class Meta:
        model = User
        fields = ("username", "email", "role", "doctor", "patients", "is_active")

    def clean(self) -> dict[str, Any]:
        """Refuse a weak password; an empty one keeps the current password."""
        data = super().clean() or self.cleaned_data
        people = [passwords.Person(each.name, each.phone, each.date_of_birth) for each in data.get("patients", ())]
        if data.get("doctor"):
            people.append(passwords.Person(data["doctor"].name))
        user = User(username=data.get("username", ""), email=data.get("email", ""))
        try:
            if data.get("password"):
                passwords.validate_for(password=data["password"], user=user, people=people)
        except ValidationError as error:
            self.add_error("password", error)
        return data


class AttributedAdmin(ScopedAdmin):
    """Attribute changes to the caller in the history tables, and show an EngineError as a message on the page."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show or save the form that adds or changes an object."""
        return self._attributed_view(
            request, lambda: super(AttributedAdmin, self).changeform_view(request, *args, **kwargs)
        )

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the confirmation page, or delete the object."""
        return self._attributed_view(
            request, lambda: super(AttributedAdmin, self).delete_view(request, *args, **kwargs)
        )

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the list, or run an action."""
        return self._attributed_view(
            request, lambda: super(AttributedAdmin, self).changelist_view(request, *args, **kwargs)
        )

    def _attributed_view(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        try:
            with attributed(request):
                return view()
        except EngineError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(request.path)


@admin.register(User)
class UserAdmin(AttributedAdmin):
    """Creates, changes and deletes users by the rules of the API."""

    form = UserForm
    list_display = ("username", "email", "role", "is_active", "created_at")
    list_filter = ("role", "is_active")
    search_fields = ("username", "email")
    raw_id_fields = ("doctor", "patients")
    actions = ("reset_second_factor",)

    @admin.action(description="Reset the second factor")
    def reset_second_factor(self, request: HttpRequest, queryset: Any) -> None:
        """Remove the second factor of the selected users; they then sign in with the password alone."""
        recent_sign_in.require_recent_sign_in(request)
        for user in queryset:
            users.refuse_unmanaged(user, within=principal_of(request).facility_id)
            second_factor.reset(user=user, by=principal_of(request).actor)
            self.log_change(request, user, "Reset the second factor.")
            self.message_user(request, f"{user.username} signs in without a second factor.", messages.SUCCESS)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save the user through accounts.users, which also ends the sessions that the change invalidates."""
        data = form.cleaned_data
        common = {
            "username": data["username"],
            "email": data["email"],
            "role": data["role"],
            "doctor_id": data["doctor"].pk if data["doctor"] else None,
            "patient_ids": [each.pk for each in data["patients"]],
            "is_active": data["is_active"],
        }
        password = {"password": data["password"]} if data["password"] else {}
        by = principal_of(request).actor
        if change:
            before, changes = User.objects.get(pk=obj.pk), common | password
            recent_sign_in.require_recent_sign_in_to_change(request, user=before, changes=changes)
            users.change_user(user_id=obj.pk, changes=changes, by=by, within=principal_of(request).facility_id)
        else:
            recent_sign_in.require_recent_sign_in_for_administrator(request, role=data["role"])
            facility_id = facility_of_new_row(principal_of(request), data["doctor"] and data["doctor"].facility_id)
            password["password"] = data["password"] or None
            obj.pk = users.create_user(facility_id=facility_id, by=by, **common, **password).pk

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Delete a user, but not the last administrator."""
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[User]) -> None:
        """Delete the users one by one; delete none if one of them requires a recent sign-in."""
        chosen = list(queryset)
        for user in chosen:
            recent_sign_in.require_recent_sign_in_for_administrator(request, role=user.role)
        for user in chosen:
            caller = principal_of(request)
            users.remove_user(user_id=user.pk, by=caller.actor, within=caller.facility_id)


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a new API key."""

    scopes = forms.MultipleChoiceField(choices=Scope.choices)
    allowed_networks = forms.CharField(
        required=False, widget=forms.Textarea, help_text="One network (10.20.0.0/16) per line; empty: any address."
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "allowed_networks", "expires_at")

    def clean_allowed_networks(self) -> list[str]:
        """Parse the networks, one per line."""
        try:
            return [str(ip_network(line, strict=False)) for line in self.cleaned_data["allowed_networks"].split()]
        except ValueError as error:
            raise ValidationError("Not a network, for example 10.20.0.0/16.") from error


@admin.register(ApiKey)
class ApiKeyAdmin(AttributedAdmin):
    """Creates API keys, each shown once; existing keys can only be viewed and revoked."""

    form = ApiKeyForm
    list_display = ("name", "prefix", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")
    actions = ("revoke",)
    exclude = ("secret_sha256",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Create the key; `response_add` shows it."""
        recent_sign_in.require_recent_sign_in(request)
        facility_id = facility_of_new_row(principal_of(request), None)
        key, obj.text = api_keys.make_key(facility_id=facility_id, created_by_id=request.user.pk, **form.cleaned_data)
        obj.pk = key.pk

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the key on a page that browsers and proxies do not store."""
        facts = {"key": obj, "text": obj.text, "list_url": reverse("admin:accounts_apikey_changelist")}
        page = {**self.admin_site.each_context(request), "title": "New API key", **facts}
        return TemplateResponse(
            request, "accounts/admin_new_key.html", page, headers={"Cache-Control": "no-store, private"}
        )

    @admin.action(description="Revoke permanently")
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        """Revoke the selected keys."""
        for key in queryset:
            api_keys.revoke_key(key_id=key.pk)

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Allow the list, but no change of a key."""
        return obj is None and bool(request.user.is_staff)

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Return False: the event log refers to revoked keys."""
        return False


@admin.register(ReadTrail)
class ReadTrailAdmin(RestrictedLookupsAdmin):
    """The read trail, read-only. An ADMIN sees the reads of the staff and keys of their facility."""

    list_display = ("at", "actor", "what", "request_id")
    list_filter = ("at",)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the reads that the caller may see."""
        reads, within = super().get_queryset(request), principal_of(request).facility_id
        if within is None:
            return reads
        staff = User.objects.filter(facility_id=within, is_superuser=False).values_list("pk", flat=True)
        keys = ApiKey.objects.filter(facility_id=within).values_list("pk", flat=True)
        return reads.filter(actor__in=[*(actor_of("user", pk) for pk in staff), *(actor_of("key", pk) for pk in keys)])

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Search by the id of a patient."""
        try:
            return queryset.filter(pk__in=reads_of(UUID(search_term.strip())).values("pk")), False
        except ValueError:
            return (queryset.none() if search_term.strip() else queryset), False

    search_fields = ("actor",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ReadTrail | None = None) -> bool:
        """Return False."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ReadTrail | None = None) -> bool:
        """Return False."""
        return False
