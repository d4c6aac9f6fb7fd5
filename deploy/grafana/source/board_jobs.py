"""Jobs: how much waits, how fast it goes, what is given up, and who works.

What waits is reported by every replica alike: it is read with max(). What was done is counted by whoever did it, and
added up.
"""

from panels import BLUE, GREEN, RED, YELLOW, Query, Row, chart, quantile, stat

MINE = 'instance=~"$instance"'
PROCESSES = f'job=~"facepass(-worker)?", {MINE}'
DONE = f'sum(rate(job_units_total{{{MINE}, outcome="done"}}[$__rate_interval]))'

NOW = (
    stat(
        "Photos that wait",
        "Units of jobs that are queued or in hand.",
        'max(job_units{state="queued"})',
        steps=((GREEN, None), (YELLOW, 10_000)),
    ),
    stat(
        "Oldest",
        "How long the oldest of them has waited.",
        "max(job_queue_age_seconds)",
        unit="s",
        steps=((GREEN, None), (YELLOW, 900), (RED, 3600)),
    ),
    stat("Done", "Photos a second, over all processes.", DONE, unit="ops", decimals=1),
    stat(
        "Time to go",
        "What waits at the present pace.",
        f'max(job_units{{state="queued"}}) / ({DONE} > 0) or vector(-1)',
        unit="s",
        steps=((BLUE, None), (GREEN, 0), (YELLOW, 3600)),
        words={"-1": "nothing moves"},
    ),
    stat(
        "Given up",
        "Units that have failed, until their job is forgotten. `facepass jobs retry` tries them again.",
        'max(job_units{state="failed"})',
        steps=((GREEN, None), (YELLOW, 1)),
    ),
    stat(
        "Workers",
        "Worker processes that answer Prometheus; 0 where `facepass serve` does the work itself.",
        'count(up{job="facepass-worker"} == 1) or vector(0)',
        steps=((BLUE, None), (GREEN, 1)),
    ),
)

QUEUE = (
    Row("Queue"),
    chart(
        "Photos that wait",
        "Over all jobs. A line that does not fall: nobody works, or what workers need is away.",
        Query('max by (state) (job_units{state="queued"})', "{{state}}"),
    ),
    chart(
        "Age of the oldest",
        "Jobs take turns, so a large job's last photo may wait as long as the job takes.",
        Query("max(job_queue_age_seconds)", "oldest"),
        unit="s",
        steps=((GREEN, None), (RED, 3600)),
    ),
    chart(
        "Given up",
        "Units that have failed and were not tried again.",
        Query('max by (state) (job_units{state="failed"})', "{{state}}"),
    ),
)

WORK = (
    Row("Work"),
    chart(
        "Photos ended",
        "A second, by outcome.",
        Query(f"sum by (outcome) (rate(job_units_total{{{MINE}}}[$__rate_interval]))", "{{outcome}}"),
        unit="ops",
        stacked=True,
    ),
    chart(
        "Photos ended by process",
        "A second: who does how much.",
        Query(f"sum by (instance) (rate(job_units_total{{{MINE}}}[$__rate_interval]))", "{{instance}}"),
        unit="ops",
    ),
    chart(
        "Share given up",
        "Of the photos that ended; 0 where none did.",
        Query(
            f'sum(rate(job_units_total{{{MINE}, outcome="failed"}}[$__rate_interval]))'
            f' / (sum(rate(job_units_total{{{MINE}, outcome=~"done|failed"}}[$__rate_interval])) > 0) or vector(0)',
            "given up",
        ),
        unit="percentunit",
        steps=((GREEN, None), (RED, 0.05)),
    ),
    chart(
        "Places for jobs",
        "Pictures of jobs that wait for a place, and that are worked on. Jobs wait for everybody else.",
        Query(f'sum(admission_waiting{{{MINE}, kind="job"}})', "waiting"),
        Query(f'sum(admission_running{{{MINE}, kind="job"}})', "at work"),
    ),
    chart(
        "How long a photo waited for its place",
        "95th percentile, of jobs alone; a gap where none came to its turn.",
        Query(
            quantile(0.95, "admission_wait_seconds", f'{MINE}, kind="job"'),
            "waited",
        ),
        unit="s",
    ),
    chart(
        "Reading photos",
        "A second: how often the photo store was asked in vain or not at all; 0 where photos are files.",
        Query(
            f'sum(rate(dependency_failures_total{{{MINE}, dependency="photos"}}[$__rate_interval])) or vector(0)',
            "failed",
        ),
        Query(
            f'sum(rate(dependency_refused_total{{{MINE}, dependency="photos"}}[$__rate_interval])) or vector(0)',
            "refused",
        ),
        unit="ops",
    ),
)

WORKERS = (
    Row("Processes"),
    chart(
        "Processors",
        "Processors' worth of time that each process takes.",
        Query(f"rate(process_cpu_seconds_total{{{PROCESSES}}}[$__rate_interval])", "{{instance}}"),
    ),
    chart(
        "Memory",
        "Share of the memory that its container or machine allows.",
        Query(f"process_resident_memory_bytes{{{PROCESSES}}} / (memory_limit_bytes > 0)", "{{instance}}"),
        unit="percentunit",
        steps=((GREEN, None), (RED, 0.9)),
    ),
    chart(
        "Time of each step",
        "Seconds of work a second.",
        Query(f"sum by (step) (rate(inference_seconds_sum{{{MINE}}}[$__rate_interval]))", "{{step}}"),
        unit="s",
        stacked=True,
    ),
)

BOARD = ("jobs", "What waits, what is done, what is given up, and who works.", (*NOW, *QUEUE, *WORK, *WORKERS))
