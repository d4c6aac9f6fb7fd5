"""What docker-compose.ha.yml adds: a PostgreSQL and a Valkey that follow, and Traefik with TLS in front of three."""

import asyncio
import datetime as dt
import ssl
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis import Redis

from tests.integration.compose import postgres_image
from tests.integration.compose.machine import Machine, machine
from tests.integration.compose.model import BASE, HA, MONITORING, containers, merged
from tests.integration.compose.programs import TABLE
from tests.integration.compose.running import wait_for

REPLICAS = ("facepass", "facepass-2", "facepass-3")
NAME = "photos.example.org"
TIMEOUT_S = 20.0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One for NAME, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def replicated(env_file: Path, onnx_models_dir: Path, certificate: tuple[Path, Path]) -> Iterator[Machine]:
    """The stores with what follows them; FacePass itself is started by the test that needs it."""
    tls = {"TLS_CERTIFICATE": str(certificate[0]), "TLS_KEY": str(certificate[1])}
    model = merged((BASE, MONITORING, HA), env_file, **tls)
    each = containers(model, profiles=False)
    with machine(each, onnx_models_dir) as made:
        watching = ("prometheus", "alertmanager", "postgres-exporter", "worker")
        made.up(without=(*REPLICAS, "traefik", *watching))
        yield made


async def value(one: Machine, name: str, question: str) -> object:
    primary = one.running["database"]
    connection = await asyncpg.connect(
        host=one.addresses[name],
        user="facepass",
        password=postgres_image.password_of(primary),
        database="facepass",
        timeout=TIMEOUT_S,
    )
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def ask(one: Machine, name: str, question: str) -> object:
    return asyncio.run(value(one, name, question))


def test_the_second_postgresql_follows_the_first(replicated: Machine) -> None:
    ask(replicated, "database", "CREATE TABLE followed AS SELECT 42 AS answer")
    assert ask(replicated, "database-replica", "SELECT pg_is_in_recovery()") is True
    position = ask(replicated, "database", "SELECT pg_current_wal_lsn()::text")
    question = f"SELECT pg_last_wal_replay_lsn() >= '{position}'"
    wait_for(
        lambda: ask(replicated, "database-replica", question) is True,
        lambda: replicated.running["database-replica"].log,
    )
    assert ask(replicated, "database-replica", "SELECT answer FROM followed") == 42
    assert ask(replicated, "database", "SELECT slot_name FROM pg_replication_slots WHERE active") == "replica"


def test_no_password_stands_in_the_data_of_the_replica(replicated: Machine) -> None:
    data = postgres_image.data_of(replicated.running["database-replica"])
    password = replicated.running["database-replica"].environment["REPLICATION_PASSWORD"]
    assert "primary_conninfo" in (data / "postgresql.auto.conf").read_text()
    assert password not in (data / "postgresql.auto.conf").read_text()
    (passfile,) = (replicated.running["database-replica"].folder / "tmp").glob("replication")
    assert passfile.stat().st_mode & 0o077 == 0


def test_a_replica_that_is_started_again_goes_on(replicated: Machine) -> None:
    ask(replicated, "database", "CREATE TABLE gone_on (answer integer)")
    assert replicated.stop("database-replica") == 0
    ask(replicated, "database", "INSERT INTO gone_on VALUES (43)")
    replicated.start("database-replica")
    replicated.await_condition("database-replica", "service_healthy")
    question = "SELECT count(*) FROM gone_on"
    wait_for(
        lambda: ask(replicated, "database-replica", question) == 1, lambda: replicated.running["database-replica"].log
    )


def test_replication_is_arranged_again_without_harm(replicated: Machine) -> None:
    one = replicated.start("replication")
    assert one.process is not None
    assert one.process.wait(TIMEOUT_S) == 0, one.log


def test_the_second_valkey_follows_the_first(replicated: Machine) -> None:
    password = replicated.running["valkey"].environment["REDIS_PASSWORD"]
    with (
        Redis(host=replicated.addresses["valkey"], password=password) as first,
        Redis(host=replicated.addresses["valkey-replica"], password=password) as second,
    ):
        wait_for(lambda: second.info()["master_link_status"] == "up", lambda: replicated.running["valkey-replica"].log)
        first.set("count", 7)
        wait_for(lambda: second.get("count") == b"7", lambda: replicated.running["valkey-replica"].log)


def test_traefik_speaks_tls_and_shares_out_what_visitors_ask(
    replicated: Machine, certificate: tuple[Path, Path]
) -> None:
    if TABLE["traefik"].why_not:
        pytest.skip(TABLE["traefik"].why_not)
    replicated.start("bucket")
    replicated.await_condition("bucket", "service_completed_successfully")
    for name in REPLICAS:
        replicated.start(name)
    for name in REPLICAS:
        replicated.await_condition(name, "service_healthy")
    replicated.start("traefik")
    replicated.await_condition("traefik", "service_healthy")
    address = replicated.addresses["traefik"]
    context = ssl.create_default_context(cafile=str(certificate[0]))
    with httpx.Client(verify=context, trust_env=False, timeout=TIMEOUT_S) as client:

        def get(path: str) -> httpx.Response:
            extensions = {"sni_hostname": NAME}
            return client.get(f"https://{address}:8443{path}", headers={"Host": NAME}, extensions=extensions)

        key = replicated.running[REPLICAS[0]].environment["API_KEYS"]
        client.headers["X-API-Key"] = key

        def answers() -> bool:
            try:
                return get("/api/v1/jobs").status_code == 200
            except httpx.ConnectError:  # until it has read its configuration it has a certificate that it made up
                return False

        wait_for(answers, lambda: replicated.running["traefik"].log)
        # one replica ends; nobody notices
        assert replicated.stop(REPLICAS[0]) == 0
        assert {get("/api/v1/jobs").status_code for _ in range(30)} == {200}
        for path in ("/metrics", "/health", "/docs", "/api/v1x"):
            assert get(path).status_code == 404, path
        plain = client.get(f"http://{address}:8080/api/v1/jobs", headers={"Host": NAME})
        assert plain.status_code in {301, 308}
        assert plain.headers["Location"] == f"https://{NAME}/api/v1/jobs"
        metrics = client.get(f"http://{address}:8082/metrics")
        assert "traefik_entrypoint_requests_total" in metrics.text
    access = replicated.running["traefik"].log
    assert "/api/v1/jobs" not in access, "paths hold ids: they are not logged"
    assert key not in access


def test_a_replica_takes_over(replicated: Machine) -> None:
    """The last one here: the first PostgreSQL is lost."""
    replicated.kill("database")
    done = replicated.run_in("database-replica", "pg_ctl", "promote")  # as docs/compose.md says
    assert done.returncode == 0, done
    ask(replicated, "database-replica", "CREATE TABLE taken_over AS SELECT 44 AS answer")
    # started again, it still is the first: it remembers
    replicated.stop("database-replica")
    replicated.start("database-replica")
    replicated.await_condition("database-replica", "service_healthy")
    assert ask(replicated, "database-replica", "SELECT pg_is_in_recovery()") is False
    assert ask(replicated, "database-replica", "SELECT answer FROM taken_over") == 44
