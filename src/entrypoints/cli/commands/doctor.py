"""`facepass doctor`."""

import asyncio

import msgspec
import rich_click as click
from click.exceptions import Exit
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.cli.checks import configuration, machine
from facepass.entrypoints.cli.checks.check import Check, State, fail
from facepass.entrypoints.cli.checks.configuration import DEFAULT, SettingInForce
from facepass.entrypoints.cli.exit_codes import ExitCode
from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import note, show
from facepass.entrypoints.cli.runtime import DOTENV, environment, load_settings, log_to_stderr
from facepass.entrypoints.settings import Settings

STYLES = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red"}


class Report(msgspec.Struct, frozen=True):
    """What was found. `healthy` says that nothing fails."""

    healthy: bool
    checks: tuple[Check, ...]
    settings: tuple[SettingInForce, ...]


@click.command("doctor", epilog="Example: facepass doctor --json")
@click.option(
    "--production",
    is_flag=True,
    help="Check only whether the service would start in production, and what would be unwise, whatever ENVIRONMENT is.",
)
@json_option
def command(production: bool, as_json: bool) -> None:
    """Check settings, models, database, photo source and machine, with a remedy for each fault.

    Starts and changes nothing. Ends with 1 when anything fails.
    """
    try:
        settings = load_settings()
    except ConfigurationError as error:
        report = Report(False, (fail("settings", error.detail, "correct the variable, or unset it"),), ())
    else:
        log_to_stderr(settings, least_level="WARNING")
        checks = tuple(configuration.production_checks(settings) if production else asyncio.run(_checks(settings)))
        healthy = all(check.state is not State.FAIL for check in checks)
        report = Report(healthy, checks, configuration.settings_in_force(settings, environment(), DOTENV))
    show(report, _view(report), json=as_json)
    if not report.healthy:
        raise Exit(ExitCode.REFUSED)


async def _checks(settings: Settings) -> list[Check]:
    from facepass.entrypoints.cli.checks import database, device, models, photos, rate_limits  # noqa: PLC0415 load the adapters

    found = [*machine.checks(settings), *configuration.checks(settings)]
    found += await asyncio.to_thread(lambda: [*device.checks(settings), *models.checks(settings)])
    found += [check async for check in database.checks(settings, note)]
    found += [await photos.check(settings), await rate_limits.check(settings)]
    return found


def _view(report: Report) -> RenderableType:
    checks = Table(box=None, pad_edge=False, show_header=False)
    for column in range(3):
        checks.add_column(overflow="fold" if column else "ellipsis")
    for check in report.checks:
        found = Text(check.detail)
        if check.remedy:
            found.append(f"\n{check.remedy}", style="italic")
        checks.add_row(Text(check.state, style=STYLES[check.state]), Text(check.name), found)
    settings = Table("setting", "value", "from", box=None, pad_edge=False, header_style="bold")
    for setting in report.settings:
        settings.add_row(
            Text(setting.name),
            Text(setting.value),
            Text(setting.origin, style="dim" if setting.origin == DEFAULT else ""),
        )
    failed = sum(check.state is State.FAIL for check in report.checks)
    verdict = Text("Nothing fails.") if report.healthy else Text(f"{failed} of {len(report.checks)} checks fail.")
    return Group(checks, Text(), settings, Text(), verdict) if report.settings else Group(checks, Text(), verdict)
