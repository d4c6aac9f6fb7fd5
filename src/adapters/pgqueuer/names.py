"""What PgQueuer's things are called in the database: fixed here, whatever its environment variables say."""

from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel

SETTINGS = DBSettings(
    prefix="",
    db_schema=None,
    channel=Channel("facepass_jobs"),
    function="fn_pgqueuer_changed",
    trigger="tg_pgqueuer_changed",
    queue_table="pgqueuer",
    queue_table_log="pgqueuer_log",
    queue_status_type="pgqueuer_status",
    statistics_table="pgqueuer_statistics",
    schedules_table="pgqueuer_schedules",
    durability=Durability.durable,
    widen_id=True,
)
ENTRYPOINT = "unit"
"""Of every unit."""
