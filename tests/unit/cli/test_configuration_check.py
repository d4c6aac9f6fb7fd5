"""What `facepass doctor` shows of the settings."""

from facepass.entrypoints.cli.checks.configuration import SettingInForce, settings_in_force
from facepass.entrypoints.environment import load_settings


def test_lists_are_shown_as_they_are_written_and_secrets_are_not() -> None:
    variables = {"TRUSTED_PROXIES": "10.0.0.0/8,192.0.2.1", "REDIS_URL": "redis://:hunter2@h", "API_KEYS": "one,two"}
    shown = {one.name: one for one in settings_in_force(load_settings(variables), variables, None)}
    assert shown["TRUSTED_PROXIES"] == SettingInForce("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1/32", "TRUSTED_PROXIES")
    assert (shown["REDIS_URL"].value, shown["API_KEYS"].value) == ("***", "***")
    assert shown["ACCEPT_MODEL_LICENSE"] == SettingInForce("ACCEPT_MODEL_LICENSE", "", "default")
