"""The broker compared with the journal: pure; every difference is a sentence, and only a person adopts what the broker holds."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from undertow.core.errors import BadInput
from undertow.core.time import Instant, iso
from undertow.execution.gateway.words import Held, Seen
from undertow.execution.path.book import Book
from undertow.execution.risk.inputs import Intent, Side
from undertow.tape.journal.orders import DONE, UNKNOWN, Order, State

TINY = 1e-9  #: shares; less is nothing


class Differs(StrEnum):
    """How broker and journal differ."""

    JOURNAL = "journal"  #: it contradicts itself
    POSITION = "position"
    UNKNOWN_ORDER = "unknown order"  #: works at the broker and is none of ours
    OTHER_ORDER = "other order"  #: has our id and is not what we meant
    LATE_ORDER = "late order"  #: ours, taken for ended, and works
    IN_FLIGHT = "in flight"  #: sent, and nobody knows whether it arrived
    MISSING_ORDER = "missing order"  #: ours, accepted, and not found any more
    FILLS = "fills"  #: the broker counts fewer than were told
    STREAM = "stream"  #: lost since the comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not equal."""

    kind: Differs
    what: str  #: symbol, or the order's id at the client
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The broker at one instant."""

    at: Instant  #: ns UTC
    working: tuple[Seen, ...]
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a comparison found; entries are refused until one is equal."""

    at: Instant
    moved: int  #: sequence of the journal's last entry about orders or positions at that instant
    held: tuple[Held, ...]
    positions: Mapping[str, float]  #: by the journal
    differences: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        """Whether trading may go on."""
        return not self.differences

    @property
    def sentence(self) -> str:
        """For a person: what differs, what follows, what to do."""
        if self.equal:
            return f"Broker and journal are equal ({iso(self.at)})."
        said = " ".join(each.sentence for each in self.differences)
        return f"Broker and journal are not equal, so nothing new is opened. {said}"


def compare(book: Book, picture: Picture, busy: Container[str] = ()) -> Comparison:
    """Every difference, the journal's own contradictions first; ``busy`` are orders whose answer is still awaited."""
    found = [*_faults(book), *_orders(book, picture, busy), *_positions(book, picture)]
    return Comparison(at=picture.at, moved=book.moved, held=picture.held, positions=book.positions(), differences=tuple(found))


def phrase_of(comparison: Comparison) -> str:
    """What a person writes to adopt what the broker holds: it names all of it, so that it has been looked at."""
    held = sorted((each.symbol, each.shares) for each in comparison.held if each.shares)
    return f"I have looked at my broker: {', '.join(f'{symbol} {shares:g}' for symbol, shares in held) or 'nothing'}. Trade from there."


def adoption(comparison: Comparison, book: Book, who: str, phrase: str) -> tuple[str, ...]:
    """Orders that an adoption ends: missing at the broker. Raises ``BadInput`` where there is nothing to adopt or it is not meant."""
    if comparison.equal:
        raise BadInput("broker and journal are equal: there is nothing to adopt")
    if book.moved != comparison.moved:
        raise BadInput("something happened since broker and journal were compared: compare again, then adopt")
    stays = [each for each in comparison.differences if each.kind not in (Differs.POSITION, Differs.MISSING_ORDER, Differs.JOURNAL)]
    if stays:
        raise BadInput(f"an adoption does not end this: {stays[0].sentence}")
    if not who.strip() or phrase != phrase_of(comparison):
        raise BadInput(f"to adopt what the broker holds, give your name and write {phrase_of(comparison)!r}")
    return tuple(each.what for each in comparison.differences if each.kind is Differs.MISSING_ORDER)


def closes_surely(intent: Intent, book: Book, comparison: Comparison) -> bool:
    """Whether an order only closes by the journal and by the broker both, with all that works on its side."""
    at_home = book.positions().get(intent.symbol, 0.0)
    since = at_home - comparison.positions.get(intent.symbol, 0.0)
    at_broker = sum(each.shares for each in comparison.held if each.symbol == intent.symbol) + since
    same = [each.left for each in book.working(intent.order_id) if each.intent.symbol == intent.symbol and each.intent.side is intent.side]
    asked = intent.shares + sum(same)
    return all(held * intent.side < 0.0 and asked <= abs(held) + TINY for held in (at_broker, at_home))


def _faults(book: Book) -> Iterator[Difference]:
    for said in book.faults():
        yield Difference(kind=Differs.JOURNAL, what="", sentence=f"The journal contradicts itself: {said}.")


def _orders(book: Book, picture: Picture, busy: Container[str]) -> Iterator[Difference]:
    there = {seen.id: seen for seen in picture.working}
    for seen in picture.working:
        yield from _seen(book.orders.by_id.get(seen.id), seen)
    for order in book.live.values():
        if order.state in UNKNOWN and order.id not in there and order.id not in busy:
            yield Difference(kind=Differs.IN_FLIGHT, what=order.id, sentence=f"Order {order.id} was sent and its answer is not known.")
        elif order.state in (State.ACCEPTED, State.PARTLY_FILLED) and order.id not in there:
            said = f"Order {order.id} ({order.side} {order.shares} {order.symbol}) was {order.state} and is not at the broker."
            yield Difference(kind=Differs.MISSING_ORDER, what=order.id, sentence=said)


def _seen(order: Order | None, seen: Seen) -> Iterator[Difference]:
    what = f"{seen.side.name.lower()} {seen.shares:g} {seen.symbol}"
    if order is None:
        said = f"Order {seen.id} ({what}) works at the broker and is not of this journal: cancel it there, or leave it and wait."
        yield Difference(kind=Differs.UNKNOWN_ORDER, what=seen.id, sentence=said)
        return
    side = Side.BUY if order.side == "buy" else Side.SELL
    if (order.symbol, side, float(order.shares)) != (seen.symbol, seen.side, seen.shares):
        said = f"Order {seen.id} is {what} at the broker; it was meant as {order.side} {order.shares} {order.symbol}."
        yield Difference(kind=Differs.OTHER_ORDER, what=seen.id, sentence=said)
    if order.state in DONE:
        said = f"Order {seen.id} ({what}) was taken for {order.state} and works at the broker; it is being cancelled."
        yield Difference(kind=Differs.LATE_ORDER, what=seen.id, sentence=said)
    elif float(order.filled) > seen.filled + TINY:
        said = f"Of order {seen.id} the broker counts {seen.filled:g} as filled, after it told of {order.filled}."
        yield Difference(kind=Differs.FILLS, what=seen.id, sentence=said)


def _positions(book: Book, picture: Picture) -> Iterator[Difference]:
    there: dict[str, float] = {}
    for each in picture.held:
        there[each.symbol] = there.get(each.symbol, 0.0) + each.shares
    here = book.positions()
    for symbol in sorted({*there, *here}):
        at_broker, at_home = there.get(symbol, 0.0), here.get(symbol, 0.0)
        if not abs(at_broker - at_home) <= TINY:
            said = f"The broker holds {at_broker:g} {symbol}, the journal says {at_home:g}."
            yield Difference(kind=Differs.POSITION, what=symbol, sentence=said)
