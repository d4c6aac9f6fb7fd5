"""Settings: what is in force, where it comes from, and what of it is unwise."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from facepass.entrypoints.cli.checks.check import Check, fail, ok, warn
from facepass.entrypoints.environment import known_names, origins, secret_names
from facepass.entrypoints.local_key import local_key_path
from facepass.entrypoints.settings import Settings

DEFAULT = "default"
HIDDEN = "***"
SHORT_KEY_CHARS = 16
"""Keys below this length can be guessed; production refuses none for its length, so it is pointed out here."""


class SettingInForce(msgspec.Struct, frozen=True):
    """One setting.

    Attributes:
        value: as text; secrets are never shown.
        origin: the variable that sets it, or `default`.
    """

    name: str
    value: str
    origin: str


def settings_in_force(
    settings: Settings, environment: Mapping[str, str], dotenv: Path | None
) -> tuple[SettingInForce, ...]:
    """Every setting, in the order in which they are declared."""
    named, secrets = origins(environment, dotenv=dotenv), secret_names()
    return tuple(
        SettingInForce(
            name,
            _shown(getattr(getattr(settings, slice_name), attribute), secret=name in secrets),
            named.get(name, DEFAULT),
        )
        for name, (slice_name, attribute) in known_names().items()
    )


def checks(settings: Settings) -> Iterator[Check]:
    """Whether the settings can be lived with."""
    production = settings.application.environment == "production"
    yield ok("environment", settings.application.environment)
    yield _keys(settings, production=production)
    if production and settings.security.search_access == "public":
        yield warn(
            "search access", "anyone who reaches the service may search", "SEARCH_ACCESS=key unless that is intended"
        )
    else:
        yield ok("search access", settings.security.search_access)


def _keys(settings: Settings, *, production: bool) -> Check:
    keys = settings.security.api_keys
    if not keys and production:
        return fail("API keys", "none: the service refuses to start in production", "set API_KEYS or API_KEYS_FILE")
    if not keys:
        path = local_key_path(settings)
        return ok("API keys", f"one for this machine, in {path}{'' if path.exists() else ', made on first use'}")
    if any(len(key.reveal()) < SHORT_KEY_CHARS for key in keys):
        detail = f"{len(keys)} configured, one or more shorter than {SHORT_KEY_CHARS} characters"
        return warn("API keys", detail, "python -c 'import secrets; print(secrets.token_urlsafe(32))' makes a good one")
    return ok("API keys", f"{len(keys)} configured")


def _shown(value: Any, *, secret: bool) -> str:
    if value is None or value == ():
        return ""
    if secret:
        return HIDDEN if value else ""
    return str(value).lower() if isinstance(value, bool) else str(value)
