"""What one connection, and all of them together, may cost."""

from dataclasses import dataclass
from typing import Final

FLOOD_FACTOR: Final = 10
"""So many times the frames that are looked at may a client send messages of any kind; beyond, it is closed."""


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """Bounds of live detection.

    Attributes:
        max_connections: of callers that are known, in this process.
        max_connections_of_token: of them, with one token: it is one visitor's, while a key may be of many cameras.
        max_strangers: connections that have shown no credential yet.
        max_strangers_of_address: of them, from one address, which a venue may share.
        max_frame_bytes: of a picture, base64 undone.
        max_frames_per_s: frames of one connection that are looked at.
        auth_timeout_s: longest wait for the first message of a stranger.
        idle_timeout_s: longest time without a frame.
        answer_timeout_s: longest time an answer may wait for its client.
        recheck_s: how often it is asked whether the credential still holds: so long may a revoked key still pass.
        life_s: longest life of a connection.
    """

    max_connections: int
    max_frame_bytes: int
    max_frames_per_s: int
    max_connections_of_token: int = 4
    max_strangers: int = 64
    max_strangers_of_address: int = 16
    auth_timeout_s: float = 5.0
    idle_timeout_s: float = 60.0
    answer_timeout_s: float = 20.0
    recheck_s: float = 60.0
    life_s: float = 3600.0
