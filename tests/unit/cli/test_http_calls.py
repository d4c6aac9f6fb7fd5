import httpx
import msgspec
import pytest

from facepass.domain import errors
from facepass.entrypoints.cli.exit_codes import ExitCode, exit_code_of
from facepass.entrypoints.client import problems
from facepass.entrypoints.client.http_calls import HttpCalls, RemoteLimits, api_base, is_loopback
from facepass.entrypoints.client.remote import connected

STATUS = {
    "session_id": "s",
    "indexed": True,
    "photo_count": 1,
    "face_count": 2,
    "photos_without_faces": 0,
    "last_indexed": "2026-01-01T00:00:00Z",
    "model": "m",
}


def answers(*responses):
    """A transport that gives these answers in turn, and a list of the requests it got."""
    waiting, requests = iter(responses), []

    async def respond(request):
        await request.aread()
        requests.append(request)
        response = next(waiting)
        if isinstance(response, Exception):
            raise response
        return response

    return httpx.MockTransport(respond), requests


def problem(status, code, headers=None, **fields):
    body = msgspec.json.encode({"type": "t", "title": "T", "status": status, "detail": "D.", "code": code, **fields})
    return httpx.Response(status, content=body, headers=headers or {})


async def ask_status(*responses, limits=None, session="s"):
    transport, requests = answers(*responses)
    async with connected("http://facepass.test", api_key="k", limits=limits, transport=transport) as service:
        return await service.status(session), requests


async def test_an_answer_comes_back_as_the_documented_shape():
    status, requests = await ask_status(httpx.Response(200, json=STATUS))

    assert (status.photo_count, status.model) == (1, "m")
    assert requests[0].url == "http://facepass.test/api/v1/search/status/s"
    assert requests[0].headers["x-api-key"] == "k"


@pytest.mark.parametrize(
    ("session", "raw_path"),
    [("a/b?c#d", b"a%2Fb%3Fc%23d"), ("..", b"%2E%2E"), (" é", b"%20%C3%A9"), ("a.b", b"a.b"), ("%2F", b"%252F")],
)
async def test_any_session_id_is_one_segment_of_the_path(session, raw_path):
    _, requests = await ask_status(httpx.Response(200, json=STATUS), session=session)

    assert requests[0].url.raw_path == b"/api/v1/search/status/" + raw_path


@pytest.mark.parametrize("code", sorted(problems._PLAIN))
async def test_a_problem_comes_back_as_the_error_it_was(code):
    with pytest.raises(errors.FacePassError) as caught:
        await ask_status(problem(400, code))

    assert (caught.value.code, caught.value.detail) == (code, "D.")


@pytest.mark.parametrize(
    ("answer", "kind", "exit_code"),
    [
        (
            problem(400, "invalid_request", errors=[{"field": "f", "message": "m"}]),
            errors.InvalidRequest,
            ExitCode.USAGE,
        ),
        (problem(400, "low_quality_face", reasons=["blurred"]), errors.LowQualityFace, ExitCode.REFUSED),
        (problem(500, "internal", request_id="r-1"), problems.ServiceFailed, ExitCode.UNEXPECTED),
        (problem(418, "never_heard_of"), problems.ServiceFailed, ExitCode.UNEXPECTED),
        (httpx.Response(413, text="<html>nginx</html>"), errors.PayloadTooLarge, ExitCode.REFUSED),
        (httpx.Response(401), errors.Unauthorized, ExitCode.REFUSED),
        (httpx.Response(200, text="<html>some other service</html>"), problems.ServiceFailed, ExitCode.UNEXPECTED),
        (httpx.ConnectError("refused"), problems.OutOfReach, ExitCode.UNAVAILABLE),
    ],
)
async def test_each_failure_has_its_kind_and_exit_code(answer, kind, exit_code):
    with pytest.raises(kind) as caught:
        await ask_status(answer)

    assert exit_code_of(caught.value) is exit_code


async def test_a_busy_service_is_asked_again_after_the_time_it_names():
    status, requests = await ask_status(
        problem(503, "overloaded", retry_after_s=0),
        problem(429, "rate_limited", {"retry-after": "0"}),
        httpx.Response(200, json=STATUS),
    )

    assert status.photo_count == 1
    assert len(requests) == 3


async def test_a_wait_longer_than_the_budget_is_not_begun():
    with pytest.raises(errors.DependencyUnavailable) as caught:
        await ask_status(
            problem(503, "dependency_unavailable", retry_after_s=31), limits=RemoteLimits(retry_budget_s=30.0)
        )

    assert exit_code_of(caught.value) is ExitCode.UNAVAILABLE


async def test_an_answer_larger_than_the_limit_is_not_read():
    with pytest.raises(problems.ServiceFailed, match="more than 100 bytes"):
        await ask_status(httpx.Response(200, json=STATUS), limits=RemoteLimits(max_answer_bytes=100))


async def test_ids_and_pictures_travel_byte_for_byte():
    answer = {"error": "not the shape under test"}
    transport, requests = answers(httpx.Response(200, json=answer))
    async with connected("http://facepass.test/api/v2/", api_key=None, transport=transport) as service:
        with pytest.raises(problems.ServiceFailed):
            await service.index('séance\r\n"x', "a/b.jpg", b"\x00\xff")

    body = requests[0].content
    assert requests[0].url == "http://facepass.test/api/v2/index"
    assert "x-api-key" not in requests[0].headers
    for part in ('name="session_id"\r\n\r\nséance\r\n"x\r\n'.encode(), b"\r\n\r\na/b.jpg\r\n", b"\r\n\r\n\x00\xff\r\n"):
        assert part in body


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.8.9.1:8000", True),
        ("http://[::1]:8000", True),
        ("http://LOCALHOST:8000", True),
        ("http://facepass.localhost", True),
        ("http://192.0.2.7", False),
        ("http://facepass.test", False),
        ("http://localhost.test", False),
        ("http://127.0.0.1.test", False),
    ],
)
def test_addresses_of_this_machine_are_known(url, own):
    assert is_loopback(url) is own


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "http://", ""])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(errors.ConfigurationError):
        api_base(url)


async def test_closing_twice_is_harmless():
    calls = HttpCalls("http://facepass.test/api/v1", api_key=None, limits=RemoteLimits())
    await calls.close()
    await calls.close()
