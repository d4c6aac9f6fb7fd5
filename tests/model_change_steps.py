"""The steps of a change of model, each committed by itself."""

from collections.abc import Awaitable, Callable

from facepass.application.ports import ModelChanges, PendingPhoto, UnitOfWorkFactory
from facepass.domain.embedding import TemplateSpace
from facepass.domain.gallery import Photo, PhotoId, SessionId
from tests.gallery_builders import OTHER_SPACE, in_space
from tests.gallery_steps import store


async def change(units: UnitOfWorkFactory, step: Callable[[ModelChanges], Awaitable[None]]) -> None:
    """One step, committed."""
    async with units() as unit:
        await step(unit.changes)
        await unit.commit()


async def begin(units: UnitOfWorkFactory, session: SessionId, space: TemplateSpace = OTHER_SPACE) -> None:
    """Begin to build."""
    await change(units, lambda changes: changes.begin(session, space))


async def pending(
    units: UnitOfWorkFactory, session: SessionId, after: str | None = None, limit: int = 100
) -> list[PendingPhoto]:
    """What is yet to be built."""
    async with units() as unit:
        return list(await unit.changes.pending(session, after=None if after is None else PhotoId(after), limit=limit))


async def build(
    units: UnitOfWorkFactory, original: Photo, revision: int, *, space: TemplateSpace = OTHER_SPACE
) -> bool:
    """Store a photo's templates of the new space."""
    async with units() as unit:
        stored = await unit.changes.store(original, space, revision=revision)
        await unit.commit()
    return stored


async def build_all(units: UnitOfWorkFactory, *photos: Photo) -> None:
    """Store what is pending."""
    built = {one.photo_id: in_space(one) for one in photos}
    for waiting in await pending(units, photos[0].session_id):
        assert await build(units, built[waiting.photo_id], waiting.revision)


async def switched(units: UnitOfWorkFactory, *photos: Photo) -> SessionId:
    """A gallery with these photos, switched to the other space."""
    session = photos[0].session_id
    await store(units, *photos)
    await begin(units, session)
    await build_all(units, *photos)
    await change(units, lambda changes: changes.switch(session))
    return session
