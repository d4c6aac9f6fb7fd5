"""Who may do what, and what an upload may cost."""

from typing import Annotated, Literal

from msgspec import Struct

from facepass.entrypoints.settings.values import Network, NotNegative, Origin, Positive, Secret, meaning


class Security(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may do what."""

    api_keys: Annotated[
        tuple[Secret, ...],
        meaning(
            "Keys that callers show as `X-API-Key`, beside those kept in the database.",
            unset="one made on first start in `DATA_DIR/api-key`; in production none",
        ),
    ] = ()
    secret_key: Annotated[
        tuple[Secret, ...],
        meaning(
            "Keys under which API keys are hashed in the database, newest first: the first hashes, all of them are "
            "tried. A hash is worth nothing without its key.",
            unset="one made on first start in `DATA_DIR/secret-key`; in production an error",
        ),
    ] = ()
    jwt_secret_key: Annotated[
        tuple[Secret, ...],
        meaning(
            "Keys that sign the tokens of visitors, newest first: the first signs, all of them verify.",
            unset="one made on first start in `DATA_DIR/jwt-secret-key`; in production an error",
        ),
    ] = ()
    search_access: Annotated[
        Literal["public", "token", "key"],
        meaning(
            "Who may search. `public`: everybody. `token`: whoever has a token of the session, or a key with the scope "
            "`search`. `key`: only such a key."
        ),
    ] = "public"
    cors_origins: Annotated[
        tuple[Origin, ...],
        meaning(
            "Web pages, as `https://photos.example.org`, whose scripts may call the service; `*` for every page, which "
            "production refuses. Cookies are never asked for.",
            unset="none: only pages of the service itself",
        ),
    ] = ()
    encryption_key: Annotated[
        tuple[Secret, ...],
        meaning(
            "Keys that encrypt what is stored of faces, newest first: the first encrypts, all of them decrypt.",
            unset="vectors are stored as they are",
        ),
    ] = ()
    rate_limit_index: Annotated[
        NotNegative, meaning("Most requests to index in any minute of one API key; 0 for any number.")
    ] = 100
    rate_limit_search: Annotated[
        NotNegative,
        meaning("Most searches in any minute of one token or, without one, of one client address; 0 for any number."),
    ] = 1000
    trusted_proxies: Annotated[
        tuple[Network, ...],
        meaning(
            "Addresses or networks, such as `10.0.0.0/8`, of the proxies in front of the service: whom they name in "
            "`X-Forwarded-For` is the client. Must hold no address that clients come from.",
            unset="none: the client is whoever connects",
        ),
    ] = ()


class Uploads(Struct, frozen=True, forbid_unknown_fields=True):
    """What an uploaded picture may cost."""

    max_upload_bytes: Annotated[Positive, meaning("Most bytes of an uploaded picture.")] = 10 * 1024 * 1024
    max_image_side: Annotated[Positive, meaning("Most pixels of an uploaded picture's longer side.")] = 4096
    max_held_bytes: Annotated[
        Positive,
        meaning(
            "Memory, for each process, for the files of pictures that arrive, are read by `s3_key` or wait; while it "
            "is used up, callers are told to come back (503). A photo read by `s3_key` needs `MAX_SOURCE_BYTES` until "
            "it is known how large it is."
        ),
    ] = 256 * 1024 * 1024
    max_spooled_bytes: Annotated[
        Positive,
        meaning(
            "Room on disk (`TMPDIR`), for each process, for uploaded pictures of more than 1 MiB while they wait for "
            "their turn. Where that is a `tmpfs`, it counts as memory."
        ),
    ] = 512 * 1024 * 1024
