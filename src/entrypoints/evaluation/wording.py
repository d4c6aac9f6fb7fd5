"""Figures and their intervals in words."""

from collections.abc import Callable

from facepass.domain.bootstrap import Estimate, Method

Words = Callable[[float], str]

_NEARLY_ALL, _ALL, _WHOLE_FROM = 99.5, 100.0, 1000.0


def percent(share: float) -> str:
    """A share, 0 to 1, to three digits that count."""
    return f"{_digits(100 * share)} %"


def amount(value: float) -> str:
    """A number of things, to three digits that count."""
    return _digits(value)


def cosine(value: float) -> str:
    """To three decimals."""
    return f"{value:.3f}"


def interval(estimate: Estimate, words: Words) -> str:
    """Its ends, and the rule where it is no bootstrap."""
    ends = f"{words(estimate.low)} to {words(estimate.high)}"
    return f"{ends} (rule of 3)" if estimate.method is Method.RULE_OF_3 else ends


def stacked(estimate: Estimate, words: Words) -> str:
    """The value with its interval below, for a narrow column whose head names the unit."""
    value, low, high = (words(one).removesuffix(" %") for one in (estimate.value, estimate.low, estimate.high))
    return f"{value}\n{low}…{high}"


def _digits(value: float) -> str:
    """Three digits that count, and more of what is just below 100: 99.96 is not 100."""
    if abs(value) >= _WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:.4g}" if _NEARLY_ALL < value < _ALL else f"{value:.3g}"
