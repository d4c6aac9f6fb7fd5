"""A folder of labelled pictures: one folder a person."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from facepass.adapters.onnx.evaluation.runs import Picture
from facepass.application.detection_profile import PROFILES
from facepass.domain.errors import FacePassError, InvalidRequest
from facepass.domain.photo_key import PHOTO_SUFFIXES
from facepass.entrypoints.settings import Settings
from facepass.entrypoints.source_photos import decode_photo

MAX_FACES = 4000
"""Most pictures of a set, renderings counted one by one: eight million pairs, and a gigabyte of memory."""

_LEAST_PEOPLE, _LEAST_PICTURES = 2, 2


@dataclass(slots=True)
class LabelledSet:
    """The pictures of a folder.

    Attributes:
        name: the folder's own.
        files: person and path of each, in order of both.
        unreadable: names of those that could not be decoded, so far.
    """

    name: str
    files: tuple[tuple[str, Path], ...]
    unreadable: list[str] = field(default_factory=list)

    @classmethod
    def in_folder(cls, folder: Path, *, renderings: int) -> "LabelledSet":
        """List the pictures of a folder; hidden files and folders are passed over.

        Args:
            folder: has one folder a person.
            renderings: of each picture; 0 for the picture itself.

        Raises:
            InvalidRequest: nothing there can be compared, or there is too much.
        """
        files = tuple(
            (person.name, path)
            for person in sorted(_visible(folder))
            if person.is_dir()
            for path in sorted(_visible(person))
            if path.is_file() and path.suffix.lower() in PHOTO_SUFFIXES
        )
        require_comparable([person for person, _ in files], "pictures")
        shown = len(files) * max(1, renderings)
        if shown > MAX_FACES:
            raise InvalidRequest.field(
                "--data", f"{shown:,} pictures, renderings included: at most {MAX_FACES:,} can be compared"
            )
        return cls(folder.resolve().name, files)

    @property
    def people(self) -> int:
        """How many."""
        return len({person for person, _ in self.files})

    def pictures(self, settings: Settings) -> Iterator[Picture]:
        """Each as the service would decode it; what cannot be decoded is listed in `unreadable`."""
        profile = PROFILES[settings.recognition.detection_profile]
        for person, path in self.files:
            name = f"{person}/{path.name}"
            try:
                image = decode_photo(path, settings, profile=profile)
            except (OSError, FacePassError):
                self.unreadable.append(name)
                continue
            yield Picture(name, person, image)


def require_comparable(people: list[str], things: str) -> None:
    """See that there are genuine pairs and strangers.

    Args:
        people: whose each thing is.
        things: what they are, for the message.

    Raises:
        InvalidRequest: they are of fewer than two people with two each.
    """
    counts = Counter(people)
    enough = [person for person, count in counts.items() if count >= _LEAST_PICTURES]
    if len(enough) < _LEAST_PEOPLE:
        raise InvalidRequest.field(
            "--data",
            f"needs one folder a person, with two {things} or more of at least two people; "
            f"found {len(people)} {things} of {len(counts)} people, {len(enough)} of them with two or more",
        )


def _visible(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if not path.name.startswith("."))
