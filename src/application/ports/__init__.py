"""What the use cases need beyond the domain: transactions, pictures, and the machine around them."""

from facepass.application.ports.pictures import (
    EmbeddingModels,
    FaceDetector,
    ImageDecoder,
    ImageLimits,
    QualityAssessor,
)
from facepass.application.ports.storage import (
    AuditLog,
    GalleryCatalogue,
    IndexHealth,
    ModelChanges,
    PendingPhoto,
    StoreTotals,
    T,
    UnitOfWork,
    UnitOfWorkFactory,
    VectorIndex,
)
from facepass.application.ports.system import Admission, Authenticator, Clock, Readiness, Workers

__all__ = [
    "Admission",
    "AuditLog",
    "Authenticator",
    "Clock",
    "EmbeddingModels",
    "FaceDetector",
    "GalleryCatalogue",
    "ImageDecoder",
    "ImageLimits",
    "IndexHealth",
    "ModelChanges",
    "PendingPhoto",
    "QualityAssessor",
    "Readiness",
    "StoreTotals",
    "T",
    "UnitOfWork",
    "UnitOfWorkFactory",
    "VectorIndex",
    "Workers",
]
