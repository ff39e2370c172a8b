"""Applications, middleware and Django's general settings."""

from pathlib import Path

from config.settings.env import env
from config.settings.rules import OPD_TIME_ZONE

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = Path(env.str("OPD_DATA_DIR", default=".opd"))

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "pgtrigger",
    "pghistory",
    "core",
    "events",
    "accounts",
    "clinics",
    "patients",
    "waitlist",
    "tokens",
    "reports",
    "live",
    "ops",
]

MIDDLEWARE = [
    "core.api.middleware.RequestLog",
    "core.api.middleware.ProblemDetails",
    "core.api.middleware.ByPath",
    "core.api.middleware.BodyLimit",
    "core.api.middleware.SecureTransport",
]
# All that API requests need: middleware that sets headers, and CORS if the request has an Origin.
OPD_API_PATHS = ("/api/v1/",)
OPD_HEADER_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
OPD_CROSS_ORIGIN_MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"]
# For pages (the documentation, the admin site) and all other paths.
OPD_PAGE_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = OPD_TIME_ZONE

STATIC_URL = "/static/"
# Static files are served from the packages' folders, so collectstatic is not needed.
WHITENOISE_USE_FINDERS = True

DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

SILENCED_SYSTEM_CHECKS: list[str] = [
    "auth.W004",  # user names are unique by their normal form, by the constraint on username_key
    # core.api.middleware.ByPath runs the admin site's middleware for every path outside the API.
    *("admin.E408", "admin.E409", "admin.E410", "security.W001", "security.W002", "security.W003"),
]
