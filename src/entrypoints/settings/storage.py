"""Where galleries, photos, backups and what replicas share are, and how long they are kept."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Struct

from facepass.entrypoints.settings.values import NotNegative, Port, Positive, Seconds, Secret, meaning


class Database(Struct, frozen=True, forbid_unknown_fields=True):
    """Which PostgreSQL holds the galleries; the embedded one when nothing is named."""

    database_url: Annotated[
        Secret | None,
        meaning(
            "Where the database is, as `postgresql://user:password@host:port/name?sslmode=…`; wins over `POSTGRES_*`.",
            unset="see `POSTGRES_HOST`",
        ),
    ] = None
    postgres_host: Annotated[
        str | None,
        meaning(
            "Host of the database; the other `POSTGRES_*` count only together with it.",
            unset="without `DATABASE_URL` either, the embedded PostgreSQL",
        ),
    ] = None
    postgres_port: Annotated[Port, meaning("TCP port of the database.")] = 5432
    postgres_user: Annotated[str, meaning("Role to log in as.")] = "facepass"
    postgres_password: Annotated[Secret, meaning("Password of the role.", unset="none")] = Secret("")
    postgres_db: Annotated[str, meaning("Name of the database.")] = "facepass"
    db_sslmode: Annotated[
        Literal["disable", "prefer", "require", "verify-ca", "verify-full"],
        meaning("TLS to `POSTGRES_HOST`, as in libpq; a `DATABASE_URL` says it itself."),
    ] = "prefer"
    db_pool_min: Annotated[NotNegative, meaning("Connections opened at start; no more than `DB_POOL_MAX`.")] = 2
    db_pool_max: Annotated[Positive, meaning("Most connections of one process.")] = 10
    db_timeout_s: Annotated[
        Seconds, meaning("Longest time in seconds for connecting, for waiting for a connection and for each statement.")
    ] = 5.0

    @property
    def is_embedded(self) -> bool:
        """Whether the service runs a PostgreSQL of its own."""
        return self.database_url is None and self.postgres_host is None


class Redis(Struct, frozen=True, forbid_unknown_fields=True):
    """Where replicas count together; each counts for itself when nothing is named."""

    redis_url: Annotated[
        Secret | None,
        meaning(
            "Where Redis is, as `redis://user:password@host:port/number`, or `rediss://` for TLS; wins over the other "
            "`REDIS_*`. While it is away, rate limits are not kept and `/health` says `degraded`.",
            unset="see `REDIS_HOST`",
        ),
    ] = None
    redis_host: Annotated[
        str | None,
        meaning(
            "Host of Redis; the other `REDIS_*` count only together with it.",
            unset="without `REDIS_URL` either, rate limits are kept in the process",
        ),
    ] = None
    redis_port: Annotated[Port, meaning("TCP port of Redis.")] = 6379
    redis_db: Annotated[NotNegative, meaning("Number of the database in Redis.")] = 0
    redis_password: Annotated[Secret, meaning("Password for Redis.", unset="none")] = Secret("")

    @property
    def is_configured(self) -> bool:
        """Whether there is one."""
        return self.redis_url is not None or self.redis_host is not None


class Photos(Struct, frozen=True, forbid_unknown_fields=True):
    """Where photos named by `s3_key` are read from, and what they may cost."""

    photo_root: Annotated[
        Path | None,
        meaning(
            "Folder in which photos are found by `s3_key`; counts only without `S3_BUCKET`.",
            unset="`photos` in `DATA_DIR`",
        ),
    ] = None
    max_source_bytes: Annotated[
        Positive, meaning("Most bytes of a photo that is read by `s3_key` or by the command line.")
    ] = 64 * 1024 * 1024
    max_source_pixels: Annotated[Positive, meaning("Most pixels, width times height, of such a photo.")] = 50_000_000
    batch_sync_max: Annotated[
        Positive, meaning("Most photos of a batch that are indexed while its caller waits; larger ones become jobs.")
    ] = 200


class ObjectStore(Struct, frozen=True, forbid_unknown_fields=True):
    """How to reach S3, or a service that speaks like it."""

    s3_endpoint: Annotated[
        str | None,
        meaning(
            "Address of the object store, as `https://host:port` or `host:port`.", unset="Amazon's, of `S3_REGION`"
        ),
    ] = None
    s3_access_key: Annotated[
        Secret | None,
        meaning(
            "Name of the key to sign requests with.", unset="none; needed for `S3_BUCKET` and every `s3://` address"
        ),
    ] = None
    s3_secret_key: Annotated[
        Secret | None, meaning("The key itself.", unset="none; needed for `S3_BUCKET` and every `s3://` address")
    ] = None
    s3_bucket: Annotated[
        str | None,
        meaning("Bucket in which photos are found by `s3_key`.", unset="they are files in `PHOTO_ROOT`"),
    ] = None
    s3_prefix: Annotated[
        str | None,
        meaning(
            "Folder of `S3_BUCKET` that no `s3_key` leads out of, such as `photos/2026`.", unset="the whole bucket"
        ),
    ] = None
    s3_region: Annotated[str, meaning("Region that requests are signed for.")] = "us-east-1"
    s3_secure: Annotated[bool, meaning("Use TLS where `S3_ENDPOINT` names no scheme.")] = True


class Retention(Struct, frozen=True, forbid_unknown_fields=True):
    """How long what is stored is kept."""

    session_ttl_days: Annotated[
        Positive | None,
        meaning("Days since a session was last indexed, after which it is erased.", unset="kept until deleted"),
    ] = None
    backup_retention_days: Annotated[
        Positive, meaning("Days after which `facepass db backup` deletes a backup; the newest is always kept.")
    ] = 30
