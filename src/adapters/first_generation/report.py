"""What an import has found and done so far, in numbers."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from facepass.adapters.first_generation.errors import ImportDisproved
from facepass.adapters.first_generation.rows import PhotoRows
from facepass.adapters.first_generation.validation import MERGED, Mend, Reason, Verdict
from facepass.domain.embedding import TemplateSpace

_PLACE_UNUSABLE = frozenset(
    {Reason.NO_SESSION, Reason.INVALID_SESSION, Reason.NO_PHOTO, Reason.INVALID_PHOTO, Reason.TOO_MANY_FACES}
)
_TARGET_REFUSES = frozenset({Reason.INDEXED_ANEW, Reason.OTHER_MODEL, Reason.ERASED})


@dataclass(slots=True)
class Tally:
    """Counts that grow with the import and are recorded with its position.

    Attributes:
        rows: of the old table that were looked at.
        sessions: with at least one photo that is moved.
        photos: that are moved.
        faces: that are moved.
        photos_lost: named by a sound place, but without one sound row: nobody is found on them any more.
        left_out: rows that are not moved, by reason.
        mended: rows that are moved otherwise than they stood there; a row may be counted for several.
        last_session: the one whose photos come at the moment.
    """

    rows: int = 0
    sessions: int = 0
    photos: int = 0
    faces: int = 0
    photos_lost: int = 0
    left_out: Counter[Reason] = field(default_factory=Counter)
    mended: Counter[Mend] = field(default_factory=Counter)
    last_session: str | None = None

    def add(self, rows: PhotoRows, verdict: Verdict) -> None:
        """Count one photo in."""
        self.rows += len(rows)
        self.left_out.update(reject.reason for reject in verdict.rejects)
        self.mended.update(verdict.mends)
        if verdict.photo is None:
            reasons = {reject.reason for reject in verdict.rejects}
            self.photos_lost += not reasons & _TARGET_REFUSES and not reasons <= _PLACE_UNUSABLE
            return
        self.photos += 1
        self.faces += len(verdict.photo.templates)
        self.sessions += verdict.photo.session_id != self.last_session
        self.last_session = str(verdict.photo.session_id)

    def prove(self, rows: int) -> None:
        """See that every row of the table is accounted for.

        Raises:
            ImportDisproved: it is not.
        """
        accounted = self.faces + self.left_out.total()
        if not rows == self.rows == accounted:
            raise ImportDisproved(
                f"the old table has {rows} rows, {self.rows} were read, and {accounted} were moved or left out"
            )

    def to_json(self) -> str:
        """For the record."""
        return json.dumps({name.name: getattr(self, name.name) for name in fields(self)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """From the record."""
        facts = json.loads(text)
        facts["left_out"] = Counter({Reason(reason): count for reason, count in facts["left_out"].items()})
        facts["mended"] = Counter({Mend(mend): count for mend, count in facts["mended"].items()})
        return cls(**facts)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The outcome of an import or of its rehearsal. Rows = faces + rejected + merged; that was proved.

    Attributes:
        dry_run: nothing was changed; `faces` and the like say what would be moved.
        space: the model that the vectors are bound to, and their components.
        rows: of the old table.
        sessions: with at least one photo that is moved.
        photos: that are moved.
        faces: that are moved.
        photos_lost: without one sound row.
        rejected: rows that are not moved, by reason; every reason, most of them 0.
        merged: rows whose face is moved with another row, by reason.
        mended: rows that are moved otherwise than they stood there.
        backup: name of the copy of the old table; None for a dry run.
        rejects_path: the list of the rows that are not moved; None where an earlier run wrote it elsewhere.
    """

    dry_run: bool
    space: TemplateSpace
    rows: int
    sessions: int
    photos: int
    faces: int
    photos_lost: int
    rejected: Mapping[Reason, int]
    merged: Mapping[Reason, int]
    mended: Mapping[Mend, int]
    backup: str | None
    rejects_path: Path | None

    @classmethod
    def of(cls, tally: Tally, space: TemplateSpace, *, backup: str | None, rejects_path: Path | None) -> Self:
        """From the counts of a whole table; without a backup it was a rehearsal."""
        return cls(
            dry_run=backup is None,
            space=space,
            rows=tally.rows,
            sessions=tally.sessions,
            photos=tally.photos,
            faces=tally.faces,
            photos_lost=tally.photos_lost,
            rejected={reason: tally.left_out[reason] for reason in Reason if reason not in MERGED},
            merged={reason: tally.left_out[reason] for reason in Reason if reason in MERGED},
            mended={mend: tally.mended[mend] for mend in Mend},
            backup=backup,
            rejects_path=rejects_path,
        )

    def to_facts(self) -> dict[str, Any]:
        """For JSON, by the names of the attributes."""
        return {**asdict(self), "rejects_path": None if self.rejects_path is None else str(self.rejects_path)}

    def lines(self) -> list[tuple[str, str]]:
        """Name and value of what people are shown, in order. Reasons that never occurred are left out."""
        return [
            ("dry run, nothing changed" if self.dry_run else "imported", f"{self.space.model}, {self.space.dimension}"),
            ("rows", str(self.rows)),
            ("sessions", str(self.sessions)),
            ("photos", str(self.photos)),
            ("faces", str(self.faces)),
            ("photos without a sound row", str(self.photos_lost)),
            *_block("rejected", self.rejected),
            *_block("merged", self.merged),
            *_block("mended", self.mended),
            ("backup", self.backup or "none"),
            ("list of rows left out", str(self.rejects_path or "see the run that did the import")),
        ]

    def to_text(self) -> str:
        """`lines` as a table in columns."""
        lines = self.lines()
        width = max(len(name) for name, _ in lines)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)


def _block(title: str, counts: Mapping[Reason, int] | Mapping[Mend, int]) -> list[tuple[str, str]]:
    lines = [(f"  {name.replace('_', ' ')}", str(count)) for name, count in counts.items() if count]
    total = sum(counts.values())
    return [(title, str(total)), *lines]
