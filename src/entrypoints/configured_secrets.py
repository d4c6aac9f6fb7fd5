"""Every secret that a configuration holds, wherever it stands: also the passwords within addresses."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from facepass.entrypoints.environment import known_names, secret_names
from facepass.entrypoints.settings import Secret, Settings

ADDRESSES = ("_URL", "_DSN")
"""How names of settings end that hold an address, with a password in it or without."""
HEADERS = "_HEADERS"
"""How names of settings end that hold `name=value,…`, each value a secret of its own."""


@dataclass(frozen=True, slots=True)
class ConfiguredSecret:
    """One secret.

    Attributes:
        setting: the variable that holds it.
        slice_name: the slice of the settings that this belongs to.
        value: shown by no repr.
        within_address: whether it is the password of an address rather than all that the variable holds.
    """

    setting: str
    slice_name: str
    value: str = field(repr=False)
    within_address: bool = False


def configured_secrets(settings: Settings) -> Iterator[ConfiguredSecret]:
    """All of them, in the order in which the settings are declared; what is empty or not set is left out.

    Of an address only its passwords count, decoded: the rest of it is no secret.
    """
    for setting, slice_name, value in _values(settings):
        if setting.endswith(ADDRESSES):
            for password in dict.fromkeys(map(unquote, _passwords(value))):
                yield ConfiguredSecret(setting, slice_name, password, within_address=True)
        else:
            yield ConfiguredSecret(setting, slice_name, value)


def hidden_texts(settings: Settings) -> Iterator[str]:
    """What must not be shown: every secret, passwords as addresses spell them, each value of headers."""
    for setting, _, value in _values(settings):
        yield value
        if setting.endswith(ADDRESSES):
            yield from _passwords(value)
        if setting.endswith(HEADERS):
            yield from _header_values(value)
    yield from (secret.value for secret in configured_secrets(settings))


def _values(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Setting, slice and value of everything declared a secret."""
    secrets = secret_names()
    for setting, (slice_name, attribute) in known_names().items():
        if setting not in secrets:
            continue
        held = getattr(getattr(settings, slice_name), attribute)
        for secret in held if isinstance(held, tuple) else (held,):
            if isinstance(secret, Secret) and secret:
                yield setting, slice_name, secret.reveal()


def _passwords(address: str) -> Iterator[str]:
    """As they are spelt in an address; none of what is no address, which whoever connects will refuse."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    if parts.password:
        yield parts.password
    for assignment in parts.query.split("&"):
        name, _, value = assignment.partition("=")
        if name == "password" and value:
            yield value


def _header_values(headers: str) -> Iterator[str]:
    """As they are spelt, and as they are sent."""
    for pair in headers.split(","):
        value = pair.partition("=")[2].strip()
        if value:
            yield value
            yield unquote(value)
