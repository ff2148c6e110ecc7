"""Whether a session made again decides the same: two journals laid side by side, decision by decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from undertow.core.time import Instant, iso
from undertow.tape.journal.entry import Entry, Kind

COMPARED = (Kind.INPUTS, Kind.SIGNAL, Kind.VERDICT, Kind.INTENT, Kind.FILL)
SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that came out differently."""

    at: Instant
    kind: Kind
    id: str
    says: str  #: one line for a person

    @classmethod
    def of(cls, entry: Entry, says: str) -> Difference:
        """What an entry and its repetition differ in."""
        return cls(at=entry.at, kind=entry.kind, id=entry.id, says=f"{_where(entry)}: {says}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """What was compared, by kind, and what differs, the earliest first."""

    compared: Mapping[Kind, int]
    differences: tuple[Difference, ...]

    def lines(self) -> list[str]:
        """As a report prints it."""
        counts = ", ".join(f"{count:,} {kind.value}" for kind, count in self.compared.items() if count)
        if not self.differences:
            return [f"Identical: {counts or 'nothing was decided'}."]
        kinds = {kind: sum(one.kind is kind for one in self.differences) for kind in Kind}
        told = ", ".join(f"{count:,} {kind.value}" for kind, count in kinds.items() if count)
        more = len(self.differences) - SHOWN
        return [
            f"DIFFERENT: {told}; compared were {counts}.",
            *(one.says for one in self.differences[:SHOWN]),
            *([f"and {more:,} more"] if more > 0 else []),
        ]


def compared(then: Iterable[Entry], now: Iterable[Entry]) -> Parity:
    """Compare what a session wrote down with what it wrote when it was made again; entries of other kinds are the broker's affair."""
    old, new = _by_place(then), _by_place(now)
    found = []
    for place in sorted({*old, *new}, key=lambda place: (_at(old, new, place), place)):
        if says := _says(old.get(place), new.get(place)):
            entry = old.get(place) or new[place]
            found.append(Difference.of(entry, says))
    counts = {kind: sum(one.kind is kind for one in old.values()) for kind in COMPARED}
    return Parity(compared=counts, differences=tuple(found))


Place = tuple[str, str, str]  # decision, kind, which of them


def _by_place(entries: Iterable[Entry]) -> dict[Place, Entry]:
    out: dict[Place, Entry] = {}
    for entry in entries:
        if entry.kind in COMPARED:
            body = entry.content()
            which = str(body.get("execution") or body.get("order") or "")
            out.setdefault((entry.id, entry.kind.value, which), entry)
    return out


def _at(old: Mapping[Place, Entry], new: Mapping[Place, Entry], place: Place) -> Instant:
    return (old.get(place) or new[place]).at


def _says(then: Entry | None, now: Entry | None) -> str:
    if then is None or now is None:
        return "was not there, and is now" if then is None else "was there, and is not now"
    if then.body == now.body:
        return "" if then.at == now.at else f"was at {iso(then.at)}, and is at {iso(now.at)}"
    return "; ".join(_fields(then.content(), now.content()))


def _fields(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[str]:
    for name in sorted({*then, *now}):
        if then.get(name) != now.get(name):
            yield f"{name} was {then.get(name)!r}, and is {now.get(name)!r}"


def _where(entry: Entry) -> str:
    body = entry.content()
    symbol = f" {body['symbol']}" if "symbol" in body else ""
    return f"{iso(entry.at)}{symbol} {entry.kind.value} {entry.id}"
