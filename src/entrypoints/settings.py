"""What can be configured: frozen settings in slices, each handed only to what needs it.

The environment name of a setting is its field name in capitals. `facepass.entrypoints.environment` reads them,
`facepass.entrypoints.reference` makes `docs/configuration.md` of them: what a setting means stands with its field.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from facepass import __version__
from facepass.application.detection_profile import ProfileName


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


class Application(Struct, frozen=True, forbid_unknown_fields=True):
    """What the service is and where it keeps its files."""

    app_name: Annotated[str, meaning("Title of the API's documentation.")] = "FacePass"
    app_version: Annotated[
        str, meaning("Version that `/health` and the API's documentation name.", unset="the installed version")
    ] = __version__
    environment: Annotated[
        Literal["development", "production"],
        meaning("`production` insists on `API_KEYS` and tells browsers to come by HTTPS only (HSTS)."),
    ] = "development"
    data_dir: Annotated[
        Path,
        meaning(
            "Folder of the embedded PostgreSQL, the models, the local API key and the journals of `facepass index`."
        ),
    ] = Path(".facepass")


class Server(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the service listens."""

    api_host: Annotated[str, meaning("Address to listen on; `0.0.0.0` for all of the machine's.")] = "127.0.0.1"
    api_port: Annotated[Port, meaning("TCP port to listen on.")] = 8000


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


class Photos(Struct, frozen=True, forbid_unknown_fields=True):
    """Where photos named by `s3_key` are read from, and what they may cost."""

    photo_root: Annotated[
        Path | None, meaning("Folder in which a batch finds photos by `s3_key`.", unset="`photos` in `DATA_DIR`")
    ] = None
    max_source_bytes: Annotated[
        Positive, meaning("Most bytes of a photo that is read by `s3_key` or by the command line.")
    ] = 64 * 1024 * 1024
    max_source_pixels: Annotated[Positive, meaning("Most pixels, width times height, of such a photo.")] = 50_000_000
    batch_sync_max: Annotated[Positive, meaning("Most photos in one batch.")] = 200


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


class Uploads(Struct, frozen=True, forbid_unknown_fields=True):
    """What an uploaded picture may cost."""

    max_upload_bytes: Annotated[Positive, meaning("Most bytes of an uploaded picture.")] = 10 * 1024 * 1024
    max_image_side: Annotated[Positive, meaning("Most pixels of an uploaded picture's longer side.")] = 4096


class Recognition(Struct, frozen=True, forbid_unknown_fields=True):
    """Models, gates and the threads they run in."""

    recognizer_type: Annotated[
        str,
        meaning(
            "Model that turns faces into vectors (`facepass models list`). A session stays bound to the model it was "
            "begun with."
        ),
    ] = "dlib-resnet29-int8"
    detector_type: Annotated[str, meaning("Model that finds faces (`facepass models list`).")] = "retinaface-mnet025"
    detection_profile: Annotated[
        ProfileName,
        meaning(
            "How closely photos are looked at for small faces. In a 24-megapixel photo the profiles find faces from "
            "140, 40 and 24 pixels."
        ),
    ] = "balanced"
    accept_model_license: Annotated[
        tuple[str, ...],
        meaning(
            "Names of models, separated by commas, whose licences you accept though they forbid commercial use.",
            unset="none",
        ),
    ] = ()
    embedding_dimension: Annotated[
        Positive | None,
        meaning(
            "Components of a vector, where you want the service to refuse to start with any other number.",
            unset="not checked",
        ),
    ] = None
    models_dir: Annotated[
        Path | None, meaning("Folder of the models, prepared on the first start.", unset="`models` in `DATA_DIR`")
    ] = None
    face_similarity_threshold: Annotated[
        Fraction,
        meaning("Least similarity of a match where a request names none; 0.5 is the recommended point of every model."),
    ] = 0.5
    face_detection_threshold: Annotated[
        Fraction | None,
        meaning("Least score, as the detector gives it, for something to count as a face.", unset="the detector's own"),
    ] = None
    min_face_size: Annotated[
        NotNegative,
        meaning("Faces whose shorter side has fewer pixels are neither indexed nor searched with."),
    ] = 20
    min_face_quality: Annotated[Percent, meaning("Faces of a lower quality are neither indexed nor searched with.")] = (
        10
    )
    min_selfie_size: Annotated[
        NotNegative,
        meaning(
            "A selfie, or picture to compare, is refused where the shorter side of its face has fewer pixels than this "
            "or `MIN_FACE_SIZE`."
        ),
    ] = 32
    min_selfie_quality: Annotated[
        Percent,
        meaning(
            "A selfie, or picture to compare, is refused where the quality of its face is lower than this or "
            "`MIN_FACE_QUALITY`."
        ),
    ] = 25
    local_ml_enable_cuda: Annotated[
        bool,
        meaning(
            "Run the models on an NVIDIA device, with `onnxruntime-gpu` in place of `onnxruntime`. Where that cannot "
            "be had, the service does not start."
        ),
    ] = False
    local_ml_device: Annotated[
        str | None,
        meaning(
            "`cpu`, `cuda` or `cuda:N`; must agree with `LOCAL_ML_ENABLE_CUDA`.",
            unset="`cpu`, or `cuda:0` with `LOCAL_ML_ENABLE_CUDA`",
        ),
    ] = None
    ml_threads: Annotated[
        Positive, meaning("Threads for decoding and models.", unset="the processors of the machine")
    ] = field(default_factory=lambda: os.cpu_count() or 1)
    ml_batch_max: Annotated[Positive, meaning("Most faces embedded at once.")] = 16
    ml_queue_max: Annotated[
        Positive, meaning("Most pictures that wait for their turn; further callers are told to come back (503).")
    ] = 32


class Logging(Struct, frozen=True, forbid_unknown_fields=True):
    """What is written to standard error, and how."""

    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], meaning("Least severity of what is logged, the access log aside.")
    ] = "INFO"
    log_format: Annotated[
        Literal["json", "console"] | None,
        meaning("JSON for machines, coloured text for people.", unset="`console` on a terminal, otherwise `json`"),
    ] = None
    access_log: Annotated[bool, meaning("Whether each request is logged, whatever `LOG_LEVEL` is.")] = True


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
