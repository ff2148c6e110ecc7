"""The end of trading: cancel what works, sell what is held. Without a journal a second process does it (``control.act``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from undertow.core.errors import BrokerError
from undertow.core.time import Instant
from undertow.execution.gateway.gateway import Gateway
from undertow.execution.gateway.words import Answer, Held, Says, Seen
from undertow.execution.path.book import Nature, nature_of
from undertow.execution.path.words import Planned
from undertow.execution.risk.inputs import Intent, Side
from undertow.tape.journal.ids import client_order_id, decision_id

STRATEGY = "flatten"  #: in whose name positions are closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What became of the wish to cancel."""

    answers: Mapping[str, Answer] = field(default_factory=dict)  #: client order id -> the broker's answer
    strangers: tuple[Seen, ...] = ()  #: orders that work and are none of ours: left alone

    @property
    def sentence(self) -> str:
        """For a person."""
        sure = sum(answer.says in (Says.CANCELLED, Says.ACCEPTED) for answer in self.answers.values())
        said = f"{sure} of {len(self.answers)} working orders were cancelled."
        for name, answer in self.answers.items():
            if answer.says not in (Says.CANCELLED, Says.ACCEPTED):
                said += f" {name}: {answer.why or answer.says.value}; look at your broker."
        if self.strangers:
            said += f" Left alone, not of this journal: {', '.join(f'{seen.id} ({seen.symbol})' for seen in self.strangers)}."
        return said


async def cancel_listed(gateway: Gateway, there: Sequence[Seen], strangers: tuple[Seen, ...] = ()) -> Cancelled:
    """Cancel each; one that cannot be cancelled keeps nobody from asking for the next."""
    answers: dict[str, Answer] = {}
    for seen in there:
        try:
            answers[seen.id] = await gateway.cancel(seen.broker_id)
        except (BrokerError, OSError, TimeoutError) as error:
            answers[seen.id] = Answer(says=Says.UNKNOWN, why=str(error))
    return Cancelled(answers=answers, strangers=strangers)


def flattening(held: Iterable[Held], run: str, at: Instant, natures: Mapping[str, Nature] | None = None) -> tuple[Planned, ...]:
    """Orders that close every position at the market's price, options first: they lose their value fastest."""
    known = natures or {}
    return tuple(_close(each, run, at, known.get(each.symbol) or nature_of(each.symbol, each.item)) for each in sorted(held, key=_first))


def _first(held: Held) -> tuple[str, str]:
    return held.item.value, held.symbol  # "option" comes before "share"


def _close(held: Held, run: str, at: Instant, nature: Nature) -> Planned:
    intent = Intent(
        order_id=client_order_id(run, at, held.symbol, STRATEGY),
        symbol=held.symbol,
        side=Side.SELL if held.shares > 0.0 else Side.BUY,
        shares=abs(held.shares),
        item=nature.item,
        multiplier=nature.multiplier,
        underlying=nature.underlying,
        flatten=True,
    )
    return Planned(decision=decision_id(run, at, held.symbol, STRATEGY), intent=intent)
