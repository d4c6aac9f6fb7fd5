"""A process that changes the model of a session, on models that take their time: what the chaos test kills.

Called with a folder of scenes, each named by its photo's id; the database is that of the environment.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dependency_injector import providers

from facepass.adapters.memory.vision import ColourModel, MemoryEmbeddingModels
from facepass.application.rebuild_gallery import RebuildTally
from facepass.domain.embedding import Embedding
from facepass.domain.errors import FacePassError
from facepass.domain.face import Image, Landmarks
from facepass.domain.gallery import SessionId
from facepass.entrypoints.cli.exit_codes import ExitCode, exit_code_of
from facepass.entrypoints.container import Container, build_container
from facepass.entrypoints.environment import load_settings
from facepass.entrypoints.lifespan import running
from facepass.entrypoints.reembedding import Reembedding

SESSION = SessionId("gala")
BEGUN = "begun"
EMBEDDING_TAKES_S = 0.02


class SlowModel(ColourModel):
    """As slow as a real one."""

    async def embed(self, image: Image, faces: Sequence[Landmarks]) -> tuple[Embedding, ...]:
        """See `EmbeddingModel.embed`."""
        await asyncio.sleep(EMBEDDING_TAKES_S)
        return await super().embed(image, faces)


FORMER, NEW = ColourModel(dimension=128), ColourModel(dimension=64)


def scenes_container(default: ColourModel, *others: ColourModel) -> Container:
    """The service as the environment says, but for its eyes: scenes, and models that know colours."""
    container = build_container(load_settings(dict(os.environ)))
    container.vision.override(providers.Object("memory"))
    container.model.override(providers.Object(default))
    container.models.override(providers.Object(MemoryEmbeddingModels(default, *others)))
    return container


class _Unseen:
    def advanced(self, tally: RebuildTally) -> None:
        """See `RebuildObserver.advanced`."""


async def change(folder: Path) -> int:
    """Change the session; the exit code that the command line would end with."""
    container = scenes_container(SlowModel(dimension=NEW.dimension), FORMER)
    try:
        async with running(container, progress=print):
            print(BEGUN, flush=True)  # noqa: T201 - tells the test
            work = Reembedding(container, photos=folder)
            report = await work.change(
                SESSION, switch=True, allow_missing=False, stop=lambda: False, observer=_Unseen()
            )
    except FacePassError as error:
        print(error.code, error.detail)  # noqa: T201 - for whoever looks into a failed test
        return exit_code_of(error)
    print(report)  # noqa: T201 - as above
    return ExitCode.REFUSED if report.failures or report.error or report.pending else ExitCode.OK


if __name__ == "__main__":
    sys.exit(asyncio.run(change(Path(sys.argv[1]))))
