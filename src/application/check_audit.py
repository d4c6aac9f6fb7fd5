"""See that nobody has changed the audit trail."""

from dataclasses import dataclass
from typing import Final

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.audit import GENESIS, AuditVerdict, ChainCheck
from facepass.domain.errors import InvalidRequest

BATCH: Final = 1000
"""Entries read at once."""


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What checking the trail found.

    Attributes:
        head_at: number of the entry that carries the hash kept elsewhere, 0 for that of an empty trail; None where the
            trail does not hold it before its first fault, or where none was given.
        sound: whether the chain is whole, and holds the hash kept elsewhere if one was given.
    """

    verdict: AuditVerdict
    head_at: int | None
    sound: bool


class CheckAudit:
    """Follows the whole chain; entries may be added meanwhile."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def __call__(self, *, known_head: bytes | None = None) -> AuditCheck:
        """Check the trail.

        The chain alone cannot show that somebody wrote all of it anew, or cut its end off together with the store's
        note of where it ends; a hash of an earlier check, kept elsewhere, does.

        Args:
            known_head: hash that an earlier check ended with, 32 bytes.

        Raises:
            DependencyUnavailable: the database.
        """
        check = ChainCheck()
        seen = 0
        head_at = 0 if known_head == GENESIS else None
        while True:
            async with self._unit_of_work() as transaction:
                # the head first: whatever it names is then there to be read
                head_no, head_hash = await transaction.audit.head()
                records = await transaction.audit.records(after=seen, limit=BATCH)
            if not records:
                break
            check.follow(records)
            seen = records[-1].no
            head_at = next((record.no for record in records if record.hash == known_head), head_at)
        verdict = check.verdict(head_no=head_no, head_hash=head_hash)
        if head_at is not None and verdict.broken_at is not None and head_at >= verdict.broken_at:
            head_at = None
        return AuditCheck(verdict, head_at, verdict.broken_at is None and (known_head is None or head_at is not None))


def parse_head(text: str) -> bytes:
    """A hash as `AuditVerdict.head` spells it.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        head = bytes.fromhex(text)
    except ValueError:
        head = b""
    if len(head) != len(GENESIS):
        raise InvalidRequest.field("head", f"must have {2 * len(GENESIS)} hexadecimal digits")
    return head
