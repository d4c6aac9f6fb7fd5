"""From bytes to templates: the models, and what bounds their work."""

from dependency_injector import providers

from facepass.adapters.imaging.decode import PillowImageDecoder
from facepass.adapters.imaging.quality import PillowQualityAssessor
from facepass.adapters.memory.vision import (
    ColourModel,
    MemoryEmbeddingModels,
    SceneDecoder,
    SizeAssessor,
    SquareDetector,
)
from facepass.adapters.onnx.detection.face_detector import OnnxFaceDetector
from facepass.adapters.onnx.recognition.embedding_model import OnnxEmbeddingModel
from facepass.adapters.onnx.recognition.embedding_models import OnnxEmbeddingModels
from facepass.adapters.onnx.runtime.device import choose_device
from facepass.adapters.onnx.runtime.executor import InferenceExecutor
from facepass.adapters.system.admission import BoundedAdmission
from facepass.adapters.system.heap import IDLE_S, give_back
from facepass.adapters.telemetry.admission import MeteredAdmission
from facepass.adapters.telemetry.batches import BatchSizes
from facepass.adapters.telemetry.tracing.pictures import (
    TracedAdmission,
    TracedAssessor,
    TracedDecoder,
    TracedDetector,
    TracedModel,
    TracedModels,
)
from facepass.adapters.telemetry.vision import (
    MeteredAssessor,
    MeteredDecoder,
    MeteredDetector,
    MeteredModel,
    MeteredModels,
    VisionMetrics,
)
from facepass.application.face_analysis import FaceAnalyser
from facepass.application.quality_gate import QualityGate
from facepass.entrypoints import adapter_settings
from facepass.entrypoints.container.stores import Stores
from facepass.entrypoints.container.tracing import alignment_observer, traced
from facepass.entrypoints.models import registry_of


class Recognition(Stores):
    """Models, gates and the threads they run in."""

    registry = providers.Singleton(registry_of, Stores.settings)
    pictures_at_work = providers.Callable(adapter_settings.pictures_at_work, Stores.settings)
    device = providers.Singleton(
        choose_device,
        enable_cuda=Stores.settings.provided.recognition.local_ml_enable_cuda,
        name=Stores.settings.provided.recognition.local_ml_device,
    )
    workers = providers.Singleton(InferenceExecutor, threads=Stores.settings.provided.recognition.ml_threads)
    onnx_detector = providers.Singleton(
        OnnxFaceDetector,
        registry=registry,
        name=Stores.settings.provided.recognition.detector_type,
        workers=workers,
        score_threshold=Stores.settings.provided.recognition.face_detection_threshold,
        profile=Stores.settings.provided.recognition.detection_profile,
        device=device,
    )
    batch_sizes = providers.Singleton(BatchSizes, Stores.metrics)
    onnx_model_of = providers.Factory(
        OnnxEmbeddingModel,
        registry=registry,
        workers=workers,
        batch_max=Stores.settings.provided.recognition.ml_batch_max,
        device=device,
        observe_batch=batch_sizes.provided.observe,
        observe_alignment=providers.Callable(alignment_observer, Stores.traces),
    )
    onnx_model = providers.Singleton(onnx_model_of, name=Stores.settings.provided.recognition.recognizer_type)
    vision_metrics = providers.Singleton(
        VisionMetrics, clock=Stores.clock, device=device.provided.name, registry=Stores.metrics
    )
    bare_decoder = providers.Selector(
        Stores.vision,
        onnx=providers.Singleton(
            PillowImageDecoder, workers, profile=Stores.settings.provided.recognition.detection_profile
        ),
        memory=providers.Singleton(SceneDecoder),
    )
    decoder = providers.Singleton(
        traced,
        providers.Singleton(MeteredDecoder, bare_decoder, vision_metrics),
        TracedDecoder,
        Stores.traces,
    )
    bare_detector = providers.Selector(Stores.vision, onnx=onnx_detector, memory=providers.Singleton(SquareDetector))
    detector = providers.Singleton(
        traced,
        providers.Singleton(MeteredDetector, bare_detector, vision_metrics),
        TracedDetector,
        Stores.traces,
    )
    bare_quality = providers.Selector(
        Stores.vision,
        onnx=providers.Singleton(PillowQualityAssessor, workers),
        memory=providers.Singleton(SizeAssessor),
    )
    quality = providers.Singleton(
        traced,
        providers.Singleton(MeteredAssessor, bare_quality, vision_metrics),
        TracedAssessor,
        Stores.traces,
    )
    colour_model = providers.Singleton(ColourModel)
    bare_model = providers.Selector(Stores.vision, onnx=onnx_model, memory=colour_model)
    model = providers.Singleton(
        traced,
        providers.Singleton(MeteredModel, bare_model, vision_metrics),
        TracedModel,
        Stores.traces,
    )
    onnx_models = providers.Singleton(OnnxEmbeddingModels, onnx_model, load=onnx_model_of.provider)
    bare_models = providers.Selector(
        Stores.vision,
        onnx=onnx_models,
        memory=providers.Singleton(MemoryEmbeddingModels, colour_model),
    )
    models = providers.Singleton(
        traced,
        providers.Singleton(MeteredModels, bare_models, vision_metrics),
        TracedModels,
        Stores.traces,
    )
    bare_admission = providers.Singleton(
        BoundedAdmission,
        max_running=pictures_at_work,
        max_waiting=Stores.settings.provided.recognition.ml_queue_max,
        clock=Stores.clock,
        when_idle=providers.Object(give_back),
        idle_s=IDLE_S,
    )
    admission = providers.Singleton(
        traced,
        providers.Singleton(MeteredAdmission, bare_admission, clock=Stores.clock, registry=Stores.metrics),
        TracedAdmission,
        Stores.traces,
    )
    gate = providers.Singleton(
        QualityGate,
        min_face_px=Stores.settings.provided.recognition.min_face_size,
        min_score=Stores.settings.provided.recognition.min_face_quality,
    )
    selfie_gate = providers.Singleton(adapter_settings.selfie_gate, Stores.settings.provided.recognition, gate)
    analyser = providers.Singleton(
        FaceAnalyser,
        decoder=decoder,
        detector=detector,
        quality=quality,
        admission=admission,
        clock=Stores.clock,
    )
