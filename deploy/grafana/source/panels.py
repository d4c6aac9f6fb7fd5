"""What dashboards are made of: panels as Grafana 11 keeps them, with the choices that all of ours share made once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"
COLUMNS = 24
STAT_HEIGHT, CHART_HEIGHT = 4, 8
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
LIMIT = "limit"
"""Legend of a series that is a bound: drawn as a dashed red line."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """One query of a panel.

    Attributes:
        expr: PromQL, with Grafana's variables.
        legend: a template; empty for what has no labels.
    """

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """A panel before it has a place.

    Attributes:
        kind: Grafana's type.
        title: what is shown.
        description: how to read it.
        queries: one letter each, in this order.
        unit: as Grafana names it.
        width: of 24 columns.
        height: in rows.
        steps: colours from which value on, the first from minus infinity.
        options: of the type.
        custom: of the type, for all series.
        more: further parts of `fieldConfig.defaults`.
    """

    kind: str
    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str
    width: int
    height: int
    steps: tuple[tuple[str, float | None], ...]
    options: Json
    custom: Json
    more: Json

    def json(self, number: int, left: int, top: int) -> Json:
        """The panel at its place."""
        instant = self.kind in {"stat", "table"}
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": left, "y": top},
            "targets": [
                {
                    "refId": chr(ord("A") + index),
                    "datasource": DATASOURCE,
                    "expr": query.expr,
                    "legendFormat": query.legend,
                    "exemplar": not instant and "_bucket" in query.expr,
                    "instant": instant,
                    "range": not instant,
                    **({"format": "table"} if self.kind == "table" else {}),
                }
                for index, query in enumerate(self.queries)
            ],
            "fieldConfig": {
                "defaults": {
                    "unit": self.unit,
                    "custom": self.custom,
                    "thresholds": {
                        "mode": "absolute",
                        "steps": [{"color": color, "value": value} for color, value in self.steps],
                    },
                    **self.more,
                },
                "overrides": [_limit()] if any(query.legend == LIMIT for query in self.queries) else [],
            },
            "options": self.options,
        }


@dataclass(frozen=True)
class Row:
    """A heading over the panels that follow."""

    title: str

    def json(self, number: int, top: int) -> Json:
        """The heading at its place."""
        place = {"h": 1, "w": COLUMNS, "x": 0, "y": top}
        return {"id": number, "type": "row", "title": self.title, "gridPos": place, "collapsed": False, "panels": []}


def stat(
    title: str,
    description: str,
    expr: str,
    *,
    unit: str = "short",
    width: int = 4,
    steps: Sequence[tuple[str, float | None]] = ((GREEN, None),),
    words: dict[str, str] | None = None,
    decimals: int | None = None,
) -> Panel:
    """One number, now.

    Args:
        title: as of a panel.
        description: as of a panel.
        expr: gives one value.
        unit: as of a panel.
        width: as of a panel.
        steps: as of a panel.
        words: what stands for which value, such as `{"-1": "none"}`.
        decimals: digits after the point; None for Grafana's choice.
    """
    mappings = [{"type": "value", "options": {key: {"text": text}}} for key, text in (words or {}).items()]
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
    }
    more: Json = {"mappings": mappings, "color": {"mode": "thresholds"}}
    if decimals is not None:
        more["decimals"] = decimals
    return Panel("stat", title, description, (Query(expr),), unit, width, STAT_HEIGHT, tuple(steps), options, {}, more)


def chart(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    width: int = 8,
    stacked: bool = False,
    top: float | None = None,
    steps: Sequence[tuple[str, float | None]] = ((GREEN, None),),
) -> Panel:
    """Series over time, from zero up.

    Args:
        title: as of a panel.
        description: as of a panel.
        queries: as of a panel.
        unit: as of a panel.
        width: as of a panel.
        stacked: on top of one another, as parts of a whole.
        top: upper end of the axis, where it has one.
        steps: as of a panel; drawn as lines where there are several.
    """
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if stacked else 8,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if len(steps) > 1 else "off"},
        "axisSoftMin": 0,
    }
    options = {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    more: Json = {"min": 0, "color": {"mode": "palette-classic"}} | ({} if top is None else {"max": top})
    return Panel(
        "timeseries", title, description, queries, unit, width, CHART_HEIGHT, tuple(steps), options, custom, more
    )


def table(title: str, description: str, expr: str, *, width: int = 8) -> Panel:
    """The labels of what there is now, a row each."""
    options = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": [], "countRows": False}}
    custom = {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False}
    return Panel(
        "table", title, description, (Query(expr),), "short", width, CHART_HEIGHT, ((GREEN, None),), options, custom, {}
    )


def quantiles(metric: str, matchers: str, *, by: str = "", legend: str = "") -> tuple[Query, ...]:
    """Median and 95th percentile of a histogram.

    Args:
        metric: its name, without `_bucket`.
        matchers: of labels.
        by: a label to keep.
        legend: template for that label.
    """
    return tuple(
        Query(quantile(share, metric, matchers, by=by), f"{legend} {name}".strip())
        for share, name in ((0.5, "median"), (0.95, "p95"))
    )


def quantile(share: float, metric: str, matchers: str, *, by: str = "") -> str:
    """PromQL: below which value that share of a histogram lies; the arguments are those of `quantiles`."""
    kept = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({kept}) (rate({metric}_bucket{{{matchers}}}[$__rate_interval])))"


def _limit() -> Json:
    """Series that are bounds look like it."""
    return {
        "matcher": {"id": "byName", "options": LIMIT},
        "properties": [
            {"id": "color", "value": {"mode": "fixed", "fixedColor": RED}},
            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}},
            {"id": "custom.fillOpacity", "value": 0},
            {"id": "custom.stacking", "value": {"mode": "none", "group": "limit"}},
        ],
    }
