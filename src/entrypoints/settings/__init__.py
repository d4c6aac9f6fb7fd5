"""What can be configured: frozen settings in slices, each handed only to what needs it.

The environment name of a setting is its field name in capitals. `facepass.entrypoints.environment` reads them,
`facepass.entrypoints.reference` makes `docs/configuration.md` of them: what a setting means stands with its field.
"""

from pathlib import Path

from msgspec import Struct, field

from facepass.entrypoints.settings.access import Security, Uploads
from facepass.entrypoints.settings.application import Application, Jobs, Live, Logging, Server, Tracing
from facepass.entrypoints.settings.recognition import Recognition, Search
from facepass.entrypoints.settings.storage import Database, ObjectStore, Photos, Redis, Retention
from facepass.entrypoints.settings.values import (
    Fraction,
    Network,
    NoSeconds,
    NotNegative,
    Origin,
    Percent,
    Port,
    Positive,
    Seconds,
    Secret,
    meaning,
)

__all__ = [
    "Application",
    "Database",
    "Fraction",
    "Jobs",
    "Live",
    "Logging",
    "Network",
    "NoSeconds",
    "NotNegative",
    "ObjectStore",
    "Origin",
    "Percent",
    "Photos",
    "Port",
    "Positive",
    "Recognition",
    "Redis",
    "Retention",
    "Search",
    "Seconds",
    "Secret",
    "Security",
    "Server",
    "Settings",
    "Tracing",
    "Uploads",
    "meaning",
]

USUAL_LEAD_S = 5.0
"""Balancers ask every one to three seconds, and believe the second answer."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything in force."""

    application: Application = Application()
    server: Server = Server()
    database: Database = Database()
    redis: Redis = Redis()
    photos: Photos = Photos()
    object_store: ObjectStore = ObjectStore()
    retention: Retention = Retention()
    security: Security = Security()
    uploads: Uploads = Uploads()
    live: Live = Live()
    jobs: Jobs = Jobs()
    recognition: Recognition = field(default_factory=Recognition)
    search: Search = Search()
    logging: Logging = Logging()
    tracing: Tracing = Tracing()

    @property
    def shutdown_lead_s(self) -> float:
        """How long a balancer is given to notice: nothing where there seems to be none."""
        if self.server.shutdown_lead_s is not None:
            return self.server.shutdown_lead_s
        return min(USUAL_LEAD_S, self.server.shutdown_grace_s / 2) if self.security.trusted_proxies else 0.0

    @property
    def models_dir(self) -> Path:
        """Where prepared models are kept: beside the data unless named."""
        return self.recognition.models_dir or self.application.data_dir / "models"

    @property
    def photo_root(self) -> Path:
        """The folder that `s3_key` names photos in: beside the data unless named."""
        return self.photos.photo_root or self.application.data_dir / "photos"
