"""Models, and how faces are searched for with what they give."""

import os
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, field

from facepass.application.detection_profile import ProfileName
from facepass.entrypoints.settings.values import Fraction, NotNegative, Percent, Positive, meaning


class Recognition(Struct, frozen=True, forbid_unknown_fields=True):
    """Models, gates and the threads they run in."""

    recognizer_type: Annotated[
        str,
        meaning(
            "Model that turns faces into vectors (`facepass models list`). A session stays bound to the model it was "
            "begun with."
        ),
    ] = "dlib-resnet29-int8"
    detector_type: Annotated[str, meaning("Model that finds faces (`facepass models list`).")] = "retinaface-mnet025"
    detection_profile: Annotated[
        ProfileName,
        meaning(
            "How closely photos are looked at for small faces. In a 24-megapixel photo the profiles find faces from "
            "140, 40 and 24 pixels."
        ),
    ] = "balanced"
    accept_model_license: Annotated[
        tuple[str, ...],
        meaning(
            "Names of models, separated by commas, whose licences you accept though they forbid commercial use.",
            unset="none",
        ),
    ] = ()
    embedding_dimension: Annotated[
        Positive | None,
        meaning(
            "Components of a vector, where you want the service to refuse to start with any other number.",
            unset="not checked",
        ),
    ] = None
    models_dir: Annotated[
        Path | None, meaning("Folder of the models, prepared on the first start.", unset="`models` in `DATA_DIR`")
    ] = None
    face_similarity_threshold: Annotated[
        Fraction,
        meaning("Least similarity of a match where a request names none; 0.5 is the recommended point of every model."),
    ] = 0.5
    face_detection_threshold: Annotated[
        Fraction | None,
        meaning("Least score, as the detector gives it, for something to count as a face.", unset="the detector's own"),
    ] = None
    min_face_size: Annotated[
        NotNegative,
        meaning("Faces whose shorter side has fewer pixels are neither indexed nor searched with."),
    ] = 20
    min_face_quality: Annotated[Percent, meaning("Faces of a lower quality are neither indexed nor searched with.")] = (
        10
    )
    min_selfie_size: Annotated[
        NotNegative,
        meaning(
            "A selfie, or picture to compare, is refused where the shorter side of its face has fewer pixels than this "
            "or `MIN_FACE_SIZE`."
        ),
    ] = 32
    min_selfie_quality: Annotated[
        Percent,
        meaning(
            "A selfie, or picture to compare, is refused where the quality of its face is lower than this or "
            "`MIN_FACE_QUALITY`."
        ),
    ] = 25
    local_ml_enable_cuda: Annotated[
        bool,
        meaning(
            "Run the models on an NVIDIA device, with `onnxruntime-gpu` in place of `onnxruntime`. Where that cannot "
            "be had, the service does not start."
        ),
    ] = False
    local_ml_device: Annotated[
        str | None,
        meaning(
            "`cpu`, `cuda` or `cuda:N`; must agree with `LOCAL_ML_ENABLE_CUDA`.",
            unset="`cpu`, or `cuda:0` with `LOCAL_ML_ENABLE_CUDA`",
        ),
    ] = None
    ml_threads: Annotated[
        Positive, meaning("Threads for decoding and models.", unset="the processors of the machine")
    ] = field(default_factory=lambda: os.cpu_count() or 1)
    ml_batch_max: Annotated[Positive, meaning("Most faces embedded at once.")] = 16
    ml_queue_max: Annotated[
        Positive,
        meaning(
            "Most pictures of each kind (search, live, detect, index) that wait for their turn; further callers are "
            "told to come back (503)."
        ),
    ] = 32


class Search(Struct, frozen=True, forbid_unknown_fields=True):
    """Where and how exactly a session is searched, by the number of its faces."""

    hnsw_m: Annotated[
        Annotated[int, Meta(ge=2, le=100)], meaning("HNSW: neighbours of a vector in each layer of the graph.")
    ] = 32
    hnsw_ef_construction: Annotated[
        Annotated[int, Meta(ge=4, le=1000)],
        meaning("HNSW: candidates looked at to place a vector; no less than twice `HNSW_M`."),
    ] = 400
    hnsw_ef_search: Annotated[
        Annotated[int, Meta(ge=1, le=1000)], meaning("HNSW: candidates looked at by a search; more find more.")
    ] = 400
    database_search_max_faces: Annotated[
        NotNegative,
        meaning("Up to so many faces a session is searched in PostgreSQL, above in memory."),
    ] = 500
    exact_search_max_faces: Annotated[
        NotNegative,
        meaning("Up to so many faces a session is searched exactly, above by HNSW."),
    ] = 200_000
    search_cache_bytes: Annotated[
        Positive, meaning("Memory, for each process, for the vectors of sessions that are searched there.")
    ] = 512 * 1024 * 1024
