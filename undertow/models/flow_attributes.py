"""What is known of an option-flow alert at the moment it comes: its own numbers, and how it stands to those before it."""

from __future__ import annotations

from math import log1p

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.time import HOUR, MINUTE

ATTRIBUTES = (
    "premium",  #: log USD
    "premium_unusual",  #: log premium less the usual one of the symbol's alerts before
    "ask_share",  #: of the premium that was at the ask or the bid
    "is_put",
    "is_sweep",
    "days_left",  #: log days to expiry, one added
    "size_over_interest",  #: log contracts over those open before, one added to both
    "ascending",  #: the rule names rising fills
    "descending",
    "since_alike",  #: log minutes since the contract's alert before, one added; NaN for the day's first
    "alerts_today",  #: log of the symbol's alerts before it that day, one added
    "with_the_day",  #: net premium the alert's way among the symbol's alerts before it that day, -1 to 1
    "hours_into_day",  #: since New York midnight
)
FORGETS = 0.02  #: of the usual premium, with every alert
UNIT = 1e-4  #: USD


class FlowAttributes:
    """A fold over FlowAlert rows of some symbols, in the order in which they became known."""

    def __init__(self, calendar: Calendar, symbols: int) -> None:
        self._calendar = calendar
        self._session = np.full(symbols, -1, np.int64)
        self._usual = np.full(symbols, np.nan)
        self._today = np.zeros((symbols, 3))  # alerts, premium, net premium upwards
        self._alike: dict[tuple[int, int, int, int], int] = {}

    def push(self, alerts: Chunk) -> tuple[F64, F64]:
        """Attributes (n, 13) by ``ATTRIBUTES``, NaN for not known, and the alert's way (n,): +1 for calls bought or puts sold, else -1."""
        premium, ask, bid = (alerts.numbers(name) * UNIT for name in ("premium", "ask_premium", "bid_premium"))
        is_put = alerts.numbers("is_put")
        way = np.where(is_put > 0.0, -1.0, 1.0) * np.where(ask < bid, -1.0, 1.0)
        session = self._calendar.position(alerts.known_at)
        value = np.log(np.where(premium > 0.0, premium, np.nan))
        size, held = (np.where(x >= 0.0, x, np.nan) for x in (alerts.numbers("size"), alerts.numbers("open_interest")))
        left = alerts.numbers("expiry") - self._calendar.day[session].astype("datetime64[D]").astype(np.int64)
        told = np.where(ask + bid > 0.0, ask + bid, np.nan)
        before = self._walk(alerts, session, value, np.nan_to_num(premium), way)
        columns = [
            value,
            value - before[:, 0],
            ask / told,
            is_put,
            alerts.numbers("is_sweep"),
            np.log1p(np.maximum(left, 0.0)),
            np.log1p(size) - np.log1p(held),
            _names(alerts.columns["rule"], "ascending"),
            _names(alerts.columns["rule"], "descending"),
            *before[:, 1:].T,
            (alerts.known_at - self._calendar.midnight[session]) / HOUR,
        ]
        return np.column_stack(columns).astype(np.float64), way

    def _walk(self, alerts: Chunk, session: I64, value: F64, premium: F64, way: F64) -> F64:
        """(n, 4) of each alert before it is counted itself: usual log premium, since_alike, alerts_today, with_the_day."""
        out = np.full((len(alerts), 4), np.nan)
        expiry, strike, is_put = (alerts.columns[name] for name in ("expiry", "strike", "is_put"))
        for i in range(len(alerts)):
            key, known = int(alerts.key[i]), int(alerts.known_at[i])
            if session[i] != self._session[key]:
                self._session[key], self._today[key] = session[i], 0.0
                self._alike = {contract: at for contract, at in self._alike.items() if contract[0] != key}
            contract = key, int(expiry[i]), int(strike[i]), int(is_put[i])
            count, total, net = self._today[key]
            out[i, 0], out[i, 2] = self._usual[key], log1p(count)
            if contract in self._alike:
                out[i, 1] = log1p((known - self._alike[contract]) / MINUTE)
            if total > 0.0:
                out[i, 3] = way[i] * net / total
            self._alike[contract] = known
            self._today[key] += 1.0, premium[i], way[i] * premium[i]
            if np.isfinite(value[i]):
                usual = self._usual[key]
                self._usual[key] = value[i] if np.isnan(usual) else usual + FORGETS * (value[i] - usual)
        return out


def _names(rules: Array, word: str) -> F64:
    return np.array([float(word in str(rule).lower()) for rule in rules])
