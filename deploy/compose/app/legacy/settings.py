"""Settings of the sample legacy app; see README.md for the environment it reads."""

import os
import tempfile
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent
DATA_DIR = Path(os.environ.get("LEGACY_DATA_DIR", tempfile.gettempdir()))

SECRET_KEY = "a sample, and no secret"
DEBUG = False
ALLOWED_HOSTS = os.environ.get("LEGACY_ALLOWED_HOSTS", "legacy.example").split(",")
ROOT_URLCONF = "legacy.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/account"
LOGOUT_REDIRECT_URL = "/login"
STATIC_DIR = BASE_DIR / "static"
FILE_UPLOAD_TEMP_DIR = str(DATA_DIR)
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "legacy",
]

EXTRA_MIDDLEWARE = {
    "sync-timing": "legacy.timing.SyncTiming",
    "async-timing": "legacy.timing.AsyncTiming",
    "sync-only": "legacy.timing.SyncOnly",
    "async-only": "legacy.timing.AsyncOnly",
}

STOCK_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]

MIDDLEWARE = [EXTRA_MIDDLEWARE[name] for name in os.environ.get("LEGACY_MIDDLEWARE", "").split(",") if name]
if os.environ.get("LEGACY_STOCK_MIDDLEWARE", "on") != "off":
    MIDDLEWARE += STOCK_MIDDLEWARE

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(DATA_DIR / "legacy.sqlite3")}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Django tells nobody of a failed request unless it is told to.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django.request": {"handlers": ["console"], "level": "ERROR", "propagate": False}},
}

ROW_MS = float(os.environ.get("LEGACY_ROW_MS", "0"))
SEARCH_CACHE_SECONDS = 300 if os.environ.get("LEGACY_CACHE") == "on" else 0
SYNC_ORM_IN_ASYNC_VIEW = os.environ.get("LEGACY_SYNC_ORM_IN_ASYNC_VIEW") == "on"
