"""Results as a person reads them."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from facepass.entrypoints.cli.indexing import IndexReport
from facepass.entrypoints.http import schemas

MAX_FAILURES_SHOWN = 20
"""Failures listed one by one; the rest is counted. `--failures FILE` has all."""


_WORDS = {"photo", "mostly because", "pulled down by"}
"""Columns of words; all others are numbers."""


def indexed(report: IndexReport, failures_file: str | None) -> RenderableType:
    """What indexing a folder did."""
    lines: list[RenderableType] = [
        _facts(
            ("session", report.session_id),
            ("photos", f"{report.photos} found, {report.indexed} indexed, {report.skipped} already there"),
            ("faces", f"{report.faces_detected} found, {report.faces_indexed} good enough to be searched"),
            ("without faces", str(report.without_faces)),
            ("failed", str(report.failed)),
            ("took", f"{report.took_s:.1f} s, {report.photos_per_s:.1f} photos/s"),
        )
    ]
    if report.faces_refused:
        lines.append(_refused(report.faces_refused))
    if report.failures:
        lines.append(_failures(report, failures_file))
    if report.interrupted:
        lines.append(Text(f"Stopped with {report.remaining} photos to go; the same command goes on from there."))
    return Group(*lines)


def found(result: schemas.SearchResult) -> RenderableType:
    """The photos of a visitor."""
    lines: list[RenderableType] = []
    if result.matches:
        table = _table("photo", "similarity", "cosine", "face")
        for match in result.matches:
            table.add_row(Text(match.photo_id), f"{match.similarity:.3f}", f"{match.cosine:.4f}", str(match.face_no))
        lines.append(table)
    shown = len(result.matches)
    qualities = " and ".join(str(face.quality.score) for face in result.query_faces)
    beyond = f", the best {shown} shown" if shown < result.total_matches else ""
    lines.append(
        Text(
            f"{result.total_matches} photos at or above {result.threshold:g}{beyond}; "
            f"{result.query_time_ms:.0f} ms, face quality {qualities}."
        )
    )
    if result.reason is not None:
        lines.append(Text(result.reason.detail))
    return Group(*lines)


def status(session: schemas.SessionStatus) -> RenderableType:
    """A session in numbers."""
    last = session.last_indexed.isoformat(timespec="seconds") if session.last_indexed else "never"
    return _facts(
        ("session", session.session_id),
        ("photos", f"{session.photo_count}, {session.photos_without_faces} of them without faces"),
        ("faces", str(session.face_count)),
        ("last indexed", last),
        ("model", session.model),
    )


def key_terms(key: schemas.ManagedKey) -> str:
    """What an API key may be used for, and until when."""
    until = "until it is revoked" if key.expires_at is None else f"until {key.expires_at.isoformat(timespec='seconds')}"
    return f"{', '.join(key.scopes)}, valid {until}"


def managed_key(key: schemas.ManagedKey) -> RenderableType:
    """One API key."""
    revoked = "no" if key.revoked_at is None else key.revoked_at.isoformat(timespec="seconds")
    return _facts(("key", key.prefix), ("name", key.name), ("for", key_terms(key)), ("revoked", revoked))


def managed_keys(listed: schemas.ManagedKeys) -> RenderableType:
    """All API keys."""
    if not listed.keys:
        return Text("There are no keys but those of API_KEYS.")
    table = Table("key", "name", "for", "state", "last used", box=None, pad_edge=False, header_style="bold")
    for key in listed.keys:
        state = "valid" if key.valid else "revoked" if key.revoked_at else "expired"
        used = "never" if key.last_used_at is None else key.last_used_at.isoformat(timespec="minutes")
        table.add_row(Text(key.prefix), Text(key.name), Text(key_terms(key)), Text(state), Text(used))
    return table


def erased(erasure: schemas.Erasure) -> RenderableType:
    """What erasing a session or a photo removed."""
    if not erasure.deleted:
        return Text("Nothing was there to erase.")
    return _facts(
        ("photos removed", str(erasure.photos_removed)),
        ("faces removed", str(erasure.embeddings_removed)),
        ("erased at", erasure.erased_at.isoformat()),
        ("receipt", erasure.receipt),
    )


def forgotten(person: schemas.Forgotten) -> RenderableType:
    """What forgetting a person removed."""
    facts = _facts(
        ("faces removed", f"{person.faces_removed}, at or above {person.threshold:g}"),
        ("erased at", person.erased_at.isoformat()),
        ("receipt", person.receipt),
    )
    return facts if person.deleted else Group(Text("None of the faces stored matches the selfie."), facts)


def detected(picture: schemas.DetectedFaces) -> RenderableType:
    """The faces of a picture."""
    summary = Text(
        f"{len(picture.faces)} faces in {picture.image.width}x{picture.image.height} pixels, {picture.took_ms:.0f} ms"
    )
    return Group(_faces(picture.faces), summary) if picture.faces else summary


def compared(comparison: schemas.Comparison) -> RenderableType:
    """How alike two faces are."""
    return _facts(
        ("same person", "yes" if comparison.match else "no"),
        ("similarity", f"{comparison.similarity:.3f}, threshold {comparison.threshold:g}"),
        ("cosine", f"{comparison.cosine:.4f}"),
        ("face quality", " and ".join(str(face.quality.score) for face in comparison.faces)),
    )


def _faces(faces: Sequence[schemas.Face]) -> Table:
    table = _table("face", "x", "y", "width", "height", "score", "quality", "pulled down by")
    for face in faces:
        box = face.box
        sides = (f"{side:.0f}" for side in (box.x, box.y, box.width, box.height))
        reasons = ", ".join(reason.replace("_", " ") for reason in face.quality.reasons)
        table.add_row(str(face.face_no), *sides, f"{face.confidence:.3f}", str(face.quality.score), reasons)
    return table


def _refused(by_reason: Mapping[str, int]) -> Table:
    """Faces too poor to be searched, by what weighed most."""
    table = _table("faces refused", "mostly because")
    for reason, count in by_reason.items():
        table.add_row(str(count), reason.replace("_", " "))
    return table


def _failures(report: IndexReport, failures_file: str | None) -> RenderableType:
    counted = ", ".join(f"{count} {code}" for code, count in report.failure_reasons.items())
    lines = [f"Failed: {counted}"]
    by_reason = sorted(report.failures, key=lambda failure: (failure.code, failure.photo_id))
    lines += [f"  {failure.photo_id}: {failure.detail}" for failure in by_reason[:MAX_FAILURES_SHOWN]]
    if (more := report.failed - MAX_FAILURES_SHOWN) > 0:
        lines.append(f"  and {more} more" + ("" if failures_file else "; --failures FILE writes them all"))
    if failures_file:
        lines.append(f"  all of them are in {failures_file}")
    return Text("\n".join(lines))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="left" if column in _WORDS else "right", overflow="fold")
    return table


def _facts(*facts: tuple[str, str]) -> Table:
    """Names and values, one a line; values are shown as they are, markup included."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, Text(value))
    return table
