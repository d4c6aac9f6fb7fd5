"""What settings are made of: secrets, ranges of numbers, and the sentence that says what one does."""

from typing import Annotated

from msgspec import Meta


class Secret:
    """A string that shows itself only when asked for by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret(empty)"


def meaning(text: str, *, unset: str | None = None) -> Meta:
    """What a setting does, kept where msgspec keeps descriptions.

    Args:
        text: a sentence or two for whoever configures the service.
        unset: what holds where the setting is not set; needed where the default does not say it, as None does not.
    """
    return Meta(description=text, extra=None if unset is None else {"unset": unset})


Port = Annotated[int, Meta(ge=1, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Percent = Annotated[int, Meta(ge=0, le=100)]
