"""Fetching: units go out a few at once and onto the tape one by one in their order, so that the tape is the same however it was cut."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from undertow.app.vendors.desk import Answered, Desk
from undertow.app.vendors.plan import Unit
from undertow.core.chunk import Chunk
from undertow.core.events import Event, FlowAlert, OptionTrade
from undertow.core.time import HOUR
from undertow.sources.wire.errors import BadAnswer, BadRequest, NotEntitled, RateLimited, Unauthorised, WireError
from undertow.tape.fetched import Fetched, Span
from undertow.tape.store import Appended, Tape, frame_of

if TYPE_CHECKING:
    import polars as pl

AT_ONCE = 4  #: units under way, within the key's budget
AHEAD = 12  #: units answered or under way before the oldest of them is on the tape
TRIES = 3  #: of a unit whose answer was broken
#: rows of the latest hour may still come, so a span is held to be told up to an hour before the question
SETTLES = HOUR

#: told how many units are done, of how many, and which one was last
Tell = Callable[[int, int, str], None]


@dataclass(slots=True)
class Account:
    """What became of a download."""

    rows: dict[str, Appended] = field(default_factory=dict)  #: by kind
    failed: list[tuple[Unit, str]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  #: vendor and kinds -> why the plan does not include it
    lacks: Counter[str] = field(default_factory=Counter)  #: what a vendor did not give -> how often


def fetch(desk: Desk, tape: Tape, units: Sequence[Unit], tell: Tell | None = None) -> Account:
    """Ask for every unit and put it on the tape. What fails is in the account, and the others are done all the same.

    Raises ``Unauthorised``, ``RateLimited`` where a day's budget is spent, ``StoreError``, and ``BadData`` where two markets would mix.
    After ``kill -9`` the same call goes on from the last page that was kept.
    """
    account = Account()
    for done, (unit, answer) in enumerate(_answers(desk, units, account), start=1):
        if answer is not None:
            _put(desk, tape, unit, answer, account)
        if tell is not None:
            tell(done, len(units), str(unit))
    return account


def _answers(desk: Desk, units: Sequence[Unit], account: Account) -> Iterator[tuple[Unit, Answered | None]]:
    """Every unit with its answer, in order; None where there is none and the account says why."""
    waiting: deque[tuple[Unit, Future[Answered]]] = deque()
    left = deque(units)
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fetch")
    try:
        while left or waiting:
            while left and len(waiting) < AHEAD:
                unit = left.popleft()
                waiting.append((unit, pool.submit(_whole, desk, unit)))
            unit, future = waiting.popleft()
            yield unit, _result(unit, future, account)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _whole(desk: Desk, unit: Unit) -> Answered:
    """A unit's answer; one that is broken is thrown away and asked for again."""
    for _ in range(TRIES - 1):
        try:
            return desk.ask(unit)
        except (BadAnswer, BadRequest):  # a page's cursor may have grown old on the shelf
            desk.forget(unit)
    try:
        return desk.ask(unit)
    except (BadAnswer, BadRequest):
        desk.forget(unit)
        raise


def _result(unit: Unit, future: Future[Answered], account: Account) -> Answered | None:
    try:
        return future.result()
    except NotEntitled as error:
        account.refused[f"{unit.vendor} {unit.kinds[0].kind}"] = str(error)
    except (Unauthorised, RateLimited):
        raise
    except WireError as error:
        account.failed.append((unit, str(error)))
    return None


def _put(desk: Desk, tape: Tape, unit: Unit, answer: Answered, account: Account) -> None:
    now, rows, market = desk.clock.now(), Counter[tuple[str, str]](), desk.market or ""
    parts = [(chunk.kind, frame_of(chunk, _said_by(", ".join(chunk.sources), market))) for chunk in answer.chunks]
    parts += [(kind, frame.with_columns(source=_column(_said_by("massive", market)))) for kind, frame in answer.frames.items()]
    for kind in unit.kinds:
        for one, frame in parts:
            if one is kind:
                _append(tape, kind, frame, account, rows)
        if kind is FlowAlert and OptionTrade in answer.frames:
            for chunk in _derived(tape, unit):
                _append(tape, kind, frame_of(chunk, _said_by("tape_derived", market)), account, rows)
    account.lacks.update(answer.lacks)
    until = min(unit.until, now - SETTLES)
    if answer.settled and until > unit.after:
        lacks = "; ".join(answer.lacks)[:500]
        told = [(kind.kind, symbol) for kind in unit.kinds for symbol in unit.symbols]
        Fetched(tape).note(
            [
                Span(vendor=unit.vendor, kind=k, symbol=s, after=unit.after, until=until, at=now, rows=rows[k, s], lacks=lacks)
                for k, s in told
            ]
        )


def _append(tape: Tape, kind: type[Event], frame: pl.DataFrame, account: Account, rows: Counter[tuple[str, str]]) -> None:
    account.rows[kind.kind] = account.rows.get(kind.kind, Appended()) + tape.append(kind, frame)
    for symbol, n in frame.group_by("symbol").len().iter_rows():
        rows[kind.kind, symbol] += n


def _derived(tape: Tape, unit: Unit) -> Iterator[Chunk]:
    """Alerts worked out from the option prints that are on the tape."""
    from undertow.sources.tape_derived.source import TapeDerivedSource
    from undertow.tape.source import TapeSource

    return TapeDerivedSource(TapeSource(tape)).history(unit.symbols, unit.after, unit.until)


def _said_by(source: str, market: str) -> str:
    return f"{source} ({market})" if market else source


def _column(text: str) -> pl.Expr:
    import polars as pl

    return pl.lit(text)
