"""Every recogniser of the registry that galleries ask for, each loaded once."""

import asyncio
from collections.abc import Callable

from facepass.adapters.onnx.recognition.embedding_model import OnnxEmbeddingModel
from facepass.application.ports import EmbeddingModels
from facepass.domain.embedding import ModelId, TemplateSpace
from facepass.domain.errors import ConfigurationError, Conflict
from facepass.domain.ports import EmbeddingModel


class OnnxEmbeddingModels(EmbeddingModels):
    """The default, and others when a gallery needs them: at most as many as the registry has recognisers.

    Args:
        default: loaded and owned by the caller.
        load: makes the model of a `name`; called in a thread.
    """

    def __init__(self, default: OnnxEmbeddingModel, *, load: Callable[..., OnnxEmbeddingModel]) -> None:
        self._default = default
        self._load = load
        self._loaded: dict[ModelId, OnnxEmbeddingModel] = {}
        self._loading = asyncio.Lock()

    @property
    def default(self) -> EmbeddingModel:
        """See `EmbeddingModels.default`."""
        return self._default

    async def get(self, space: TemplateSpace) -> EmbeddingModel:
        """See `EmbeddingModels.get`."""
        model = self._default if space.model == self._default.model_id else await self._other(space.model)
        if model.dimension != space.dimension:
            raise Conflict(f"The model {space.model} makes {model.dimension} components here. {space.refusal()}")
        return model

    async def _other(self, name: ModelId) -> OnnxEmbeddingModel:
        if name in self._loaded:
            return self._loaded[name]
        async with self._loading:
            if name not in self._loaded:
                try:
                    self._loaded[name] = await asyncio.to_thread(self._load, name=name)
                except ConfigurationError as error:
                    raise Conflict(
                        f"The session is bound to the model {name}, which this service cannot run: {error.detail}"
                    ) from error
        return self._loaded[name]

    async def close(self) -> None:
        """Close the models loaded here; the default is its owner's."""
        for model in self._loaded.values():
            await model.close()
