"""How the vendor writes things: decimal texts, times with their offsets, option symbols, identities that stay."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache, lru_cache
from math import isfinite
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np

from undertow.core.events import PRICE_SCALE
from undertow.core.time import SECOND, Instant, iso

_MS = 10**6
_LOW = (1 << 64) - 1


def money(units: int) -> str:
    """1/10,000 USD as a decimal text of two places, or four where it needs them."""
    sign, units = "-" if units < 0 else "", abs(int(units))
    text = f"{sign}{units // PRICE_SCALE}.{units % PRICE_SCALE:04d}"
    return text[:-2] if text.endswith("00") else text


def plain(units: int) -> str:
    """1/10,000 USD with no more places than it needs: "375", "67.5"."""
    return money(units).rstrip("0").rstrip(".")


def number(value: float, places: int = 12) -> str:
    """A real number as a decimal text, never in powers of ten; "0" where there is none."""
    return f"{value:.{places}f}".rstrip("0").rstrip(".") if isfinite(value) and value != 0 else "0"


def stamp(at: Instant) -> str:
    """UTC with a Z, to the ns where it is not whole."""
    return iso(int(at))


def ms(at: Instant) -> int:
    """ms since 1970."""
    return int(at) // _MS


def local(at: Instant) -> str:
    """With New York's offset, to the second: 2026-01-02T09:30:00-05:00."""
    return datetime.fromtimestamp(int(at) // SECOND, _zone()).isoformat()


@lru_cache(maxsize=4096)
def day_text(days: int) -> str:
    """Days since 1970 as YYYY-MM-DD."""
    return str(np.datetime64(int(days), "D"))


@lru_cache(maxsize=4096)
def option_symbol(root: str, expiry: int, is_put: int, strike: int) -> str:
    """The OCC symbol, without ``O:``; strike in 1/10,000 USD, which the symbol keeps to a tenth of a cent."""
    year, month, day = day_text(expiry)[2:].split("-")
    return f"{root}{year}{month}{day}{'P' if is_put else 'C'}{round(int(strike) / 10):08d}"


def identity(what: str, seq: int) -> str:
    """A UUID that belongs to a row; ``seq_of`` tells the row's number again."""
    return str(UUID(int=(_tag(what) << 64) | int(seq)))


def seq_of(text: str) -> int:
    """The number of the row that a UUID of ``identity`` belongs to. Raises ValueError where it is no UUID."""
    return UUID(text).int & _LOW


@lru_cache(maxsize=4096)
def _tag(what: str) -> int:
    return int.from_bytes(hashlib.blake2b(what.encode(), digest_size=8).digest(), "big")


@cache
def _zone() -> ZoneInfo:
    return ZoneInfo("America/New_York")
