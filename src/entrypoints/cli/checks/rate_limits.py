"""Whether replicas count together."""

from facepass.domain.errors import FacePassError
from facepass.entrypoints.cli.checks.check import Check, fail, ok, warn
from facepass.entrypoints.container import build_container
from facepass.entrypoints.settings import Settings

NAME = "rate limits"


async def check(settings: Settings) -> Check:
    """Redis answers, where one is named."""
    if not settings.redis.is_configured:
        return ok(NAME, "counted by each process for itself: replicas want REDIS_URL")
    try:
        container = build_container(settings)
        client = container.redis()
    except FacePassError as error:
        return fail(NAME, error.detail, "correct REDIS_*")
    try:
        await container.redis_readiness().check()
    except FacePassError as error:
        remedy = "start Redis, or correct REDIS_*: while it is away everybody may call as often as they like"
        return warn(NAME, error.detail, remedy)
    finally:
        await client.aclose()
    return ok(NAME, "counted together, in Redis")
