"""What callers are told of their rate limit (the fields of draft-ietf-httpapi-ratelimit-headers-03)."""

import math

from facepass.domain.rate import RateDecision

LIMIT, REMAINING, RESET, POLICY = "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy"


def rate_headers(decision: RateDecision) -> dict[str, str]:
    """Most calls in a window, how many are left of it, and the seconds until there is one more."""
    limit = decision.limit
    return {
        LIMIT: str(limit.most),
        REMAINING: str(decision.remaining),
        RESET: str(math.ceil(decision.reset_s)),
        POLICY: f"{limit.most};w={math.ceil(limit.per_s)}",
    }
