"""Seals the templates of one session, each bound to the row it is stored in."""

import secrets
import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from facepass.adapters.pgvector.sealing.errors import SealBroken
from facepass.adapters.pgvector.sealing.keys import NONCE_BYTES, TAG_BYTES, DataKey

Place = tuple[int, int, int, int]
"""session_pk, model_pk, photo_pk, face_no: the primary key of a face."""

HALF = np.dtype("<f2")
OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES

_VERSION = 1
_pack = struct.Struct(">Bqhqi").pack  # as wide as the columns


class TemplateSealer:
    """AES-256-GCM under a session's data key (NIST SP 800-38D).

    A sealed template is a random nonce of 12 bytes, the ciphertext, and a tag of 16 bytes. Its row's primary key is
    authenticated with it, so a template that was moved to another row, photo or session does not open. With random
    nonces one key serves for 2^32 templates: far more than a session has.

    The work takes the processor: some 5 µs a template. Large galleries belong into a worker thread.
    """

    def __init__(self, data_key: DataKey) -> None:
        self._cipher = AESGCM(data_key.secret)

    def seal(self, vectors: npt.NDArray[np.float16], places: Sequence[Place]) -> list[bytes]:
        """Encrypt templates for their rows.

        Args:
            vectors: `(n, dimension)` float16, little-endian.
            places: one a vector.

        Returns:
            One blob a vector, in order, of `OVERHEAD_BYTES + 2 * dimension` bytes.

        Raises:
            ValueError: the vectors are of another shape or type, or not as many as the places.
        """
        if vectors.ndim != 2 or vectors.dtype != HALF or len(vectors) != len(places):  # noqa: PLR2004 - rows and components
            raise ValueError(f"{len(places)} places do not fit vectors of {vectors.dtype} {vectors.shape}")
        size = vectors.shape[1] * HALF.itemsize
        plain = memoryview(vectors.tobytes())
        nonces = secrets.token_bytes(NONCE_BYTES * len(places))
        encrypt = self._cipher.encrypt
        blobs = []
        for row, place in enumerate(places):
            nonce = nonces[row * NONCE_BYTES : (row + 1) * NONCE_BYTES]
            blobs.append(nonce + encrypt(nonce, plain[row * size : (row + 1) * size], _pack(_VERSION, *place)))
        return blobs

    def open(self, blobs: Sequence[bytes], places: Sequence[Place], dimension: int) -> npt.NDArray[np.float16]:
        """Decrypt the templates of rows.

        Args:
            blobs: as `seal` made them.
            places: where each was found.
            dimension: components of every one.

        Returns:
            `(n, dimension)` float16, little-endian, read-only, in order.

        Raises:
            SealBroken: one has another length, was changed or moved, or is of another key. None is returned then.
            ValueError: the blobs are not as many as the places.
        """
        length = OVERHEAD_BYTES + dimension * HALF.itemsize
        decrypt = self._cipher.decrypt
        plain = []
        try:
            for blob, place in zip(blobs, places, strict=True):
                if len(blob) != length:
                    raise SealBroken(f"a stored template has {len(blob)} bytes instead of {length}")
                plain.append(decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], _pack(_VERSION, *place)))
        except InvalidTag:
            raise SealBroken("a stored template was changed or moved, or is sealed under another key") from None
        return np.frombuffer(b"".join(plain), dtype=HALF).reshape(len(plain), dimension)
