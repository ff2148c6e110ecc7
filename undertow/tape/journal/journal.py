"""The journal: drafts go in as a chain, entries come out as they went in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from undertow.core.errors import BadData, BadInput
from undertow.tape.journal.address import Address, is_url
from undertow.tape.journal.entry import Draft, Entry, chained
from undertow.tape.journal.sqlite import SqliteStore
from undertow.tape.journal.store import Head, Store, Wanted
from undertow.tape.journal.verify import Verdict, verify

NAME = "journal.sqlite"  #: in the folder of an account
URL = "UNDERTOW_JOURNAL_URL"  #: of a PostgreSQL database, see ``address``; a chain in it for each account
Place = Path | Address | str  #: a file, or a database by its URL


class Journal:
    """A chain of entries in a store; a context manager that lets go of it.

    Raises ``StoreError`` where the disk or another writer refuses, ``BadData`` where what is read was changed after it was written.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._end: Head | None = None  # None: what the disk says

    @classmethod
    def to_write(cls, place: Place) -> Journal:
        """Open or make a journal as its one writer; raises ``BadData`` where its last entry does not fit."""
        journal = cls(_store(place, to_write=True))
        try:
            journal._check_end()
        except BaseException:
            journal.close()
            raise
        return journal

    @classmethod
    def to_read(cls, place: Place) -> Journal:
        """Open a journal that may be written meanwhile."""
        return cls(_store(place, to_write=False))

    def append(self, *drafts: Draft | Entry) -> tuple[Entry, ...]:
        """Write drafts, or entries that were ``foretold``, down in this order, all or none; they are on the disk when this returns.

        Raises ``BadInput`` where a draft cannot be written down, ``StoreError`` where the disk refuses: then none of them was.
        """
        end = self._end or self._store.head()
        entries = self._following(end, drafts)
        if entries:
            self._end = None
            self._store.append(end, entries)
            self._end = Head(sequence=entries[-1].sequence, hash=entries[-1].hash)
        return tuple(entries)

    def foretold(self, drafts: Sequence[Draft], after: Sequence[Entry] = ()) -> list[Entry]:
        """The entries that ``append`` would make of drafts now, or after those ``after``; nothing is written."""
        end = Head(sequence=after[-1].sequence, hash=after[-1].hash) if after else self._end or self._store.head()
        return self._following(end, drafts)

    def _following(self, end: Head, drafts: Sequence[Draft | Entry]) -> list[Entry]:
        entries: list[Entry] = []
        for draft in drafts:
            if isinstance(draft, Entry):
                ready = (draft.sequence, draft.previous) == (end.sequence + 1, end.hash)
                entry = draft if ready else chained(draft.draft(), end.sequence + 1, end.hash)
            else:
                entry = chained(draft, end.sequence + 1, end.hash)
            entries.append(entry)
            end = Head(sequence=entry.sequence, hash=entry.hash)
        return entries

    def entries(self, wanted: Wanted | None = None) -> Iterator[Entry]:
        """Entries in order, all of them or those wanted; raises ``BadData`` at the first whose contents and hash disagree."""
        return (row.entry() for row in self._store.rows(wanted or Wanted()))

    def head(self) -> Head:
        """Where the chain ends."""
        return self._store.head()

    def verify(self, anchor: Head | None = None) -> Verdict:
        """Follow the whole chain (see ``verify.verify``)."""
        return verify(self._store, anchor)

    def close(self) -> None:
        """Let go of the store, for another to write."""
        self._store.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _check_end(self) -> None:
        head = self._store.head()
        last = next(iter(self._store.rows(Wanted(first=max(head.sequence, 1)))), None)
        if last is None:
            fits = head == Head()
        else:
            fits = last.whole() and (last.sequence, last.hash) == (head.sequence, head.hash.encode())
        if not fits:
            raise BadData("The last entry of the journal does not fit: nothing may be added before `undertow journal verify` says why.")


def place_of(root: Path, environment: Mapping[str, str]) -> Path | Address:
    """Where the journal of an account's folder is: ``UNDERTOW_JOURNAL_URL``, under the folder's name, else a file in the folder.

    Raises ``BadInput`` for a URL that is none.
    """
    url = environment.get(URL, "").strip()
    if not url:
        return root / NAME
    if not is_url(url):
        raise BadInput(f"{URL} must be the URL of a PostgreSQL database, postgresql://USER:PASSWORD@HOST:5432/DATABASE.")
    return Address(url).named(root.absolute().name)


def journal_of(root: Path, environment: Mapping[str, str], *, to_write: bool = True) -> Journal:
    """Open the journal of an account's folder, see ``place_of``."""
    place = place_of(root, environment)
    return Journal.to_write(place) if to_write else Journal.to_read(place)


def _store(place: Place, *, to_write: bool) -> Store:
    if isinstance(place, str):
        place = Address(place) if is_url(place) else Path(place)
    if isinstance(place, Path):
        return SqliteStore(place, to_write=to_write)
    from undertow.tape.journal.postgres import PostgresStore  # with its driver: for those alone who have a database

    return PostgresStore(place, to_write=to_write)


def head_of(text: str) -> Head:
    """Parse an anchor, ``17:9f86…``: a number, a colon and the 64 hex digits of a hash."""
    number, _, digits = text.strip().partition(":")
    if not number.isdecimal() or not int(number) or len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise BadInput(f"{text!r} is no anchor: write an entry's number, a colon and its hash of 64 small hex digits")
    return Head(sequence=int(number), hash=digits)
