"""A made market as events: daily bars and a morning's publication a symbol, with an effect of known strength or with none.

A return from open to open is ``volatility * (ic * latent + sqrt(1 - ic**2) * shock)``. The latent is a weighted sum of five of the twenty
published numbers, all of them autoregressive with unit variance; shocks have a common part and fat tails. Prices are martingales but for
the effect, so that without one no rule whatever has an edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Array, Chunk, Origin, chunk_of
from undertow.core.events import PRICE_SCALE, DailyBar, Event, Grade
from undertow.core.time import HOUR, MINUTE
from undertow.validation.honesty.clues import COUNT, Clue

#: flow, insiders, news, off-exchange volume and reversal, as in the simulated market
WEIGHTS = np.array([0.6, 0.3, 0.4, 0.25, 0.5]) / np.sqrt(0.36 + 0.09 + 0.16 + 0.0625 + 0.25)
DAY_SHARE = 0.7  #: share of the variance that falls between open and close
FIRST_SESSION = 5_040  #: of the exchange's calendar; a multiple of all stages' lengths
DECIDED = 9 * HOUR
PUBLISHED = 8 * HOUR + 30 * MINUTE
END = 2**62
MADE = Origin(Grade.MODELLED, ("made",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What tells one made market from another."""

    seed: int
    ic: float = 0.0  #: correlation of the latent with the next return in units of its volatility; 0 is a null market
    symbols: int = 50
    sessions: int = 1_512
    common: float = 0.0  #: share of the variance that all symbols have in common; 0 means returns are told in excess of the market's


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What the maker of a market knows; row t is decided on the morning of session t and pays from its open to the next.

    clues      : (sessions, symbols, 20)
    latent     : (sessions, symbols)
    volatility : (sessions, symbols) standard deviation of the return
    day        : (sessions, symbols) return from open to close
    night      : (sessions, symbols) return from close to the next open
    """

    clues: F64
    latent: F64
    volatility: F64
    day: F64
    night: F64

    @property
    def returns(self) -> F64:
        """From open to the next open (sessions, symbols)."""
        return np.asarray((1.0 + self.day) * (1.0 + self.night) - 1.0, np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A made market as a system would hear of it, and the truth beside it."""

    settings: Settings
    symbols: tuple[str, ...]
    chunks: tuple[Chunk, ...]  #: everything known by the last tick
    ticks: I64  #: one a session, 09:00 New York
    drawn: Drawn


def make(settings: Settings, calendar: Calendar) -> Made:
    """The market of a seed."""
    drawn = draw(settings)
    symbols = tuple(f"M{i:02d}" for i in range(settings.symbols))
    rows = np.arange(FIRST_SESSION, FIRST_SESSION + settings.sessions)
    ticks = calendar.midnight[rows] + DECIDED
    every = (bars(drawn, symbols, rows, calendar), publications(drawn.clues, symbols, rows, calendar))
    chunks = tuple(chunk.between(-END, int(ticks[-1])) for chunk in every)
    return Made(settings=settings, symbols=symbols, chunks=chunks, ticks=ticks, drawn=drawn)


def draw(settings: Settings) -> Drawn:
    """Numbers of a market; each part has a generator of its own, so that none moves when another changes."""
    shape = (settings.sessions, settings.symbols)
    parts = [np.random.default_rng(s) for s in np.random.SeedSequence(settings.seed).spawn(4)]
    memory = np.where(np.arange(COUNT) % 2 == 0, 0.9, 0.5)
    clues = _autoregressive(parts[0].standard_normal((*shape, COUNT)), memory)
    latent = np.einsum("tik,k->ti", clues[:, :, : len(WEIGHTS)], WEIGHTS)
    level = 0.018 * np.exp(parts[1].normal(0.0, 0.25, settings.symbols))
    slow = _autoregressive(parts[1].standard_normal((*shape, 1)), np.array([0.97]))[:, :, 0]
    volatility = level * np.exp(0.25 * slow - 0.25**2)
    day, night = (
        _part(settings, latent, share, rng) * volatility for share, rng in zip((DAY_SHARE, 1.0 - DAY_SHARE), parts[2:], strict=True)
    )
    return Drawn(clues=clues, latent=latent, volatility=volatility, day=day, night=night)


def _part(settings: Settings, latent: F64, share: float, rng: np.random.Generator) -> F64:
    """The part of the return that has ``share`` of its variance and of its mean, in volatilities (sessions, symbols)."""
    together = rng.standard_t(8, (len(latent), 1)) / np.sqrt(8 / 6)
    own = rng.standard_t(5, latent.shape) / np.sqrt(5 / 3)
    shock = np.sqrt(settings.common) * together + np.sqrt(1.0 - settings.common) * own
    part = share * settings.ic * latent + np.sqrt(share * (1.0 - settings.ic**2)) * np.clip(shock, -10.0, 10.0)
    return np.asarray(part, np.float64)


def _autoregressive(shock: F64, memory: F64) -> F64:
    """Unit variance along the first axis (sessions, symbols, k), with memory (k,) from one session to the next."""
    out = np.empty_like(shock)
    out[0] = shock[0]
    fresh = np.sqrt(1.0 - memory**2)
    for t in range(1, len(shock)):
        out[t] = memory * out[t - 1] + fresh * shock[t]
    return out


def bars(drawn: Drawn, symbols: tuple[str, ...], rows: Array, calendar: Calendar) -> Chunk:
    """Daily bars, known at the close."""
    start = np.log(100.0) + np.concatenate([np.zeros((1, len(symbols))), np.cumsum(np.log1p(drawn.returns), axis=0)[:-1]])
    opened = np.exp(start)
    closed = opened * (1.0 + drawn.day)
    columns = {
        "open": opened,
        "high": np.maximum(opened, closed),
        "low": np.minimum(opened, closed),
        "close": closed,
    }
    whole = {name: np.round(values * PRICE_SCALE).astype(np.int64) for name, values in columns.items()}
    return table(DailyBar, symbols, calendar.close[rows], calendar.close[rows], {**whole, "volume": np.full(opened.shape, 10**7)})


def publications(clues: F64, symbols: tuple[str, ...], rows: Array, calendar: Calendar) -> Chunk:
    """Clues (sessions, symbols, 20): row t is about the session before t and known on the morning of t."""
    columns = {f"c{j:02d}": clues[:, :, j] for j in range(COUNT)}
    return table(Clue, symbols, calendar.close[rows - 1], calendar.midnight[rows] + PUBLISHED, columns)


def table(kind: type[Event], symbols: tuple[str, ...], event_at: I64, known_at: I64, columns: dict[str, Array]) -> Chunk:
    """A chunk with one row a session and symbol, from instants (sessions,) and columns (sessions, symbols)."""
    width = len(symbols)
    return chunk_of(
        kind,
        symbols,
        key=np.tile(np.arange(width), len(event_at)),
        event_at=np.repeat(event_at, width),
        known_at=np.repeat(known_at, width),
        columns={name: values.ravel() for name, values in columns.items()},
        origin=MADE,
    )
