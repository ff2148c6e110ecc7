"""A signal's reasons as a person reads them in a terminal, and as a program does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from undertow.core.orders import Fact, Flip, Ground, Signal
from undertow.core.time import iso
from undertow.report.words import NONE, SIMULATED, count, decimal, moment, percent

MOST_FEATURES = 12


@dataclass(frozen=True, slots=True)
class Listed:
    """A table: its title, its heads and its rows of text; the first column is a name, the others are set to the right but for words."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    below: str = ""  #: a sentence under it, or instead of it where there are no rows


def heading(signal: Signal) -> list[str]:
    """The call in three lines: when, what, and why nothing is called where nothing is."""
    mark = f"  {SIMULATED}" if signal.simulated else ""
    called = f"{signal.direction.value}, confidence {percent(signal.confidence, 1)}"
    rise = f"a rise over {count(signal.horizon, 'session')} has {percent(signal.p_up, 1)}; score {_odds(signal.score)} log-odds"
    lines = [f"{signal.symbol}, {moment(signal.at)}, {signal.phase}{mark}", f"{called}: {rise}; {signal.model}."]
    return [*lines, f"{signal.abstain_reason[:1].upper()}{signal.abstain_reason[1:]}."] if signal.abstain_reason else lines


def tables(signal: Signal) -> list[Listed]:
    """What pushed, what each model said, how belief grew and what would have changed the call."""
    return [_pushes(signal), _features(signal), _models(signal), _trail(signal), _flips(signal)]


def plainly(signal: Signal) -> dict[str, Any]:
    """The whole signal as JSON can tell it: instants as text in UTC, numbers that are not known as null."""
    told: dict[str, Any] = _jsonable(asdict(signal))
    told |= {name: iso(getattr(signal, name)) for name in ("at", "known_until")}
    for ground, kept in zip(told["grounds"], signal.grounds, strict=True):
        for fact, known in zip(ground["facts"], kept.facts, strict=True):
            fact |= {"event_at": iso(known.event_at), "known_at": iso(known.known_at)}
    return told


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _jsonable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _odds(value: float) -> str:
    return f"{value:+.4f}" if math.isfinite(value) else NONE


def _pushes(signal: Signal) -> Listed:
    base = signal.trail[0].score if signal.trail else math.nan
    rows = [("base rate", _odds(base), "what the models say before any feature speaks")]
    rows += [(ground.family, _odds(ground.push), _rests(ground)) for ground in signal.grounds]
    rows.append(("score", _odds(signal.score), "the sum of the above"))
    return Listed(
        "What pushed it (log-odds: above zero towards a rise), and the newest that was known", ("family", "push", "rests on"), tuple(rows)
    )


def _rests(ground: Ground) -> str:
    return "\n".join(_fact(fact) for fact in ground.facts) or "nothing that was known"


def _fact(fact: Fact) -> str:
    return f"{fact.kind.replace('_', ' ')}: {fact.source} ({fact.grade}), known {moment(fact.known_at)}"


def _features(signal: Signal) -> Listed:
    parts = sorted(((n, v) for n, v in signal.contributions.items() if n != "base rate"), key=lambda part: (-abs(part[1]), part[0]))
    rest = parts[MOST_FEATURES:]
    below = f"and {count(len(rest), 'smaller one')}, together {_odds(math.fsum(v for _, v in rest))}" if rest else ""
    return Listed("The features that pushed most", ("feature", "push"), tuple((n, _odds(v)) for n, v in parts[:MOST_FEATURES]), below)


def _models(signal: Signal) -> Listed:
    rows = tuple((one.model, percent(one.p_up, 1), decimal(one.weight, 3)) for one in signal.said)
    below = (
        "Probability of a rise before calibration; the score is the weighted sum of their log-odds." if rows else "No model said anything."
    )
    return Listed("What each model said", ("model", "rise", "weight"), rows, below)


def _trail(signal: Signal) -> Listed:
    rows = tuple((one.after, _odds(one.score), percent(one.p_up, 2)) for one in signal.trail)
    below = "Families in the order in which their newest fact became known." if rows else "There is no trail without a model."
    return Listed("How belief grew", ("after", "score", "rise"), rows, below)


def _flips(signal: Signal) -> Listed:
    rows = tuple(_flip(one) for one in signal.flips)
    none = "No change of a single one of the features that weigh most, within what it has been, would change the call."
    return Listed("What would change the call", ("feature", "now", "then", "distance", "call", "rise"), rows, "" if rows else none)


def _flip(one: Flip) -> tuple[str, ...]:
    far = f"{percent(one.share, 0)} of its past values"
    return one.feature, f"{one.now:.6g}", f"{one.then:.6g}", far, one.direction.value, percent(one.p_up, 2)


def lines(listed: Sequence[Listed]) -> list[str]:
    """The tables without any drawing: a line a row, cells apart by two spaces, as for a pipe."""
    out: list[str] = []
    for table in listed:
        out += ["", table.title]
        out += ["  " + "  ".join(cell.replace("\n", "; ") for cell in row) for row in table.rows]
        out += ["  " + table.below] if table.below else []
    return out
