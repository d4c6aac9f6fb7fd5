"""What can be configured: frozen settings in slices, each handed only to what needs it.

The environment name of a setting is its field name in capitals. `facepass.entrypoints.environment` reads them.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from facepass import __version__


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


Port = Annotated[int, Meta(ge=1, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]


class Application(Struct, frozen=True, forbid_unknown_fields=True):
    """What the service is and where it keeps its files."""

    app_name: str = "FacePass"
    app_version: str = __version__
    environment: Literal["development", "production"] = "development"
    data_dir: Path = Path(".facepass")


class Server(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the service listens."""

    api_host: str = "127.0.0.1"
    api_port: Port = 8000


class Database(Struct, frozen=True, forbid_unknown_fields=True):
    """Which PostgreSQL holds the galleries; the embedded one when nothing is named."""

    database_url: Secret | None = None
    postgres_host: str | None = None
    postgres_port: Port = 5432
    postgres_user: str = "facepass"
    postgres_password: Secret = Secret("")
    postgres_db: str = "facepass"
    db_sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = "prefer"
    db_pool_min: NotNegative = 2
    db_pool_max: Positive = 10
    db_timeout_s: Seconds = 5.0

    @property
    def is_embedded(self) -> bool:
        """Whether the service runs a PostgreSQL of its own."""
        return self.database_url is None and self.postgres_host is None


class Photos(Struct, frozen=True, forbid_unknown_fields=True):
    """Where photos named by `s3_key` are read from, and what they may cost."""

    photo_root: Path | None = None
    max_source_bytes: Positive = 64 * 1024 * 1024
    max_source_pixels: Positive = 50_000_000
    batch_sync_max: Positive = 200


class Security(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may do what."""

    api_keys: tuple[Secret, ...] = ()
    search_access: Literal["public", "key"] = "public"


class Uploads(Struct, frozen=True, forbid_unknown_fields=True):
    """What an uploaded picture may cost."""

    max_upload_bytes: Positive = 10 * 1024 * 1024
    max_image_side: Positive = 4096


class Recognition(Struct, frozen=True, forbid_unknown_fields=True):
    """Models, gates and the threads they run in."""

    recognizer_type: Literal["dlib-resnet29-int8", "dlib-resnet29-fp32"] = "dlib-resnet29-int8"
    detector_type: Literal["retinaface-mnet025"] = "retinaface-mnet025"
    embedding_dimension: Positive | None = None
    models_dir: Path | None = None
    face_similarity_threshold: Fraction = 0.5
    face_detection_threshold: Fraction = 0.8
    min_face_size: NotNegative = 20
    min_face_quality: Annotated[int, Meta(ge=0, le=100)] = 10
    ml_threads: Positive = field(default_factory=lambda: os.cpu_count() or 1)
    ml_batch_max: Positive = 16
    ml_queue_max: Positive = 32


class Logging(Struct, frozen=True, forbid_unknown_fields=True):
    """What is written to standard error, and how."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] | None = None
    access_log: bool = True


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything in force."""

    application: Application = Application()
    server: Server = Server()
    database: Database = Database()
    photos: Photos = Photos()
    security: Security = Security()
    uploads: Uploads = Uploads()
    recognition: Recognition = field(default_factory=Recognition)
    logging: Logging = Logging()

    @property
    def models_dir(self) -> Path:
        """Where prepared models are kept: beside the data unless named."""
        return self.recognition.models_dir or self.application.data_dir / "models"

    @property
    def photo_root(self) -> Path:
        """The folder that `s3_key` names photos in: beside the data unless named."""
        return self.photos.photo_root or self.application.data_dir / "photos"
