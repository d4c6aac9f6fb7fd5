"""The entry of `facepass`: what its commands are."""

import rich_click as click
from rich.text import Text

from facepass import __version__
from facepass.entrypoints.cli.exit_codes import explained
from facepass.entrypoints.cli.lazy import DEBUG, LazyGroup

COMMANDS = {
    "serve": "Answer HTTP requests until stopped.",
    "worker": "Work on jobs until stopped.",
    "index": "Index the photos of a folder or bucket into a session.",
    "jobs": "List, watch, stop and repeat jobs.",
    "search": "Find the photos of a session in which the person of a selfie appears.",
    "status": "Say how far a session is indexed.",
    "delete": "Erase a session, or one photo of it, with everything stored of it.",
    "forget": "Remove the person of a selfie from a session.",
    "detect": "Say which faces a picture shows; draw them.",
    "compare": "Say whether two pictures show the same person.",
    "demo": "See it work: make photos, index them, find someone in them.",
    "keys": "Make, list, replace and revoke API keys.",
    "tokens": "Give visitors tokens of one session.",
    "doctor": "Check settings, models, database, photo source and machine, with a remedy for each fault.",
    "models": "List, install, check and quantise models.",
    "calibrate": "Fit similarity to labelled pictures, and say how far to trust it.",
    "evaluate": "Compare recognisers and detectors on labelled pictures.",
    "audit": "Check the trail of what was done, and read it.",
    "db": "Create and change the database schema.",
    "bench": "Measure this machine.",
    "openapi": "Print the OpenAPI description of the HTTP API.",
}
"""Every command with its line in the list; the module of the same name holds it."""

EPILOG = f"""\
Examples:
  facepass index ~/photos/gala --session gala
  facepass index s3://photos/gala/ --session gala --async
  facepass search selfie.jpg --session gala

Exit codes:
{explained()}

Completion (bash; zsh and fish likewise):
  eval "$(_FACEPASS_COMPLETE=bash_source facepass)"
"""


@click.group(
    cls=LazyGroup,
    package="facepass.entrypoints.cli.commands",
    summaries=COMMANDS,
    epilog=Text(EPILOG),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="facepass")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.pass_context
def main(context: click.Context, debug: bool) -> None:
    """Find a visitor in the photos of a session.

    Commands work on the database directly, or with --url through a running service. With nothing set, FacePass runs
    a PostgreSQL of its own and keeps its files in DATA_DIR (.facepass).
    """
    context.meta[DEBUG] = debug
