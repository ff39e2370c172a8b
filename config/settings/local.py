"""Profile for one machine, for evaluation and development; setup.sh uses it by default."""

from config.settings.accounts import *
from config.settings.api import *
from config.settings.base import *
from config.settings.celery import *
from config.settings.database import *
from config.settings.env import env
from config.settings.logging import *
from config.settings.redis import *
from config.settings.rules import *
from config.settings.security import *

SECRET_KEY = env.str("OPD_SECRET_KEY", default="local-only-" + "0" * 60)
ALLOWED_HOSTS = env.list("OPD_ALLOWED_HOSTS", default=["*"])
EMAIL_BACKEND = mail_backend("django.core.mail.backends.console.EmailBackend")
