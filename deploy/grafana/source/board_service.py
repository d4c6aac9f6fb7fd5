"""What visitors get: requests, errors, waiting, and the processes behind them."""

from panels import GREEN, LIMIT, RED, YELLOW, Query, Row, chart, quantile, quantiles, stat, table

API = 'job="facepass", instance=~"$instance"'
ALL = 'job=~"facepass(-worker)?", instance=~"$instance"'
VISITORS = f'{API}, route!~".*/(health|metrics)(/.*)?"'
"""Requests of people and programs: neither probes nor scrapes."""

NOW = (
    stat(
        "Processes that answer",
        "Processes of the API that answer Prometheus. Workers are not counted.",
        'count(up{job="facepass"} == 1) or vector(0)',
        steps=((RED, None), (GREEN, 1)),
    ),
    stat(
        "Requests",
        "Requests a second, probes and scrapes not counted.",
        f"sum(rate(http_requests_total{{{VISITORS}}}[$__rate_interval]))",
        unit="reqps",
    ),
    stat(
        "Server errors",
        "Share of requests answered with 5xx, refusals under load included. 0 also where nothing failed yet.",
        f'sum(rate(http_requests_total{{{VISITORS}, status=~"5.."}}[$__rate_interval]))'
        f" / (sum(rate(http_requests_total{{{VISITORS}}}[$__rate_interval])) > 0) or vector(0)",
        unit="percentunit",
        steps=((GREEN, None), (YELLOW, 0.01), (RED, 0.05)),
    ),
    stat(
        "Search, p95",
        "95 of 100 searches are answered within this time, refusals included.",
        quantile(0.95, "search_duration_seconds", API),
        unit="s",
        steps=((GREEN, None), (YELLOW, 0.5), (RED, 1)),
    ),
    stat(
        "Dependencies away",
        "Circuit breakers that are not closed, over all processes.",
        f"sum(circuit_breaker_state{{{ALL}}} > bool 0) or vector(0)",
        steps=((GREEN, None), (RED, 1)),
    ),
    stat(
        "Alerts that fire",
        "Of the rules in deploy/prometheus/alerts.yml; 0 also where Prometheus does not load them.",
        'count(ALERTS{alertname=~"FacePass.*", alertstate="firing"}) or vector(0)',
        steps=((GREEN, None), (RED, 1)),
    ),
)

REQUESTS = (
    Row("Requests"),
    chart(
        "Answers by status",
        "Requests a second by the status of their answer; 499: the caller had left.",
        Query(f"sum by (status) (rate(http_requests_total{{{VISITORS}}}[$__rate_interval]))", "{{status}}"),
        unit="reqps",
        stacked=True,
    ),
    chart(
        "Requests by route",
        "Requests a second by route.",
        Query(
            f"sum by (method, route) (rate(http_requests_total{{{VISITORS}}}[$__rate_interval]))",
            "{{method}} {{route}}",
        ),
        unit="reqps",
    ),
    chart(
        "Errors and refusals",
        "Share of requests: answered with 5xx; refused because of load (these are 503, and part of the first). What "
        "lies between the two is for somebody to look at. 0 where nothing failed.",
        Query(
            f'sum(rate(http_requests_total{{{VISITORS}, status=~"5.."}}[$__rate_interval]))'
            f" / (sum(rate(http_requests_total{{{VISITORS}}}[$__rate_interval])) > 0) or vector(0)",
            "5xx",
        ),
        Query(
            f'sum(rate(http_problems_total{{{API}, code="overloaded"}}[$__rate_interval]))'
            f" / (sum(rate(http_requests_total{{{VISITORS}}}[$__rate_interval])) > 0) or vector(0)",
            "refused under load",
        ),
        unit="percentunit",
        steps=((GREEN, None), (RED, 0.05)),
    ),
    chart(
        "Search: how long",
        "From the first byte of a request to the last of its answer. Points are requests whose trace is kept.",
        *quantiles("search_duration_seconds", API),
        unit="s",
        steps=((GREEN, None), (RED, 1)),
    ),
    chart(
        "Indexing: how long",
        "POST /index and /index/batch; a batch takes as long as its photos.",
        *quantiles("index_duration_seconds", API),
        unit="s",
    ),
    chart(
        "How long, by route",
        "95th percentile of each route.",
        Query(
            quantile(0.95, "http_request_duration_seconds", VISITORS, by="route"),
            "{{route}}",
        ),
        unit="s",
    ),
)

WAITING = (
    Row("Waiting for a place"),
    chart(
        "Pictures that wait",
        "By kind, over all processes. The line of each kind is bounded by ML_QUEUE_MAX.",
        Query(f"sum by (kind) (admission_waiting{{{ALL}}})", "{{kind}}"),
        stacked=True,
        width=6,
    ),
    chart(
        "Pictures at work",
        "By kind; each process works on 2 × ML_THREADS at a time.",
        Query(f"sum by (kind) (admission_running{{{ALL}}})", "{{kind}}"),
        stacked=True,
        width=6,
    ),
    chart(
        "How long they waited",
        "95th percentile of those who were let in. Searches wait 1.5 s at most.",
        Query(
            quantile(0.95, "admission_wait_seconds", ALL, by="kind"),
            "{{kind}}",
        ),
        unit="s",
        width=6,
    ),
    chart(
        "Refused",
        "Pictures a second that were sent away (503) because they would have waited too long.",
        Query(f"sum by (kind) (rate(admission_refused_total{{{ALL}}}[$__rate_interval]))", "{{kind}}"),
        unit="reqps",
        width=6,
    ),
)

OUTSIDE = (
    Row("What the service depends on"),
    chart(
        "Circuit breakers",
        "0: closed. 1: half open, the next call looks. 2: open for a second. An outage moves between 1 and 2.",
        Query(f"circuit_breaker_state{{{ALL}}}", "{{dependency}} at {{instance}}"),
        top=2,
    ),
    chart(
        "Failures and refusals",
        "A second: how often a dependency was asked in vain, and how often a call was refused without asking.",
        Query(
            f"sum by (dependency) (rate(dependency_failures_total{{{ALL}}}[$__rate_interval]))",
            "{{dependency}}: failed",
        ),
        Query(
            f"sum by (dependency) (rate(dependency_refused_total{{{ALL}}}[$__rate_interval]))",
            "{{dependency}}: refused",
        ),
        unit="ops",
    ),
    chart(
        "Rate limits",
        "Calls a second that were counted: let in, refused (429), or unchecked because Redis was away.",
        Query(
            f"sum by (kind, decision) (rate(rate_limit_decisions_total{{{ALL}}}[$__rate_interval]))",
            "{{kind}}: {{decision}}",
        ),
        unit="reqps",
    ),
)

PROCESSES = (
    Row("Processes"),
    chart(
        "Processors",
        "Processors' worth of time that each process takes.",
        Query(f"rate(process_cpu_seconds_total{{{ALL}}}[$__rate_interval])", "{{instance}}"),
    ),
    chart(
        "Memory",
        "Resident memory of each process, and the least that any container or machine allows.",
        Query(f"process_resident_memory_bytes{{{ALL}}}", "{{instance}}"),
        Query(f"min(memory_limit_bytes{{{ALL}}})", LIMIT),
        unit="bytes",
    ),
    chart(
        "Open files",
        "Share of the file descriptors that a process may have; connections count.",
        Query(f"process_open_fds{{{ALL}}} / process_max_fds", "{{instance}}"),
        unit="percentunit",
        steps=((GREEN, None), (RED, 0.8)),
    ),
    chart(
        "Free disk",
        "Share of the file system of DATA_DIR that is free.",
        Query(f"data_dir_free_bytes{{{ALL}}} / (data_dir_size_bytes > 0)", "{{instance}}"),
        unit="percentunit",
        top=1,
        steps=((RED, None), (YELLOW, 0.03), (GREEN, 0.1)),
    ),
    chart(
        "Time since the start",
        "A line that falls to zero is a restart.",
        Query(f"time() - process_start_time_seconds{{{ALL}}}", "{{instance}}"),
        unit="s",
    ),
    chart(
        "Garbage collections",
        "Of Python's oldest generation, a second. Many with much memory: something holds what it should not.",
        Query(
            f'rate(python_gc_collections_total{{{ALL}, generation="2"}}[$__rate_interval])',
            "{{instance}}",
        ),
        unit="ops",
    ),
    table(
        "Versions",
        "What runs where. Several versions for more than an hour: an update got stuck.",
        f"max by (job, instance, version, python) (facepass_build_info{{{ALL}}})",
        width=12,
    ),
    chart(
        "Traces lost",
        "Spans a second that were dropped because whoever takes traces is away or slow; 0 where none is.",
        Query(f"sum(rate(trace_spans_dropped_total{{{ALL}}}[$__rate_interval])) or vector(0)", "dropped"),
        unit="ops",
        width=12,
    ),
)

BOARD = (
    "service",
    "Requests, errors, waiting, dependencies and processes.",
    (*NOW, *REQUESTS, *WAITING, *OUTSIDE, *PROCESSES),
)
