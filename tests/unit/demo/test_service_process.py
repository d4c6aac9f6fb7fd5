import asyncio
import os
import signal

import pytest

from facepass.entrypoints.demo.interruption import run_to_end
from facepass.entrypoints.demo.memory import watched
from facepass.entrypoints.demo.service_process import private_launch
from facepass.entrypoints.environment import load_settings


def test_a_private_service_knows_nothing_of_the_callers_database_and_keys(tmp_path):
    caller = {
        "PATH": "/usr/bin",
        "DATABASE_URL": "postgresql://elsewhere/db",
        "FACEPASS_POSTGRES_HOST": "elsewhere",
        "DATABASE_HOST": "elsewhere",
        "API_KEYS_FILE": "/nowhere",
        "ENVIRONMENT": "production",
        "FACEPASS_FACE_DETECTION_THRESHOLD": "0.7",
    }
    launch = private_launch(
        caller,
        data_dir=tmp_path,
        models_dir=tmp_path / "models",
        log=tmp_path / "log",
        api_key="a-key-for-tests",
        port=12345,
    )
    settings = load_settings(launch.environment)
    assert settings.database.is_embedded
    assert [key.reveal() for key in settings.security.api_keys] == ["a-key-for-tests"]
    assert (settings.application.environment, settings.application.data_dir) == ("development", tmp_path)
    assert (settings.server.api_host, settings.server.api_port) == ("127.0.0.1", 12345)
    assert settings.models_dir == tmp_path / "models"
    assert settings.recognition.face_detection_threshold == 0.7
    assert (settings.security.rate_limit_index, settings.security.rate_limit_search) == (0, 0)
    assert launch.environment["PATH"] == "/usr/bin"
    assert launch.url == "http://127.0.0.1:12345"


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no such signal here")
@pytest.mark.parametrize("ending", ["SIGTERM", "SIGHUP"])
def test_a_signal_lets_the_cleanup_run(ending):
    cleaned = []

    async def work():
        try:
            os.kill(os.getpid(), getattr(signal, ending))
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    with pytest.raises(KeyboardInterrupt):
        run_to_end(work())
    assert cleaned == [True]


def test_a_run_that_ends_by_itself_gives_its_result():
    async def work():
        return 7

    assert run_to_end(work()) == 7


async def test_memory_of_a_process_is_seen_where_there_is_proc(tmp_path):
    async with watched(os.getpid(), tmp_path) as peak:
        pass
    assert peak.database_mib is None
    assert peak.service_mib is None or 10 < peak.service_mib < 10_000
