"""Opens what a container needs, in order, and closes it in reverse: shared by HTTP and the command line."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from facepass.adapters.onnx.embedded.prepare import prepare_models
from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import warm_up
from facepass.adapters.system.heap import keep_heap
from facepass.domain.errors import ConfigurationError, FacePassError
from facepass.entrypoints.container import Container

Progress = Callable[[str], None]


@asynccontextmanager
async def running(container: Container, *, progress: Progress) -> AsyncIterator[None]:
    """Hold the service open: database migrated and connected, models checked and warm.

    Args:
        container: whose singletons are opened; it is of no use afterwards.
        progress: told in a line what takes time, such as preparing models on the first start.

    Raises:
        ConfigurationError: it cannot run as configured; nothing stays open.
        DependencyUnavailable: the database is out of reach.
    """
    async with AsyncExitStack() as stack:
        _open_tracing(container, stack)
        _open_photos(container, stack)
        if container.rates() == "redis":
            # A wrong address ends the start; a Redis that is away does not: the limits wait for it.
            stack.push_async_callback(container.redis().aclose)
        # The first start fetches models and creates a database cluster: side by side, neither waits for the other.
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_open_vision(container, stack, progress))
                group.create_task(_open_storage(container, stack))
        except* FacePassError as failures:
            raise failures.exceptions[0] from None
        _check_dimension(container)
        yield


@asynccontextmanager
async def storage_running(container: Container) -> AsyncIterator[None]:
    """Hold only the database open: for commands that look at no picture."""
    async with AsyncExitStack() as stack:
        await _open_storage(container, stack)
        yield


@asynccontextmanager
async def vision_running(container: Container, *, progress: Progress) -> AsyncIterator[None]:
    """Hold only the models open: for commands that store nothing."""
    async with AsyncExitStack() as stack:
        await _open_vision(container, stack, progress)
        yield


async def _open_vision(container: Container, stack: AsyncExitStack, progress: Progress) -> None:
    if container.vision() == "memory":
        return
    keep_heap()
    container.device().check_available()
    settings = container.settings()
    registry = container.registry()
    chosen = (
        registry.detector(settings.recognition.detector_type),
        registry.recogniser(settings.recognition.recognizer_type),
    )
    if any(manifest.source.package for manifest in chosen):
        await asyncio.to_thread(prepare_models, settings.models_dir, source=None, progress=progress)
    workers = container.workers()
    stack.push_async_callback(asyncio.to_thread, workers.close)
    await asyncio.to_thread(container.detector)
    model = await asyncio.to_thread(container.onnx_model)
    stack.push_async_callback(model.close)
    stack.push_async_callback(container.onnx_models().close)


def _open_tracing(container: Container, stack: AsyncExitStack) -> None:
    """First, so that it is closed last: whatever ends has its spans sent, as far as that can be done in time."""
    tracing = container.tracing()
    if tracing is not None:
        tracing.open()
        stack.push_async_callback(asyncio.to_thread, tracing.close)


def _open_photos(container: Container, stack: AsyncExitStack) -> None:
    """Asks for nothing yet: searching goes on while a photo store is down, and so does starting."""
    if container.photos() == "bucket":
        stack.push_async_callback(container.bucket_source().close)


async def _open_storage(container: Container, stack: AsyncExitStack) -> None:
    storage = container.storage()
    if storage == "memory":
        return
    if storage == "embedded":
        embedded = container.embedded_postgres()
        await embedded.start()
        stack.push_async_callback(embedded.stop)
        await migrate.upgrade(container.database_url(), container.pool())
    else:
        await migrate.check_current(container.database_url(), container.pool())
    engine = container.engine()
    stack.push_async_callback(engine.dispose)
    await warm_up(engine, connections=container.pool().pool_min)


def _check_dimension(container: Container) -> None:
    configured, model = container.settings().recognition.embedding_dimension, container.model()
    if configured is not None and configured != model.dimension:
        raise ConfigurationError(
            f"EMBEDDING_DIMENSION is {configured}, but {model.model_id} makes vectors of {model.dimension}."
        )
