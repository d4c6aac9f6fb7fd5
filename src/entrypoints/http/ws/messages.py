"""The messages of a connection, in JSON; `type` tells which. A binary message is a frame without any."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from facepass.domain.errors import InvalidRequest
from facepass.entrypoints.http.doorkeeper import Credentials
from facepass.entrypoints.http.schemas import Face, ImageSize

OVERHEAD_BYTES = 4096
"""Of a message beside the picture."""
_SHOWN_CHARS = 200
_SAFE_INTEGER = 2**53 - 1
"""What JavaScript can tell from its neighbours."""

FrameId = Annotated[str, Meta(max_length=128)] | Annotated[int, Meta(ge=-_SAFE_INTEGER, le=_SAFE_INTEGER)]


class Auth(Struct, frozen=True, tag="auth", forbid_unknown_fields=True):
    """A credential: one of both."""

    key: str | None = None
    token: str | None = None

    def __repr__(self) -> str:
        return "Auth()"

    @property
    def credentials(self) -> Credentials:
        """What is shown."""
        return Credentials(
            keys=() if self.key is None else (self.key,), tokens=() if self.token is None else (self.token,)
        )


class Frame(Struct, frozen=True, tag="frame", forbid_unknown_fields=True):
    """A picture; base64 in JSON."""

    data: bytes
    id: FrameId | None = None


class Ping(Struct, frozen=True, tag="ping", forbid_unknown_fields=True):
    """Asks for a sign of life; browsers cannot send the protocol's own."""


class Ready(Struct, frozen=True, tag="ready"):
    """The caller is known: frames may come."""

    max_frame_bytes: int
    max_frames_per_s: int


class Detections(Struct, frozen=True, tag="detections"):
    """What a frame shows.

    Attributes:
        id: the frame's own, or its number on this connection, from 1.
        dropped: frames since the last message of this kind that were not looked at, because newer ones came.
    """

    id: FrameId
    faces: list[Face]
    image: ImageSize
    took_ms: float
    dropped: int


class Failure(Struct, frozen=True, tag="error", omit_defaults=True):
    """A message could not be used; the connection goes on.

    Attributes:
        code: of the problems of HTTP.
        id: of the frame, where it is known.
    """

    code: str
    detail: str
    id: FrameId | None = None
    retry_after_s: int | None = None


class Pong(Struct, frozen=True, tag="pong"):
    """A sign of life."""


_decoder: msgspec.json.Decoder[Auth | Frame | Ping] = msgspec.json.Decoder(Auth | Frame | Ping)


def decode(text: str) -> Auth | Frame | Ping:
    """A text message.

    Raises:
        InvalidRequest: it is none of ours.
    """
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise InvalidRequest.field("message", str(error)[:_SHOWN_CHARS]) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidRequest.field("message", "is not well-formed JSON") from error


def max_message_bytes(max_frame_bytes: int) -> int:
    """How long a message with the largest frame can be: base64 makes four bytes of three."""
    return (max_frame_bytes + 2) // 3 * 4 + OVERHEAD_BYTES
