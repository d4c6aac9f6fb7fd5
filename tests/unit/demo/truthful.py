"""A service that knows the truth: it answers as a faultless FacePass would."""

from datetime import UTC, datetime

from facepass.domain.errors import InvalidRequest, NoFaceDetected, NotFound, UnsupportedImage
from facepass.domain.gallery import ErasureKind
from facepass.entrypoints.client.service import SearchOptions, Service
from facepass.entrypoints.demo.photos import DemoSession
from facepass.entrypoints.http import schemas

QUALITY = schemas.Quality(90, [])
QUERY_FACE = schemas.QueryFace(schemas.Box(300.0, 300.0, 380.0, 480.0), QUALITY)
NOWHERE = schemas.Landmarks(*(schemas.Point(0.0, 0.0) for _ in range(5)))


def answered(face):
    return schemas.Box(face.box.x, face.box.y, face.box.width, face.box.height)


class TruthfulService(Service):
    """Recognises photos and selfies by their bytes; `broken` photos are refused, `empty` ones show nobody."""

    def __init__(self, session: DemoSession, *, people: range, broken=(), empty=()):
        self._photos = {session.photo(photo).read_bytes(): photo for photo in session.plan.photos}
        self._selfies = {session.selfie(person).read_bytes(): person for person in people}
        self._broken, self._empty = set(broken), set(empty)
        self.indexed = {}
        self.searches = []

    @property
    def name(self):
        return "truth"

    async def index(self, session_id, photo_id, data):
        photo = self._photos[data]
        if photo_id in self._broken:
            raise UnsupportedImage("not an image")
        replaced = photo_id in self.indexed
        self.indexed[photo_id] = photo
        if photo_id in self._empty:
            raise NoFaceDetected("nobody")
        faces = [
            schemas.IndexedFace(number, answered(face), NOWHERE, 0.99, QUALITY, indexed=True)
            for number, face in enumerate(photo.faces)
        ]
        return schemas.IndexedPhoto(
            indexed=True,
            photo_id=photo_id,
            session_id=session_id,
            confidence=0.99,
            faces_detected=len(faces),
            faces_indexed=len(faces),
            faces=faces,
            image=schemas.ImageSize(photo.width, photo.height),
            replaced=replaced,
            model="truth",
            took_ms=1.0,
        )

    async def has_photo(self, session_id, photo_id):
        return photo_id in self.indexed

    async def search(self, session_id, selfies, options: SearchOptions):
        (selfie,) = selfies
        person = self._selfies[selfie]
        self.searches.append(person)
        if person == 3:
            raise InvalidRequest.field("file", "refused on purpose")
        matches = [
            schemas.Match(photo_id, 0.9, 0.99, 0.95, photo.faces.index(face), answered(face))
            for photo_id, photo in self.indexed.items()
            if (face := photo.face_of(person))
        ]
        return schemas.SearchResult(
            session_id=session_id,
            matches=matches,
            total_matches=len(matches),
            query_time_ms=1.0,
            threshold=0.5,
            query_face=QUERY_FACE,
            query_faces=[QUERY_FACE],
            reason=None,
            search_mode="exact",
            timings_ms=schemas.SearchTimings(0.0, 0.0, 0.0, 0.0),
        )

    async def status(self, session_id):
        if not self.indexed:
            raise NotFound("unknown")
        return schemas.SessionStatus(session_id, True, len(self.indexed), 0, 0, datetime.now(UTC), "truth")

    async def delete(self, session_id):
        removed = len(self.indexed)
        self.indexed.clear()
        return schemas.Erasure(ErasureKind.SESSION, session_id, None, True, 0, removed, datetime.now(UTC), "0" * 64)

    async def delete_photo(self, session_id, photo_id):
        raise NotImplementedError

    async def forget(self, session_id, selfie, *, threshold):
        raise NotImplementedError

    async def detect(self, image):
        raise NotImplementedError

    async def compare(self, first, second, *, threshold):
        raise NotImplementedError
