"""What is stored, how it is reached, and whether it could be brought back.

What the database holds is reported by every replica alike: it is read with max(), never added up.
"""

from panels import BLUE, GREEN, LIMIT, RED, YELLOW, Query, Row, chart, quantiles, stat

MINE = 'instance=~"$instance"'
DATABASE = f'{MINE}, dependency="database"'

NOW = (
    stat(
        "Sessions",
        "Sessions that are stored.",
        "max(stored_sessions)",
    ),
    stat("Photos", "Photos that are indexed.", "max(stored_photos)"),
    stat("Faces", "Faces that are stored.", "max(stored_faces)"),
    stat("Size", "Of the tables of sessions, photos and faces, with their indexes.", "max(stored_bytes)", unit="bytes"),
    stat(
        "Newest backup",
        "Age of the newest complete backup by `facepass db backup`; other ways are not known here.",
        "time() - max(backup_last_success_timestamp_seconds) or vector(-1)",
        unit="s",
        steps=((BLUE, None), (GREEN, 0), (YELLOW, 26 * 3600), (RED, 30 * 3600)),
        words={"-1": "none known"},
    ),
    stat(
        "Breaker",
        "Of the database, in the process where it stands worst.",
        f"max(circuit_breaker_state{{{DATABASE}}})",
        steps=((GREEN, None), (YELLOW, 1), (RED, 2)),
        words={"0": "closed", "1": "half open", "2": "open"},
    ),
)

CONNECTIONS = (
    Row("Connections"),
    chart(
        "In use",
        "Connections of each process that a unit of work has in hand, and the most that one process may have.",
        Query(f"db_connections_active{{{MINE}}}", "{{instance}}"),
        Query(f"max(db_connections_max{{{MINE}}})", LIMIT),
    ),
    chart(
        "Waiting for one",
        "Who waits because all are in use. More than a moment of it: the pool is too small, or the database slow.",
        Query(f"db_connections_waiting{{{MINE}}}", "{{instance}}"),
        steps=((GREEN, None), (RED, 1)),
    ),
    chart(
        "Open to the server",
        "In use and idle, of all processes. Must stay below PostgreSQL's max_connections; a worker has one more.",
        Query(f"sum(db_connections_active{{{MINE}}})", "active"),
        Query(f"sum(db_connections_idle{{{MINE}}})", "idle"),
        stacked=True,
    ),
    chart(
        "Search of the gallery: how long",
        "In the database or in memory, by mode.",
        *quantiles("gallery_search_seconds", MINE, by="mode", legend="{{mode}}"),
        unit="s",
    ),
    chart(
        "Failures",
        "A second: asked in vain or answered too slowly; refused without asking.",
        Query(f"sum(rate(dependency_failures_total{{{DATABASE}}}[$__rate_interval]))", "failed"),
        Query(f"sum(rate(dependency_refused_total{{{DATABASE}}}[$__rate_interval]))", "refused"),
        unit="ops",
    ),
    chart(
        "Circuit breaker",
        "0: closed. 1: half open. 2: open.",
        Query(f"circuit_breaker_state{{{DATABASE}}}", "{{instance}}"),
        top=2,
    ),
)

STORED = (
    Row("What is stored"),
    chart(
        "Photos and faces",
        "Gaps: the database could not be asked.",
        Query("max(stored_photos)", "photos"),
        Query("max(stored_faces)", "faces"),
    ),
    chart("Size", "Of the tables of sessions, photos and faces.", Query("max(stored_bytes)", "bytes"), unit="bytes"),
    chart(
        "Bytes a face",
        "Size of the tables for each face in them. Grows with what was erased and is not used again yet.",
        Query("max(stored_bytes) / (max(stored_faces) > 0) or vector(0)", "bytes a face"),
        unit="bytes",
    ),
    chart(
        "Written",
        "Photos a second, new and replaced.",
        Query(f"sum by (outcome) (rate(photos_stored_total{{{MINE}}}[$__rate_interval]))", "{{outcome}}"),
        unit="ops",
        stacked=True,
    ),
    chart(
        "Free disk",
        "Of the file system of DATA_DIR: the database's own where it is the embedded one.",
        Query(f"data_dir_free_bytes{{{MINE}}}", "{{instance}}"),
        unit="bytes",
    ),
    chart(
        "Free disk in a day",
        "Where the last 6 hours lead; little is to be made of it within the first. 0: full within a day.",
        Query(
            f"clamp(predict_linear(data_dir_free_bytes{{{MINE}}}[6h], 86400), 0, scalar(max(data_dir_size_bytes)))",
            "{{instance}}",
        ),
        unit="bytes",
    ),
)

BOARD = (
    "database",
    "Connections, what is stored, growth, backups.",
    (*NOW, *CONNECTIONS, *STORED),
)
