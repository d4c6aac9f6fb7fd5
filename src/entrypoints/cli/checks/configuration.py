"""Settings: what is in force, where it comes from, and what of it is unwise."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from facepass.entrypoints.cli.checks.check import Check, fail, ok, warn
from facepass.entrypoints.environment import known_names, origins, secret_names
from facepass.entrypoints.local_key import local_key_path
from facepass.entrypoints.production import cautions, refusals
from facepass.entrypoints.redaction import Redaction
from facepass.entrypoints.settings import Settings

DEFAULT = "default"
HIDDEN = "***"


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
    """Whether the settings can be lived with; in production, whether the service starts with them."""
    yield ok("environment", settings.application.environment)
    yield ok("API keys", _keys(settings))
    if settings.application.is_production:
        yield from production_checks(settings)


def production_checks(settings: Settings) -> Iterator[Check]:
    """What production refuses and warns of, whatever the environment is; a single row where that is nothing."""
    refused, unwise = refusals(settings), cautions(settings)
    yield from (fail(finding.setting, finding.problem, finding.remedy) for finding in refused)
    yield from (warn(finding.setting, finding.problem, finding.remedy) for finding in unwise)
    if not refused:
        yield ok("production", "would start with these settings")


def _keys(settings: Settings) -> str:
    keys = settings.security.api_keys
    if keys:
        return f"{len(keys)} configured, beside those kept in the database"
    if settings.application.is_production:
        return "none configured: only those kept in the database are accepted"
    path = local_key_path(settings, "API_KEYS")
    return f"one for this machine, in {path}{'' if path.exists() else ', made on first use'}"


def _shown(value: Any, *, secret: bool) -> str:
    if value is None or value == ():
        return ""
    if secret:
        return HIDDEN if value else ""
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else Redaction()(str(value))
