"""A session with a broker made again: its decisions from the recording, on the fills and answers that its journal tells of.

What a broker answered cannot be made again, so it is taken from the journal, entry by entry; at each decision signals and orders are worked
out anew from what was known by then, and compared with what is written there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from undertow.app.trading.basis import Inputs, signal_of
from undertow.app.trading.past import execution_of
from undertow.app.trading.session import note_of
from undertow.app.trading.wants import STRATEGY, Asks
from undertow.core.chunk import Chunk
from undertow.core.time import Instant
from undertow.engine.run import Batch, Desk, run
from undertow.execution.gateway.account import ToldAccount
from undertow.execution.path.book import Book
from undertow.tape.journal.entry import Draft, Entry, Kind
from undertow.tape.journal.ids import decision_id
from undertow.tape.journal.journal import Journal
from undertow.validation.parity import Difference, Parity


@dataclass(slots=True, kw_only=True)
class Retold:
    """What is needed to decide again."""

    asks: Asks
    desk: Desk  #: its broker is ``account``
    account: ToldAccount
    rows: Callable[[Instant], list[Chunk]]  #: what became known up to a tick since the last one
    live_from: Instant
    inputs: Inputs
    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys((Kind.INPUTS, Kind.SIGNAL, Kind.VERDICT, Kind.FILL), 0))
    found: list[Difference] = field(default_factory=list)
    _symbols: dict[str, str] = field(default_factory=dict)  # decision of the tick -> symbol
    _expected: dict[str, tuple[str, dict[str, object]]] = field(default_factory=dict)  # decision -> inputs and signal
    _asked: set[str] = field(default_factory=set)  # orders of the tick that the gate was asked about
    _tick: Instant = 0

    def parity(self, entries: Iterator[Entry]) -> Parity:
        """Go through a journal; entries of other sessions only say what is held."""
        with TemporaryDirectory(prefix="undertow-retold-") as where, Journal.to_write(Path(where) / "journal.sqlite") as copy:
            book = Book(copy)
            for entry in entries:
                self._before(book, entry)
                book.write(Draft(at=entry.at, kind=entry.kind, id=entry.id, body=entry.content()))
                self._after(book, entry)
        return Parity(compared=self.counts, differences=tuple(self.found))

    def _before(self, book: Book, entry: Entry) -> None:
        if entry.kind is Kind.INPUTS and entry.at != self._tick and entry.id in self._of(entry.at):
            if not self._tick:
                self.account.begins_with(book.positions())
            self._decide(entry.at)
        if entry.kind is Kind.VERDICT and entry.id in self._symbols:
            self._order(book, entry)

    def _after(self, book: Book, entry: Entry) -> None:
        if self._tick and entry.kind is Kind.FILL:
            self._fill(book, entry)
        elif entry.kind in (Kind.INPUTS, Kind.SIGNAL) and entry.id in self._expected:
            inputs, signal = self._expected[entry.id]
            self.counts[entry.kind] += 1
            own = {"inputs": inputs} if entry.kind is Kind.INPUTS else signal
            for name in sorted(own):
                if (then := entry.content().get(name)) != own[name]:
                    self._differs(entry, f"{name} was {then!r}, and is {own[name]!r}")
        elif entry.kind is Kind.NOTE and entry.id == note_of(self.asks.run):
            for planned in self._planned(book):
                if planned not in self._asked:
                    self._differs(entry, f"order {planned} would be asked for now, and was not")

    def _of(self, at: Instant) -> dict[str, str]:
        return {decision_id(self.asks.run, at, symbol, STRATEGY): symbol for symbol in self.desk.features.symbols}

    def _decide(self, tick: Instant) -> None:
        chunks = self.rows(tick)
        step = next(run([Batch(chunks, np.array([tick], np.int64))], self.desk, live_from=self.live_from))
        inputs = self.inputs.push(chunks, tick)
        self._tick, self._symbols, self._asked = tick, self._of(tick), set()
        places = {symbol: k for k, symbol in enumerate(self.desk.features.symbols)}
        self._expected = {name: (inputs, signal_of(self.desk, step, places[symbol])) for name, symbol in self._symbols.items()}

    def _planned(self, book: Book) -> dict[str, float]:
        """Orders that would be asked for at this moment, and their signed shares."""
        made = self.asks.plan(self.account, book, self._tick)
        return {one.intent.order_id: one.intent.side * one.intent.shares for one in made.orders}

    def _order(self, book: Book, entry: Entry) -> None:
        name = str(entry.content().get("order"))
        self._asked.add(name)
        self.counts[Kind.VERDICT] += 1
        now = self._planned(book)
        if name not in now:
            self._differs(entry, f"order {name} was asked for, and would not be now (but {', '.join(now) or 'nothing'})")

    def _fill(self, book: Book, entry: Entry) -> None:
        order = book.orders.by_id.get(str(entry.content()["order"]))
        if order is None:
            return
        self.counts[Kind.FILL] += 1
        self.account.fill(execution_of(entry, order), entry.at)

    def _differs(self, entry: Entry, says: str) -> None:
        self.found.append(Difference.of(entry, says))
