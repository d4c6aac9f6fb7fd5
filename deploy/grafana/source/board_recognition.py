"""What is made of pictures: faces, templates, matches; how long each step takes and what searches find."""

from panels import BLUE, GREEN, RED, YELLOW, Query, Row, chart, quantile, quantiles, stat, table

MINE = 'instance=~"$instance"'

NOW = (
    stat(
        "Faces found",
        "A second, in all pictures: photos, selfies, frames.",
        f"sum(rate(faces_detected_total{{{MINE}}}[$__rate_interval]))",
        unit="ops",
    ),
    stat(
        "Templates made",
        "A second. Less than faces found, as some are too small or too poor.",
        f"sum(rate(embeddings_total{{{MINE}}}[$__rate_interval]))",
        unit="ops",
    ),
    stat(
        "Photos stored",
        "A second, new and replaced, by requests and jobs.",
        f"sum(rate(photos_stored_total{{{MINE}}}[$__rate_interval]))",
        unit="ops",
    ),
    stat(
        "Search of the gallery, p95",
        "The comparison itself, without looking at the selfie.",
        quantile(0.95, "gallery_search_seconds", MINE),
        unit="s",
        steps=((GREEN, None), (YELLOW, 0.05), (RED, 0.25)),
    ),
    stat(
        "Recall of the index",
        "Share of an exact search's photos that the approximate index finds, by the hourly canary. Not measured where "
        "no session is beyond EXACT_SEARCH_MAX_FACES: then every search is exact.",
        "min(search_recall) or vector(-1)",
        unit="percentunit",
        steps=((BLUE, None), (RED, 0), (YELLOW, 0.95), (GREEN, 0.97)),
        words={"-1": "all exact"},
    ),
    stat(
        "Cameras",
        "Open connections to /ws/detect.",
        f"sum(live_connections{{{MINE}}})",
    ),
)

PICTURES = (
    Row("Pictures"),
    chart(
        "Time of each step",
        "Seconds of work a second, over all processes: what the processors are busy with.",
        Query(f"sum by (step) (rate(inference_seconds_sum{{{MINE}}}[$__rate_interval]))", "{{step}}"),
        unit="s",
        stacked=True,
        width=12,
    ),
    chart(
        "How long a step takes",
        "95th percentile of each step. Embedding is measured by batch.",
        Query(
            quantile(0.95, "inference_seconds", MINE, by="step"),
            "{{step}}",
        ),
        unit="s",
        width=12,
    ),
    chart(
        "Faces and templates",
        "A second. The distance between them is what was too small or too poor, or only to be found (/detect).",
        Query(f"sum(rate(faces_detected_total{{{MINE}}}[$__rate_interval]))", "faces found"),
        Query(f"sum by (model) (rate(embeddings_total{{{MINE}}}[$__rate_interval]))", "templates by {{model}}"),
        unit="ops",
    ),
    chart(
        "Faces embedded at once",
        "Mean size of a batch, over requests that came together: larger ones use the processors better.",
        Query(
            f"sum(rate(inference_batch_size_sum{{{MINE}}}[$__rate_interval]))"
            f" / sum(rate(inference_batch_size_count{{{MINE}}}[$__rate_interval]))",
            "mean",
        ),
    ),
    chart(
        "Photos stored",
        "A second: new ones, and those that replaced one of the same id.",
        Query(f"sum by (outcome) (rate(photos_stored_total{{{MINE}}}[$__rate_interval]))", "{{outcome}}"),
        unit="ops",
        stacked=True,
    ),
)

SEARCHES = (
    Row("Searches"),
    chart(
        "Answers to searches",
        "A second by status. 400: no face, several, or too poor a picture; 404: no such session; 429: too often.",
        Query(f"sum by (status) (rate(search_requests_total{{{MINE}}}[$__rate_interval]))", "{{status}}"),
        unit="reqps",
        stacked=True,
    ),
    chart(
        "Search of the gallery: how long",
        "The comparison itself, exact or by the approximate index.",
        *quantiles("gallery_search_seconds", MINE, by="mode", legend="{{mode}}"),
        unit="s",
    ),
    chart(
        "Searches by mode",
        "A second. `ann`: sessions beyond EXACT_SEARCH_MAX_FACES.",
        Query(f"sum by (mode) (rate(gallery_search_seconds_count{{{MINE}}}[$__rate_interval]))", "{{mode}}"),
        unit="ops",
        stacked=True,
    ),
    chart(
        "Selfies refused",
        "Share of searches answered with 400: what visitors send shows no face, several, or too poor a one.",
        Query(
            f'sum(rate(search_requests_total{{{MINE}, status="400"}}[$__rate_interval]))'
            f" / (sum(rate(search_requests_total{{{MINE}}}[$__rate_interval])) > 0) or vector(0)",
            "refused",
        ),
        unit="percentunit",
        width=12,
    ),
    chart(
        "Recall of the index",
        "By the hourly canary of each process; -1 where it measured nothing because every search is exact.",
        Query("avg by (index) (search_recall) or vector(-1)", "{{index}}"),
        unit="percentunit",
        top=1,
        width=12,
        steps=((GREEN, None), (RED, 0.95)),
    ),
)

LIVE = (
    Row("Live detection and models"),
    chart(
        "Frames",
        "A second: answered, dropped for a newer one, failed.",
        Query(f"sum by (outcome) (rate(live_frames_total{{{MINE}}}[$__rate_interval]))", "{{outcome}}"),
        unit="ops",
        stacked=True,
    ),
    chart(
        "Cameras",
        "Open connections to /ws/detect; each process takes LIVE_MAX_CONNECTIONS.",
        Query(f"live_connections{{{MINE}}}", "{{instance}}"),
    ),
    table(
        "Models",
        "Which process uses which. Two recognisers at once: see the runbook of FacePassModelsDiffer.",
        f"max by (instance, role, model, dimension, device) (facepass_model_info{{{MINE}}})",
    ),
)

BOARD = (
    "recognition",
    "Faces, templates, steps of inference, searches, live detection and models.",
    (*NOW, *PICTURES, *SEARCHES, *LIVE),
)
