"""Draws a planned session and keeps it on disk, so that the second start finds it there."""

import io
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image, ImageFilter

from facepass.entrypoints.demo.backdrop import backdrop, grain
from facepass.entrypoints.demo.figure import draw_body, neck_y, paste_head
from facepass.entrypoints.demo.people import FACE_WIDTH, FRAME_WIDTH, PEOPLE, SELFIE, People, name
from facepass.entrypoints.demo.scene import PhotoPlan, PlacedFace, SessionPlan, plan_session

RECIPE = 1
"""Raised with every change to what is drawn: kept pictures of another recipe are drawn again."""
SELFIE_SIZE = (960, 1280)
ORIENTATION_TAG = 0x0112
TO_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How an upright picture is turned before it is saved with an EXIF orientation (CIPA DC-008, tag 274)."""


class DemoSession(msgspec.Struct, frozen=True):
    """A session on disk: its ground truth and its files."""

    folder: Path
    plan: SessionPlan

    def photo(self, photo: PhotoPlan) -> Path:
        """The file of an event photo."""
        return self.folder / "photos" / photo.file_name

    def selfie(self, person: int) -> Path:
        """The file of a selfie."""
        return self.folder / "selfies" / f"{name(person)}.jpg"


def make_session(
    people: People, folder: Path, *, seed: int, photos: int, progress: Callable[[int, int], None]
) -> DemoSession:
    """Draw the session below `folder`, or find it there.

    Args:
        people: whose faces.
        folder: kept pictures go below it, in a folder named by their parameters.
        seed: of everything that is drawn.
        photos: how many event photos.
        progress: called with files done and files in all.
    """
    plan = plan_session(seed, photos)
    session = DemoSession(folder / f"seed{seed}-photos{photos}-recipe{RECIPE}", plan)
    total = photos + PEOPLE
    truth = session.folder / "truth.json"
    # The ground truth is written last: a folder that has it is complete.
    if truth.is_file():
        progress(total, total)
        return session
    if session.folder.exists():
        shutil.rmtree(session.folder)
    (session.folder / "photos").mkdir(parents=True)
    (session.folder / "selfies").mkdir()
    with ThreadPoolExecutor() as workers:
        futures = [
            workers.submit(lambda at: session.photo(at).write_bytes(render_photo(people, at)), at) for at in plan.photos
        ] + [
            workers.submit(lambda at: session.selfie(at).write_bytes(render_selfie(people, at, seed)), person)
            for person in range(1, PEOPLE + 1)
        ]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                progress(done, total)
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise
    truth.write_bytes(msgspec.json.format(msgspec.json.encode(plan)))
    return session


def render_photo(people: People, plan: PhotoPlan) -> bytes:
    """The JPEG file of an event photo, turned and tagged by its EXIF orientation."""
    rng = np.random.default_rng(plan.seed)
    scene = backdrop(rng, plan.width, plan.height)
    for face in sorted(plan.faces, key=neck_y):
        draw_body(scene, face)
        paste_head(scene, face, people.face(face.person, face.picture))
    scene = grain(rng, scene, float(rng.uniform(1.0, 6.0)))
    return encode(scene, quality=plan.quality, orientation=plan.orientation)


def render_selfie(people: People, person: int, seed: int) -> bytes:
    """The JPEG file of a person's selfie: one large face at arm's length before a scene out of focus."""
    rng = np.random.default_rng((seed, person))
    width, height = SELFIE_SIZE
    scene = backdrop(rng, width // 2, height // 2).filter(ImageFilter.GaussianBlur(9)).resize(SELFIE_SIZE)
    px = float(rng.uniform(340, 480))
    face = PlacedFace(
        person=person,
        picture=SELFIE,
        x=width / 2 + float(rng.uniform(-60, 60)),
        y=0.44 * height + float(rng.uniform(-60, 60)),
        scale=px / (FACE_WIDTH * FRAME_WIDTH),
        angle=float(rng.uniform(-8, 8)),
        gain=float(rng.uniform(0.85, 1.2)),
        contrast=float(rng.uniform(0.9, 1.15)),
        tint=float(rng.random()),
        clothing=int(rng.integers(2**32)),
    )
    draw_body(scene, face)
    paste_head(scene, face, people.face(person, SELFIE))
    return encode(grain(rng, scene, 3.0), quality=int(rng.integers(82, 94)), orientation=1)


def encode(upright: Image.Image, *, quality: int, orientation: int) -> bytes:
    """A JPEG file that looks like `upright` once its EXIF orientation is honoured."""
    out = io.BytesIO()
    if orientation == 1:
        upright.save(out, "JPEG", quality=quality)
    else:
        exif = Image.Exif()
        exif[ORIENTATION_TAG] = orientation
        upright.transpose(TO_STORED[orientation]).save(out, "JPEG", quality=quality, exif=exif)
    return out.getvalue()
