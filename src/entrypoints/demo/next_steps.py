"""What a person can open and call once the demo session is in a running service."""

import shlex
from pathlib import Path

from rich.console import Console
from rich.text import Text

from facepass.entrypoints.demo.photos import DemoSession


def show_next_steps(
    console: Console, *, url: str, key: str | None, session: DemoSession, session_id: str, stop: str
) -> None:
    """Print them.

    Args:
        console: where to.
        url: of the service.
        key: of the API, to be shown to the person who started the service; None where it is not known.
        session: the pictures.
        session_id: under which they were indexed.
        stop: how to end the service, in words.
    """
    selfie, photo = _short(session.selfie(1)), _short(session.photo(session.plan.photos[0]))
    search = f"curl -s {url}/api/v1/search -F session_id={session_id} -F file=@{selfie}"
    header = f"-H {shlex.quote(f'X-API-Key: {key}')}" if key else '-H "X-API-Key: …"'
    index = f"curl -s {url}/api/v1/index {header} -F session_id=mine -F photo_id=photo-1 -F file=@{photo}"
    lines = (
        ("FacePass is running", url),
        ("API documentation", f"{url}/docs"),
        ("Find a visitor", search),
        ("Index a photo", index),
        ("Photos and selfies", _short(session.folder)),
        ("API key", key or "as configured"),
        ("Stop", stop),
    )
    console.print()
    for title, value in lines:
        # Commands are to be copied: no wrapping, no markup.
        console.print(Text.assemble((f"{title:<20}", "bold"), value), soft_wrap=True, highlight=False)


def _short(path: Path) -> str:
    """A path as one types it here, quoted for the shell."""
    absolute = path.absolute()
    here = Path.cwd()
    return shlex.quote(str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute))
