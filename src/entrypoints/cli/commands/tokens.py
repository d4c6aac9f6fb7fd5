"""`facepass tokens`: for visitors."""

import rich_click as click

from facepass.domain.session_token import DEFAULT_TTL_S, MAX_SEARCHES, MAX_TTL_S
from facepass.entrypoints.cli.options import json_option, session_option
from facepass.entrypoints.cli.output import note, show
from facepass.entrypoints.cli.runtime import load_settings


@click.group("tokens", epilog="Example: facepass tokens create --session gala --ttl 7200")
def command() -> None:
    """Give visitors tokens: for one session, for a while.

    Signed with JWT_SECRET_KEY; a service with the same key accepts them. Nothing is started or asked.
    """


@command.command("create", epilog="Example: facepass tokens create --session gala --ttl 7200 --max-searches 20")
@session_option
@click.option(
    "--ttl",
    type=click.IntRange(1, MAX_TTL_S),
    default=DEFAULT_TTL_S,
    show_default=True,
    metavar="SECONDS",
    help="How long it is valid.",
)
@click.option(
    "--max-searches", type=click.IntRange(1, MAX_SEARCHES), help="How many searches it is for. Default: any number."
)
@json_option
def create(session: str, ttl: int, max_searches: int | None, as_json: bool) -> None:
    """Make a token. The token itself is the only thing on standard output.

    The visitor's browser sends it as `Authorization: Bearer …` with a search.
    """
    from facepass.entrypoints import credentials  # noqa: PLC0415 help does without

    issued = credentials.issue_token(load_settings(), session, ttl_s=ttl, max_searches=max_searches)
    if not as_json:
        searches = "any number of searches" if max_searches is None else f"{max_searches} searches"
        note(f"For session {session!r}, {searches}, until {issued.expires_at.isoformat()}.")
    show(issued, issued.token, json=as_json)
