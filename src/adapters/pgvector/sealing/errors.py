"""What is told of templates and keys that do not open."""

from facepass.domain.errors import FacePassError


class SealBroken(FacePassError):
    """A sealed template or a wrapped key is not what was stored, where it was stored, under this key.

    Waiting does not help and no caller is at fault: it carries the code of internal errors.
    """
