"""Streams that fall silent: found within their own limit, named for what it is, and healed by the next fact."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.calendar import Phase
from undertow.core.time import MINUTE, SECOND
from undertow.execution.feeds import Bounds, Cause, Feed, FeedWatch, longest
from undertow.execution.risk.inputs import Channel

NOW = 10**18
LATE = NOW - 100 * MINUTE  #: when the phase began
QUOTES = Feed(
    name="quotes",
    vendor="Massive",
    silent={Phase.REGULAR: 15 * SECOND, Phase.PREMARKET: 5 * MINUTE},
    symbol_silent={Phase.REGULAR: 60 * SECOND},
    symbols=("AAA", "BBB"),
)
TRADES = Feed(name="trades", vendor="Massive", silent={Phase.REGULAR: 30 * SECOND})
FLOW = Feed(name="flow", vendor="Whales", silent={Phase.REGULAR: 2 * MINUTE})
FEEDS = (QUOTES, TRADES, FLOW)


def watch(**ages: float) -> FeedWatch:
    """Every channel heard a second ago, or as many seconds ago as said."""
    found = FeedWatch(FEEDS)
    for feed in FEEDS:
        at = NOW - int(ages.get(feed.name, 1.0) * SECOND)
        for symbol in feed.symbols or ("AAA",):
            found.heard(feed.name, symbol, at, at)
    return found


def causes(found: FeedWatch, phase: Phase = Phase.REGULAR, began: int = LATE, now: int = NOW) -> dict[str, Cause]:
    report = found.report(now, phase, began)
    assert all(each.cause.value in each.says and each.channel in each.says for each in (*report.stale, *report.quiet))
    return {each.symbol or each.channel: each.cause for each in (*report.stale, *report.quiet)}


def test_each_cause_is_named() -> None:
    assert causes(watch()) == {}
    assert causes(watch(quotes=16)) == {"quotes": Cause.FEED}
    assert causes(watch(quotes=16, trades=31)) == {"quotes": Cause.API, "trades": Cause.API}
    assert causes(watch(flow=121)) == {"flow": Cause.API}
    quiet = watch(quotes=61)
    quiet.heard("quotes", "AAA", NOW, NOW)
    assert causes(quiet) == {"BBB": Cause.QUIET_SYMBOL}
    assert quiet.report(NOW, Phase.REGULAR, LATE).live("quotes")
    assert quiet.report(NOW, Phase.REGULAR, LATE).says == "BBB on quotes (quiet symbol): silent for 61 s; other symbols of quotes talk."
    off = watch()
    off.measured(SECOND, NOW)
    assert causes(off) == dict.fromkeys(("quotes", "trades", "flow"), Cause.CLOCK)
    off.measured(-SECOND // 4, NOW + 1)
    assert causes(off) == {}
    ahead = watch()
    ahead.heard("flow", "AAA", NOW + SECOND, NOW)
    assert causes(ahead) == {"flow": Cause.CLOCK}
    assert causes(watch(), now=NOW - 5 * SECOND) == dict.fromkeys(("quotes", "trades", "flow"), Cause.CLOCK), "a clock that was set back"


def test_signs_of_life_tell_the_feed_from_the_api() -> None:
    lone = watch(flow=121)
    lone.asked("Whales", NOW - 20 * SECOND)
    lone.answered("Whales", NOW - 19 * SECOND)
    assert causes(lone) == {"flow": Cause.FEED}
    mute = watch(quotes=16)
    mute.asked("Massive", NOW - 40 * SECOND)
    mute.asked("Massive", NOW - 10 * SECOND)
    assert causes(mute) == {"quotes": Cause.API}
    mute.answered("Massive", NOW)
    assert causes(mute) == {"quotes": Cause.FEED}


def test_a_silence_is_measured_by_its_phase_and_from_its_beginning() -> None:
    sparse = watch(quotes=200, trades=200, flow=200)
    assert causes(sparse, Phase.PREMARKET) == {}
    assert causes(sparse, Phase.CLOSED) == {}
    assert causes(sparse, Phase.REGULAR, began=NOW - 15 * SECOND) == {}
    assert set(causes(sparse, Phase.REGULAR, began=NOW - 16 * SECOND)) == {"quotes"}
    never = FeedWatch(FEEDS)
    assert "nothing was ever heard" in never.report(NOW, Phase.REGULAR, NOW).says
    assert len(causes(never, began=NOW)) == 3


def test_the_gate_is_told() -> None:
    found = watch(quotes=16, trades=10_000)
    report = found.report(NOW, Phase.REGULAR, LATE)
    assert found.channels(report) == (
        Channel(name="quotes", known_at=None),  # the gate's own limit is premarket's
        Channel(name="trades", known_at=NOW - 10_000 * SECOND),
        Channel(name="flow", known_at=NOW - SECOND),
    )
    assert dict(longest(FEEDS)) == {"quotes": 5 * MINUTE, "trades": 30 * SECOND, "flow": 2 * MINUTE}


@dataclass(frozen=True)
class Fact:
    channel: str
    symbol: str
    at: int
    late: int


facts = st.lists(
    st.builds(
        Fact,
        channel=st.sampled_from([feed.name for feed in FEEDS]),
        symbol=st.sampled_from(["AAA", "BBB"]),
        at=st.integers(NOW - 3 * MINUTE, NOW),
        late=st.integers(-SECOND, SECOND),
    ),
    max_size=40,
)


def told(given_: list[Fact]) -> FeedWatch:
    found = FeedWatch(FEEDS)
    for fact in given_:
        found.heard(fact.channel, fact.symbol, fact.at - fact.late, fact.at)
    return found


@settings(max_examples=150, deadline=None)
@given(facts, st.randoms(use_true_random=False))
def test_the_order_of_facts_does_not_matter(given_: list[Fact], chance: object) -> None:
    mixed = list(given_)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert told(given_).report(NOW, Phase.REGULAR, LATE) == told(mixed).report(NOW, Phase.REGULAR, LATE)


@settings(max_examples=200, deadline=None)
@given(facts, st.integers(0, 5 * MINUTE))
def test_a_channel_is_stale_exactly_when_its_limit_or_the_clock_says(given_: list[Fact], wait: int) -> None:
    now = NOW + wait
    report = told(given_).report(now, Phase.REGULAR, LATE)
    for feed in FEEDS:
        own = [(fact.at, -fact.late) for fact in given_ if fact.channel == feed.name]
        fresh = bool(own) and now - max(own)[0] <= feed.silent[Phase.REGULAR] and max(own)[1] <= Bounds().skew
        assert report.live(feed.name) is fresh
    assert [each.channel for each in report.stale] == [feed.name for feed in FEEDS if not report.live(feed.name)]


@settings(max_examples=100, deadline=None)
@given(facts)
def test_any_silence_heals_with_the_next_fact(given_: list[Fact]) -> None:
    found = told(given_)
    for feed in FEEDS:
        for symbol in feed.symbols or ("AAA",):
            found.heard(feed.name, symbol, NOW + 1, NOW + 1)
    report = found.report(NOW + 1, Phase.REGULAR, LATE)
    assert (report.stale, report.quiet, report.says) == ((), (), "")


@settings(max_examples=100, deadline=None)
@given(facts, st.integers(0, MINUTE), st.integers(0, MINUTE))
def test_silence_alone_never_heals(given_: list[Fact], first: int, more: int) -> None:
    found = told(given_)
    before, after = (found.report(NOW + wait, Phase.REGULAR, LATE) for wait in (first, first + more))
    assert {each.channel for each in before.stale} <= {each.channel for each in after.stale}
