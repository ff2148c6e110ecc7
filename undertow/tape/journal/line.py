"""One connection to PostgreSQL: what it is asked, and what its refusals mean. Once it was lost it stays lost, and with it the lock."""

from __future__ import annotations

import os
import socket
import struct
import threading
from typing import Any

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection
from scramp import ScramException

from undertow.core.errors import BadData, StoreError
from undertow.tape.journal.address import Address

WAIT = 60.0  #: seconds that the server has for one answer
_DAMAGED = ("XX001", "XX002", "58030")  # a torn table, a torn index, and a disk that gives nothing back
_NO_DATABASE = (InterfaceError, OSError, ScramException, struct.error, LookupError, ValueError, TypeError, AttributeError)
_KEPT_ALIVE = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}  # s: a dead writer's lock is freed


class Refused(Exception):
    """What the server says to a statement, with its code of five characters."""

    def __init__(self, code: str, says: str) -> None:
        super().__init__(says)
        self.code = code


class Line:
    """A connection that belongs to the thread that opened it. Raises ``StoreError`` where the server cannot be asked."""

    def __init__(self, address: Address, *, to_write: bool) -> None:
        self._address = address
        self._owner = (os.getpid(), threading.get_ident())
        self._lost = ""
        settings = _KEPT_ALIVE | {"synchronous_commit": "on", "client_encoding": "UTF8", "standard_conforming_strings": "on"}
        settings |= {"default_transaction_isolation": "read committed", "default_transaction_read_only": "off" if to_write else "on"}
        arguments = address.arguments()
        try:
            self._connection: Any = Connection(
                **arguments, timeout=WAIT, application_name=own_name() if to_write else "undertow", startup_params=settings
            )
        except DatabaseError as error:
            raise StoreError(f"The journal {address} could not be opened ({_says(error, address)[1]}).") from None
        except _NO_DATABASE as error:
            why = error.__cause__ if isinstance(error.__cause__, OSError) else error
            raise StoreError(
                f"The journal {address} could not be opened: no PostgreSQL answers there ({address.scrub(str(why))})."
            ) from None  # what the driver holds has the password in it

    def ask(self, statement: str, **values: object) -> list[list[object]]:
        """The rows that a statement gives, its ``:names`` filled in; on its own it is a transaction.

        Raises ``Refused`` where the server says no, ``StoreError`` where it says nothing any more, ``BadData`` for what it cannot read.
        """
        if self._lost:
            raise StoreError(f"The journal {self._address} {self._lost}.")
        if self._owner != (os.getpid(), threading.get_ident()):
            raise StoreError(f"The journal {self._address} was opened by another process or thread; nothing was done.")
        self._lost = "was left in the middle of an answer: open it again"  # by Ctrl-C too
        try:
            rows: list[list[object]] = self._connection.run(statement, **values) or []
        except DatabaseError as error:
            code, says, fatal = *_says(error, self._address), _severity(error) in ("FATAL", "PANIC")
            if fatal:
                raise self._gone(says) from None
            self._lost = ""
            if code in _DAMAGED:
                raise BadData(f"The journal {self._address} is damaged ({says}).") from None
            raise Refused(code, says) from None
        except (InterfaceError, OSError, struct.error) as error:
            raise self._gone(self._address.scrub(str(error.__cause__ or error))) from None
        self._lost = ""
        return rows

    def close(self) -> None:
        """Let go of the connection; one that a fork has taken along is left to its owner."""
        if self._lost != "was closed":
            self._lost = "was closed"
            if self._owner[0] == os.getpid():
                try:
                    self._connection.close()
                except (InterfaceError, OSError):
                    pass
            self._connection = None

    def _gone(self, why: str) -> StoreError:
        self._lost = "has lost its connection, and with it the right to write: open it again"
        return StoreError(f"The journal {self._address} lost its connection ({why})")


def own_name() -> str:
    """What a writer calls itself to the server, for whoever comes second."""
    return f"undertow process {os.getpid()} on {socket.gethostname()}"[:63]


def _fields(error: DatabaseError) -> dict[str, str]:
    found = error.args[0] if error.args else None
    return found if isinstance(found, dict) else {"M": str(found)}


def _severity(error: DatabaseError) -> str:
    fields = _fields(error)
    return fields.get("V", fields.get("S", ""))


def _says(error: DatabaseError, address: Address) -> tuple[str, str]:
    fields = _fields(error)
    return fields.get("C", ""), address.scrub(fields.get("M", "no reason told")).rstrip(".")
