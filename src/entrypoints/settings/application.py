"""What the service is, where it listens, and what it says about its work."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Struct

from facepass import __version__
from facepass.entrypoints.settings.values import (
    Fraction,
    NoSeconds,
    NotNegative,
    Port,
    Positive,
    Seconds,
    Secret,
    meaning,
)


class Application(Struct, frozen=True, forbid_unknown_fields=True):
    """What the service is and where it keeps its files."""

    app_name: Annotated[str, meaning("Title of the API's documentation.")] = "FacePass"
    app_version: Annotated[
        str, meaning("Version that `/health` and the API's documentation name.", unset="the installed version")
    ] = __version__
    environment: Annotated[
        Literal["development", "production"],
        meaning(
            "`production` starts only with secrets that nobody guesses (`facepass doctor --production` lists what it "
            "would refuse), and tells browsers to come by HTTPS only (HSTS)."
        ),
    ] = "development"
    data_dir: Annotated[
        Path,
        meaning("Folder of the embedded PostgreSQL, the models, the local keys and the journals of `facepass index`."),
    ] = Path(".facepass")

    @property
    def is_production(self) -> bool:
        """Whether this is in earnest: what would do on a developer's machine is refused."""
        return self.environment == "production"


class Server(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the service listens, and how it stops."""

    api_host: Annotated[str, meaning("Address to listen on; `0.0.0.0` for all of the machine's.")] = "127.0.0.1"
    api_port: Annotated[Port, meaning("TCP port to listen on.")] = 8000
    metrics_port: Annotated[
        Port | None,
        meaning(
            "TCP port at `API_HOST` on which `facepass worker` answers `/metrics`, `/health/live` and `/health/ready`; "
            "`facepass serve` answers them at `API_PORT`.",
            unset="a worker listens on nothing",
        ),
    ] = None
    shutdown_grace_s: Annotated[
        Seconds,
        meaning(
            "Seconds from a signal to stop until requests in flight, and jobs being worked on, are broken off. Whoever "
            "sends the signal should wait 5 s longer before a SIGKILL."
        ),
    ] = 20.0
    shutdown_lead_s: Annotated[
        NoSeconds | None,
        meaning(
            "Of these, the first seconds after SIGTERM (not ctrl-C), in which the service already says that it is not "
            "ready but still takes requests: as long as a balancer needs to notice.",
            unset="5 with `TRUSTED_PROXIES` (at most half of `SHUTDOWN_GRACE_S`), otherwise 0",
        ),
    ] = None


class Live(Struct, frozen=True, forbid_unknown_fields=True):
    """What cameras may send over `/ws/detect`; a frame may have `MAX_UPLOAD_BYTES`."""

    live_max_connections: Annotated[
        Positive,
        meaning(
            "Most connections to `/ws/detect` at once, for each process; further ones are closed with 1013. While it "
            "arrives, each may hold a frame in memory."
        ),
    ] = 32
    live_max_frames_per_s: Annotated[
        Positive, meaning("Most frames a second of one connection that are looked at; of more, the older are dropped.")
    ] = 10


class Jobs(Struct, frozen=True, forbid_unknown_fields=True):
    """Photos that are indexed in the background."""

    job_concurrency: Annotated[
        NotNegative | None,
        meaning(
            "Photos of jobs that `facepass serve` works on at once; 0 leaves them to `facepass worker`.",
            unset="with the embedded PostgreSQL twice `ML_THREADS`, otherwise 0",
        ),
    ] = None


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


class Tracing(Struct, frozen=True, forbid_unknown_fields=True):
    """Where requests spend their time, told to a collector by OpenTelemetry (OTLP over HTTP)."""

    otel_exporter_otlp_endpoint: Annotated[
        str | None,
        meaning(
            "Address of the collector, as `http://collector:4318`; `/v1/traces` is added. One that does not answer "
            "costs its traces and nothing else.",
            unset="no traces are made",
        ),
    ] = None
    otel_exporter_otlp_headers: Annotated[
        Secret,
        meaning("Headers for the collector, as `name=value,name=value`, values percent-encoded.", unset="none"),
    ] = Secret("")
    otel_service_name: Annotated[str, meaning("What the traces are said to be of.")] = "facepass"
    otel_traces_sampler_arg: Annotated[
        Fraction,
        meaning(
            "Share of the traces that begin here and are kept; of one that a trusted proxy begins, the proxy decides."
        ),
    ] = 0.1
