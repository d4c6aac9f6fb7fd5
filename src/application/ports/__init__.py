"""What the use cases need beyond the domain: transactions, pictures, credentials, and the machine around them."""

from facepass.application.ports.access import Authenticator, KeyStore, TokenSigner, TokenUses
from facepass.application.ports.jobs import JobQueue, JobStore
from facepass.application.ports.pictures import (
    EmbeddingModels,
    FaceDetector,
    ImageDecoder,
    ImageLimits,
    PictureFile,
    QualityAssessor,
    WaitingPicture,
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
from facepass.application.ports.system import Admission, Circuit, CircuitState, Clock, Readiness, Workers, WorkKind

__all__ = [
    "Admission",
    "AuditLog",
    "Authenticator",
    "Circuit",
    "CircuitState",
    "Clock",
    "EmbeddingModels",
    "FaceDetector",
    "GalleryCatalogue",
    "ImageDecoder",
    "ImageLimits",
    "IndexHealth",
    "JobQueue",
    "JobStore",
    "KeyStore",
    "ModelChanges",
    "PendingPhoto",
    "PictureFile",
    "QualityAssessor",
    "Readiness",
    "StoreTotals",
    "T",
    "TokenSigner",
    "TokenUses",
    "UnitOfWork",
    "UnitOfWorkFactory",
    "VectorIndex",
    "WaitingPicture",
    "WorkKind",
    "Workers",
]
