"""Who may do what, and what an upload may cost."""

from typing import Annotated, Literal

from msgspec import Struct

from facepass.entrypoints.settings.values import Positive, Secret, meaning


class Security(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may do what."""

    api_keys: Annotated[
        tuple[Secret, ...],
        meaning(
            "Keys that callers show as `X-API-Key`. Searching needs none unless `SEARCH_ACCESS=key`.",
            unset="one made on first start in `DATA_DIR/api-key`; in production an error",
        ),
    ] = ()
    search_access: Annotated[
        Literal["public", "key"], meaning("Who may search: everybody, or whoever holds one of `API_KEYS`.")
    ] = "public"
    encryption_key: Annotated[
        tuple[Secret, ...],
        meaning(
            "Keys that encrypt what is stored of faces, newest first: the first encrypts, all of them decrypt.",
            unset="vectors are stored as they are",
        ),
    ] = ()


class Uploads(Struct, frozen=True, forbid_unknown_fields=True):
    """What an uploaded picture may cost."""

    max_upload_bytes: Annotated[Positive, meaning("Most bytes of an uploaded picture.")] = 10 * 1024 * 1024
    max_image_side: Annotated[Positive, meaning("Most pixels of an uploaded picture's longer side.")] = 4096
