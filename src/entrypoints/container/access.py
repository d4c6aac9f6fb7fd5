"""Who may call, and how often."""

import secrets

from dependency_injector import providers

from facepass.adapters.jwt.session_tokens import JwtSessionTokens
from facepass.adapters.memory.rate_limiter import InMemoryRateLimiter
from facepass.adapters.redis.connection import DEPENDENCY as REDIS
from facepass.adapters.redis.connection import create_client
from facepass.adapters.redis.rate_limiter import RedisRateLimiter
from facepass.adapters.redis.readiness import RedisReadiness
from facepass.adapters.resilience.breaker import CircuitBreaker
from facepass.adapters.resilience.rate_limiter import GuardedRateLimiter
from facepass.adapters.resilience.readiness import GuardedReadiness
from facepass.adapters.telemetry.live import LiveMetrics
from facepass.adapters.telemetry.rate_limiter import FailOpenRateLimiter
from facepass.adapters.telemetry.requests import RequestMetrics
from facepass.application.authenticate_key import AuthenticateKey
from facepass.application.create_key import CreateKey
from facepass.application.forget_credentials import ForgetCredentials
from facepass.application.issue_token import IssueToken
from facepass.application.list_keys import ListKeys
from facepass.application.revoke_key import RevokeKey
from facepass.application.rotate_key import RotateKey
from facepass.application.spend_search import SpendSearch
from facepass.entrypoints import adapter_settings
from facepass.entrypoints.container.recognition import Recognition
from facepass.entrypoints.container.stores import Stores
from facepass.entrypoints.container.tracing import request_tracer
from facepass.entrypoints.http.doorkeeper import Doorkeeper
from facepass.entrypoints.local_key import api_keys, jwt_secret_keys, secret_keys

MEMORY_SECRET = secrets.token_hex(32)
"""Of services in memory, whose keys and tokens end with the process."""


class Access(Recognition):
    """Credentials, rate limits, and the door where both are asked for."""

    random_bytes = providers.Object(secrets.token_bytes)
    key_secrets = providers.Selector(
        Stores.storage,
        embedded=providers.Callable(secret_keys, Stores.settings),
        external=providers.Callable(secret_keys, Stores.settings),
        memory=providers.Object((MEMORY_SECRET,)),
    )
    token_secrets = providers.Selector(
        Stores.storage,
        embedded=providers.Callable(jwt_secret_keys, Stores.settings),
        external=providers.Callable(jwt_secret_keys, Stores.settings),
        memory=providers.Object((MEMORY_SECRET,)),
    )
    key_authenticator = providers.Singleton(
        AuthenticateKey,
        configured=providers.Callable(api_keys, Stores.settings),
        secrets=key_secrets,
        unit_of_work=Stores.unit_of_work,
        clock=Stores.clock,
    )
    session_tokens = providers.Singleton(JwtSessionTokens, token_secrets, clock=Stores.clock)
    redis = providers.Singleton(create_client, providers.Callable(adapter_settings.redis_url, Stores.settings))
    redis_breaker = providers.Singleton(
        CircuitBreaker,
        REDIS,
        probe=providers.Singleton(RedisReadiness, redis),
        clock=Stores.clock,
        metrics=Stores.breaker_metrics,
    )
    redis_readiness = providers.Singleton(GuardedReadiness, redis_breaker)
    shared_rate_limiter = providers.Selector(
        Stores.rates,
        redis=providers.Singleton(GuardedRateLimiter, providers.Singleton(RedisRateLimiter, redis), redis_breaker),
        memory=providers.Singleton(InMemoryRateLimiter, Stores.clock),
    )
    rate_limiter = providers.Singleton(
        FailOpenRateLimiter, shared_rate_limiter, clock=Stores.clock, registry=Stores.metrics
    )
    request_metrics = providers.Singleton(RequestMetrics, Stores.metrics)
    request_tracer = providers.Singleton(request_tracer, Stores.traces)
    live_metrics = providers.Singleton(LiveMetrics, Stores.metrics)
    doorkeeper = providers.Singleton(
        Doorkeeper,
        keys=key_authenticator,
        tokens=session_tokens,
        limiter=rate_limiter,
        limits=providers.Callable(adapter_settings.rate_limits, Stores.settings),
        search_access=Stores.settings.provided.security.search_access,
        production=Stores.settings.provided.application.is_production,
    )
    create_key = providers.Singleton(
        CreateKey,
        unit_of_work=Stores.unit_of_work,
        clock=Stores.clock,
        random_bytes=random_bytes,
        secret=key_secrets.provided[0],
    )
    rotate_key = providers.Singleton(RotateKey, create=create_key, unit_of_work=Stores.unit_of_work, clock=Stores.clock)
    revoke_key = providers.Singleton(RevokeKey, unit_of_work=Stores.unit_of_work, clock=Stores.clock)
    list_keys = providers.Singleton(ListKeys, unit_of_work=Stores.unit_of_work)
    issue_token = providers.Singleton(IssueToken, signer=session_tokens, clock=Stores.clock, random_bytes=random_bytes)
    spend_search = providers.Singleton(SpendSearch, unit_of_work=Stores.unit_of_work)
    forget_credentials = providers.Singleton(
        ForgetCredentials,
        unit_of_work=Stores.unit_of_work,
        clock=Stores.clock,
        ended_kept_days=Stores.settings.provided.retention.backup_retention_days,
    )
