"""Numbers for Prometheus. Meant for the internal network: a proxy in front does not publish them."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from facepass.entrypoints.http.answers import HttpRequest


@get(["/metrics", "/metrics/prometheus"], include_in_schema=False)
async def metrics(
    request: HttpRequest, registry: NamedDependency[SkipValidation[CollectorRegistry]]
) -> Response[bytes]:
    """Everything counted, as Prometheus text, or as OpenMetrics where that is asked for."""
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(registry), media_type=media_type)
