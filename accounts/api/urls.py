"""Addresses of this app under /api/v1/."""

from django.urls import path

from accounts.api import views_auth as auth
from accounts.api import views_keys as keys
from accounts.api import views_mfa as mfa
from accounts.api import views_oauth as oauth
from accounts.api import views_people as people

urlpatterns = [
    path("auth/token/", auth.TokenView.as_view(), name="auth-token"),
    path("auth/token/refresh/", auth.RefreshView.as_view(), name="auth-token-refresh"),
    path("auth/oauth/token/", oauth.OAuthTokenView.as_view(), name="auth-oauth-token"),
    path("auth/logout/", auth.LogoutView.as_view(), name="auth-logout"),
    path("auth/logout/all/", auth.LogoutEverywhereView.as_view(), name="auth-logout-all"),
    path("auth/me/", auth.MeView.as_view(), name="auth-me"),
    path("auth/register/", people.RegisterView.as_view(), name="auth-register"),
    path("auth/register/verify/", people.VerifyView.as_view(), name="auth-register-verify"),
    path("auth/password/forgot/", people.ForgotView.as_view(), name="auth-password-forgot"),
    path("auth/password/reset/", people.ResetView.as_view(), name="auth-password-reset"),
    path("auth/password/change/", people.ChangePasswordView.as_view(), name="auth-password-change"),
    path("auth/mfa/", mfa.MfaView.as_view(), name="auth-mfa"),
    path("auth/mfa/setup/", mfa.MfaSetupView.as_view(), name="auth-mfa-setup"),
    path("auth/mfa/confirm/", mfa.MfaConfirmView.as_view(), name="auth-mfa-confirm"),
    path("users/", people.UsersView.as_view(), name="users"),
    path("users/<id:pk>/", people.UserView.as_view(), name="user"),
    path("api-keys/", keys.ApiKeysView.as_view(), name="api-keys"),
    path("api-keys/<id:pk>/", keys.ApiKeyView.as_view(), name="api-key"),
]
