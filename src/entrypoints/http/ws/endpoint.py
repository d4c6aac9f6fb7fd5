"""From the handshake to the close code: lets a caller in, holds its places, and says why it ends."""

from facepass.application.detect_faces import DetectedFaces, FindFaces
from facepass.application.ports import Clock, ImageLimits, WorkKind
from facepass.domain.access import CallerKind
from facepass.domain.errors import InvalidRequest
from facepass.entrypoints.http import access, context
from facepass.entrypoints.http.auth import admit
from facepass.entrypoints.http.body import BodyBudget
from facepass.entrypoints.http.doorkeeper import Credentials, Doorkeeper
from facepass.entrypoints.http.places import Places
from facepass.entrypoints.http.problems import noted_problem
from facepass.entrypoints.http.ws import credentials
from facepass.entrypoints.http.ws.close_codes import OF_PROBLEM, CloseCode, Ended
from facepass.entrypoints.http.ws.connection import Connection, LiveSocket
from facepass.entrypoints.http.ws.limits import LiveLimits
from facepass.entrypoints.http.ws.messages import Auth, decode
from facepass.entrypoints.http.ws.observer import LiveObserver
from facepass.entrypoints.http.ws.session import LiveSession


class LiveDetection:
    """For every connection; a credential that came with the handshake was looked at by the guard of all routes."""

    def __init__(
        self,
        *,
        doorkeeper: Doorkeeper,
        detect_faces: FindFaces,
        picture_limits: ImageLimits,
        limits: LiveLimits,
        strangers: Places,
        callers: Places,
        bodies: BodyBudget,
        clock: Clock,
        observer: LiveObserver,
    ) -> None:
        """For one service.

        Args:
            doorkeeper: lets callers in.
            detect_faces: looks at a frame.
            picture_limits: what a frame may cost.
            limits: what a connection may cost.
            strangers: where connections are that have shown no credential yet.
            callers: where all others are.
            bodies: the memory for frames, shared with request bodies.
            clock: time.
            observer: hears of connections and frames.
        """
        self._doorkeeper = doorkeeper
        self._detect_faces = detect_faces
        self._picture_limits = picture_limits
        self._limits = limits
        self._strangers = strangers
        self._callers = callers
        self._bodies = bodies
        self._clock = clock
        self._observer = observer

    async def __call__(self, socket: LiveSocket) -> None:
        """One connection.

        Raises:
            InvalidRequest: it is not even opened: it has a query, or does not speak our protocol.
        """
        if socket.scope["query_string"]:
            raise InvalidRequest.field("query", "must be absent: a credential in an address ends up in logs")
        protocol = credentials.protocol(socket.scope)
        connection = Connection(socket, answer_timeout_s=self._limits.answer_timeout_s)
        try:
            await connection.accept(protocol)
            await self._converse(connection, socket)
        except Ended as end:
            if end.code is not None:
                await connection.close(end.code, end.reason)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged and the client hears of it
            problem, _ = noted_problem(error, socket.scope)
            await connection.close(OF_PROBLEM.get(problem.code, CloseCode.INTERNAL), problem.detail)

    async def _converse(self, connection: Connection, socket: LiveSocket) -> None:
        request = context.of(socket.scope)
        shown = credentials.shown(socket.scope)
        if request.caller.kind is CallerKind.ANYBODY:
            with self._strangers.take(request.client.limited):
                shown = await self._first_message(connection)
                await admit(self._doorkeeper, request, shown, access.LIVE)

        async def recheck() -> None:
            self._doorkeeper.authorise(await self._doorkeeper.identify(shown, request.client), access.LIVE)

        async def look(picture: bytes) -> DetectedFaces:
            return await self._detect_faces(picture, self._picture_limits, kind=WorkKind.LIVE)

        holder = request.caller.name if request.caller.kind is CallerKind.TOKEN else None
        with self._callers.take(holder), self._bodies.lease() as lease, self._observer.connected():
            session = LiveSession(
                connection,
                look=look,
                recheck=recheck,
                expires_at=request.caller.expires_at,
                lease=lease,
                limits=self._limits,
                clock=self._clock,
                scope=socket.scope,
                observer=self._observer,
            )
            try:
                await session.run()
            finally:
                request.facts.update(frames=session.frames, dropped=session.dropped)

    async def _first_message(self, connection: Connection) -> Credentials:
        """What a stranger shows.

        Raises:
            Ended: nothing, or nothing of the kind.
        """
        try:
            message = await connection.receive(self._limits.auth_timeout_s)
        except TimeoutError:
            raise Ended(CloseCode.TIMED_OUT, "No credential came.") from None
        if isinstance(message, bytes):
            raise Ended(CloseCode.UNSUPPORTED_DATA, "Show a credential first.")
        try:
            first = decode(message)
        except InvalidRequest:
            first = None
        if not isinstance(first, Auth):
            raise Ended(CloseCode.UNAUTHORIZED, 'The first message must be {"type": "auth", …}.')
        return first.credentials
