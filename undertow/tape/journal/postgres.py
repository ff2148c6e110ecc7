"""Entries in a schema of a PostgreSQL database: one writer for all machines, and tables that refuse any change but an addition.

How the server is used, and why:

- An append is one statement: all or nothing, on the server's disk when it returns (``synchronous_commit`` is on, whatever the server's
  default). A guard in the database locks the row with the chain's end, and compares it, before the entries count.
- The writer holds an advisory lock for as long as its connection lives: the server frees it when the process dies. Behind a pooler that
  lends a connection by the statement there is no such lock: connect to the server itself, or to a pool by the session.
- A connection that was lost is not made again, for another may have become the writer meanwhile: the journal is opened anew, which looks at
  its end first. Whether the append that was under way is recorded is known only then.
- Readers see what was committed when their batch began; they hold no lock that a writer would wait for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256

from undertow.core.errors import BadData, StoreError
from undertow.tape.journal.address import Address
from undertow.tape.journal.entry import Entry, Raw, raw_of
from undertow.tape.journal.layout import COLUMNS, check_guards, check_server, make, place_of, quoted
from undertow.tape.journal.line import Line, Refused
from undertow.tape.journal.store import Head, Wanted

_BATCH = 2_000  # entries
_PATIENCE = "2s"  # for the server to notice that the writer before is gone
_TAKEN = "55P03"  # the lock was not to be had in time
_READ = ", ".join(name if name in ("sequence", "at") else f"convert_to({name}, 'UTF8')" for name in COLUMNS)  # torn text can be read
_TYPES = ", ".join(f"{name} {'bigint' if name in ('sequence', 'at') else 'text'}" for name in COLUMNS)


class PostgresStore:
    """A journal in a database, opened ``to_write`` by one at most, or to read by any number. Let go of it with ``close``.

    address : the schema is made if it is not there and is to be written; to read one that is not there raises ``StoreError``
    """

    def __init__(self, address: Address, *, to_write: bool) -> None:
        self._address, self._to_write = address, to_write
        self._entries, self._end = (f"{quoted(address.schema)}.{table}" for table in ("entries", "head"))
        self._line = Line(address, to_write=to_write)
        try:
            self._open(to_write)
        except Refused as error:
            self.close()
            raise StoreError(f"The journal {address} could not be opened ({error}).") from error
        except BaseException:
            self.close()
            raise

    def head(self) -> Head:
        """See ``Store``."""
        rows = self._ask(f"SELECT sequence, hash FROM {self._end}")  # noqa: S608 - the name is ours
        if len(rows) != 1 or not isinstance(rows[0][0], int):
            raise BadData(f"The journal {self._address} does not say where it ends.")
        return Head(sequence=rows[0][0], hash=str(rows[0][1]))

    def append(self, head: Head, entries: Sequence[Entry]) -> None:
        """See ``Store``."""
        if not self._to_write:
            raise StoreError(f"The journal {self._address} was not opened to be written; nothing was recorded.")
        if not entries:
            return
        if (entries[0].sequence, entries[0].previous) != (head.sequence + 1, head.hash):
            raise StoreError(f"Entry {entries[0].sequence} does not follow {head}; nothing was recorded.")
        rows = [{name: getattr(entry, name) for name in COLUMNS} for entry in entries]
        try:
            self._line.ask(
                f"INSERT INTO {self._entries} ({', '.join(COLUMNS)})"  # noqa: S608 - the names are ours
                f" SELECT {', '.join(COLUMNS)} FROM json_to_recordset(CAST(:rows AS json)) AS each({_TYPES})",
                rows=json.dumps(rows),
            )
        except Refused as error:
            found = self.head()
            if found != head:
                raise StoreError(
                    f"The journal {self._address} ends at {found} and not at {head}: someone else wrote to it. Stop both."
                ) from error
            then = "none of this may be taken as recorded, and what was recorded before is kept"
            raise StoreError(f"The journal {self._address} could not be used ({error}); {then}.") from error
        except StoreError as error:
            then = "none of this may be taken as recorded, though it may be: open the journal again to see"
            raise StoreError(f"{str(error).rstrip('.')}; {then}.") from error

    def rows(self, wanted: Wanted) -> Iterator[Raw]:
        """See ``Store``."""
        clauses, values = _asked(wanted)
        above = wanted.first - 1
        while True:
            found = self._select(f"sequence > :above{clauses} ORDER BY sequence LIMIT {_BATCH}", above=above, **values)
            for row in found:
                raw = raw_of(row)
                above = raw.sequence
                yield raw
            if len(found) < _BATCH:
                return

    def following(self, previous: str) -> list[Raw]:
        """See ``Store``."""
        return [raw_of(row) for row in self._select("previous = :previous ORDER BY sequence", previous=previous)]

    def damage(self) -> str:
        """See ``Store``: what the server itself finds torn it says when that is read, and a journal is read whole before this is asked."""
        return ""

    def close(self) -> None:
        """See ``Store``."""
        self._line.close()

    def _open(self, to_write: bool) -> None:
        if to_write:
            check_server(self._line, self._address)
            self._lock()
        place = place_of(self._line, self._address)
        if place is None and not to_write:
            raise StoreError(f"There is no journal at {self._address}: trading writes one.")
        if place is None:
            make(self._line, self._address)
        elif to_write:
            check_guards(self._line, self._address, place)

    def _lock(self) -> None:
        """Become the one writer; the server frees the lock when this process or its connection is gone."""
        number = int.from_bytes(sha256(f"undertow journal {self._address.schema}".encode()).digest()[:8], "big", signed=True)
        try:
            self._line.ask(f"SET lock_timeout = '{_PATIENCE}'")
            self._line.ask("SELECT pg_advisory_lock(CAST(:number AS bigint))", number=str(number))
            self._line.ask("SET lock_timeout = '30s'")
        except Refused as error:
            if error.code != _TAKEN:
                raise
            raise StoreError(
                f"The journal {self._address} is being written by {self._holder(number)}: two would send orders twice."
                " Nothing was done; stop the other first."
            ) from error

    def _holder(self, number: int) -> str:
        rows = self._line.ask(
            "SELECT application_name FROM pg_catalog.pg_locks JOIN pg_catalog.pg_stat_activity USING (pid) WHERE locktype = 'advisory'"
            " AND granted AND pg_locks.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"
            " AND classid = CAST(:high AS oid) AND objid = CAST(:low AS oid) AND objsubid = 1",
            high=str((number >> 32) & 0xFFFFFFFF),
            low=str(number & 0xFFFFFFFF),
        )
        return str(rows[0][0]).removeprefix("undertow ") if rows and rows[0][0] else "a process that the server does not name"

    def _select(self, where: str, **values: object) -> list[list[object]]:
        return self._ask(f"SELECT {_READ} FROM {self._entries} WHERE {where}", **values)  # noqa: S608 - ours

    def _ask(self, statement: str, **values: object) -> list[list[object]]:
        try:
            return self._line.ask(statement, **values)
        except Refused as error:
            raise StoreError(f"The journal {self._address} could not be read ({error}).") from error


def _asked(wanted: Wanted) -> tuple[str, dict[str, object]]:
    kinds = {f"kind{number}": kind.value for number, kind in enumerate(wanted.kinds)}
    clauses = [f"kind IN ({', '.join(f':{name}' for name in kinds)})"] if kinds else []
    values: dict[str, object] = dict(kinds)
    for clause, name, value in (
        ("id = :id", "id", wanted.id),
        ("sequence <= :last", "last", wanted.last),
        ("at > :after", "after", wanted.after),
        ("at <= :until", "until", wanted.until),
    ):
        if value is not None:
            clauses.append(clause)
            values[name] = value
    return "".join(f" AND {clause}" for clause in clauses), values
