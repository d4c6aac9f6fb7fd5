"""What each route of the contract takes and gives: the table that the OpenAPI document is made of."""

from facepass.entrypoints.http.operations.access import admission
from facepass.entrypoints.http.operations.erasing import erasing
from facepass.entrypoints.http.operations.faces import faces
from facepass.entrypoints.http.operations.indexing import indexing
from facepass.entrypoints.http.operations.jobs import jobs
from facepass.entrypoints.http.operations.operation import Operation
from facepass.entrypoints.http.operations.searching import searching
from facepass.entrypoints.http.operations.service import service
from facepass.entrypoints.settings import Settings

__all__ = ["Operation", "operations"]


def operations(settings: Settings) -> tuple[Operation, ...]:
    """The routes under the base path, in the order of the document."""
    return (
        *indexing(settings),
        *jobs(),
        *erasing(settings),
        *searching(settings),
        *faces(settings),
        *admission(),
        *service(settings),
    )
