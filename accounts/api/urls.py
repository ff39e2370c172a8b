"""Addresses of this app under /api/v1/."""

from django.urls import path

from accounts.api import views_auth as auth

urlpatterns = [
    path("auth/token/", auth.TokenView.as_view(), name="auth-token"),
    path("auth/token/refresh/", auth.RefreshView.as_view(), name="auth-token-refresh"),
    path("auth/logout/", auth.LogoutView.as_view(), name="auth-logout"),
    path("auth/logout/all/", auth.LogoutEverywhereView.as_view(), name="auth-logout-all"),
    path("auth/me/", auth.MeView.as_view(), name="auth-me"),
]
