"""Detection on live pictures, over a WebSocket."""

from litestar import websocket
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from facepass.entrypoints.http import access
from facepass.entrypoints.http.ws.connection import LiveSocket
from facepass.entrypoints.http.ws.endpoint import LiveDetection


@websocket("/ws/detect", opt={"access": access.LIVE})
async def live(socket: LiveSocket, live_detection: NamedDependency[SkipValidation[LiveDetection]]) -> None:
    """Find the faces of frames as they come."""
    await live_detection(socket)
