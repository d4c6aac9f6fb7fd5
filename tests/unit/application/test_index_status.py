"""The store in numbers."""

from facepass.domain.gallery import PhotoId, SessionId
from facepass.entrypoints.container import Container
from tests.scenes import scene


async def test_the_store_is_counted_over_all_sessions(container: Container) -> None:
    for session, people in (("a", (1, 2)), ("b", (3,))):
        await container.index_photo()(SessionId(session), PhotoId("p"), scene(*people), container.upload_limits())
    await container.index_photo()(SessionId("gone"), PhotoId("p"), scene(1), container.upload_limits())
    await container.delete_gallery()(SessionId("gone"))

    status = await container.index_status()()

    assert (status.totals.sessions, status.totals.photos, status.totals.embeddings) == (2, 2, 3)
    assert status.space == container.colour_model().space
    assert (status.index.kind, status.index.valid, status.exact_max_faces) == ("none", True, 200_000)
