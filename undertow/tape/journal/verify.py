"""Whether a journal is what was written: the first entry that does not fit, and why.

The chain alone finds what was changed, moved or taken out; the note of where it ends finds what was cut off. Whoever cuts off entries and
rewrites that note too is found by an anchor: the end of the chain as somebody wrote it down elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from undertow.core.errors import BadData
from undertow.tape.journal.entry import Raw
from undertow.tape.journal.store import Head, Store, Wanted

_NEAR = 100_000  # entries to either side among which a renumbered one is recognised


class Why(StrEnum):
    """Why an entry does not fit."""

    CHANGED = "changed"  #: not what its hash was taken over
    MISSING = "missing"  #: later ones are there
    MOVED = "out of order"
    SHORT = "cut short"  #: it and all after it are gone
    ADDED = "added"  #: after the end
    DAMAGED = "damaged"  #: every entry fits, and the storage around them does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The first entry that does not fit."""

    sequence: int  #: 0 where it is none of the entries
    why: Why
    says: str  #: one sentence for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a verification found."""

    entries: int  #: that fit, from the first on
    head: Head  #: the last of them: worth writing down elsewhere, as an anchor
    at: int | None  #: of the last of them, ns UTC
    fault: Fault | None


def verify(store: Store, anchor: Head | None = None) -> Verdict:
    """Follow the chain from its beginning to where it ended when this was called.

    anchor : an end of the chain noted earlier; the entry of that number must still have that hash
    """
    try:
        end = store.head()
    except BadData as error:
        return _verdict(None, Fault(sequence=0, why=Why.SHORT, says=str(error)))
    before: Raw | None = None
    try:
        for row in store.rows(Wanted(last=max(end.sequence, 0))):
            if fault := _unfit(store, row, _head(before), end):
                return _verdict(before, fault)
            if anchor is not None and row.sequence == anchor.sequence and row.hash.decode() != anchor.hash:
                says = f"entry {row.sequence} or one before it was rewritten: its hash was noted as {anchor.hash}"
                return _verdict(before, Fault(sequence=row.sequence, why=Why.CHANGED, says=says))
            before = row
        return _verdict(before, _at_the_end(store, before, end, anchor))
    except BadData as error:
        return _verdict(before, Fault(sequence=_head(before).sequence + 1, why=Why.CHANGED, says=str(error)))


def _verdict(last: Raw | None, fault: Fault | None) -> Verdict:
    head = _head(last)
    return Verdict(entries=head.sequence, head=head, at=None if last is None else last.at, fault=fault)


def _head(last: Raw | None) -> Head:
    return Head() if last is None else Head(sequence=last.sequence, hash=last.hash.decode())


def _unfit(store: Store, row: Raw, head: Head, end: Head) -> Fault | None:
    due = head.sequence + 1
    if row.sequence == due and row.previous.decode("utf-8", "replace") == head.hash and row.whole():
        return None
    if (place := _standing(store, head)) is not None:
        return Fault(sequence=due, why=Why.MOVED, says=f"entry {due} stands in the place of entry {place}")
    truly = _true_place(row, end.sequence)
    if row.sequence != due or truly not in (None, due):
        found = f"entry {truly}" if truly is not None else "another"
        return Fault(sequence=due, why=Why.MISSING, says=f"entry {due} is missing: {found} comes after entry {head.sequence}")
    if truly == due:
        says = f"entry {due} does not follow entry {head.sequence}: one of the two was rewritten, with a hash that fits it"
        return Fault(sequence=due, why=Why.CHANGED, says=says)
    return Fault(sequence=due, why=Why.CHANGED, says=f"entry {due} was changed after it was written: its contents and its hash disagree")


def _standing(store: Store, head: Head) -> int | None:
    """Where the entry that should follow stands, if it is whole and somewhere else."""
    due = head.sequence + 1
    try:
        places = [row.sequence for row in store.following(head.hash) if row.digest(due).encode() == row.hash]
    except BadData:
        return None
    return places[0] if places and due not in places else None


def _true_place(row: Raw, last: int) -> int | None:
    """The number under which the contents of a row are what its hash was taken over."""
    if row.whole():
        return row.sequence
    near = range(max(1, row.sequence - _NEAR), min(last, row.sequence + _NEAR) + 1)
    return next((place for place in near if row.digest(place).encode() == row.hash), None)


def _at_the_end(store: Store, last: Raw | None, end: Head, anchor: Head | None) -> Fault | None:
    head = _head(last)
    due = head.sequence + 1
    if head.sequence < end.sequence:
        if (place := _standing(store, head)) is not None:  # beyond the end
            return Fault(sequence=due, why=Why.MOVED, says=f"entry {due} stands in the place of entry {place}")
        gone = end.sequence - head.sequence
        return Fault(sequence=due, why=Why.SHORT, says=f"the last {gone:,} of {end.sequence:,} entries are gone, from entry {due} on")
    if anchor is not None and anchor.sequence > head.sequence:
        says = f"entry {anchor.sequence} was noted, and the journal ends at {head.sequence}"
        return Fault(sequence=due, why=Why.SHORT, says=says)
    if head.hash != end.hash:
        says = f"entry {head.sequence} has another hash than the journal says it ends with: it was rewritten, or the note of the end was"
        return Fault(sequence=head.sequence, why=Why.CHANGED, says=says)
    if wrong := _beyond(store, end) or store.damage():
        if wrong.startswith("entry"):
            return Fault(sequence=due, why=Why.ADDED, says=wrong)
        return Fault(sequence=0, why=Why.DAMAGED, says=f"every entry fits, but the file around them is damaged: {wrong}")
    return None


def _beyond(store: Store, end: Head) -> str:
    """An entry after the end of a chain that has not grown since."""
    row = next(iter(store.rows(Wanted(first=end.sequence + 1))), None)
    if row is None or store.head() != end:
        return ""
    return f"entry {row.sequence} was added after the end of the journal, entry {end.sequence}"
