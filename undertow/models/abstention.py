"""When to say nothing: an edge that does not pay its costs is NEUTRAL, and so is what cannot be certified where that is asked for.

A certificate says from which probability on calls were right more often than a coin's, at a known risk of saying so wrongly.
"""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I8
from undertow.models.certify import Certificate

#: density of a standard normal at its centre: how much probability an edge of one standard deviation is worth
DENSITY = 0.4


def threshold(cost: F64 | float, volatility: F64 | float) -> F64:
    """Least probability of the called direction that pays: a half and 0.4 times round-trip cost over volatility; any shape."""
    return np.asarray(0.5 + DENSITY * np.asarray(cost) / volatility, np.float64)


def directions(p_up: F64, cost: F64 | float, volatility: F64, at_least: F64 | float = 0.5) -> I8:
    """+1 BUY, -1 SELL, 0 NEUTRAL, also where the probability or the volatility is not known; any shape.

    ``at_least`` is a probability that calls need besides: a certificate's threshold, which is infinite where nothing is certified.
    """
    pays, down = threshold(cost, volatility), 1.0 - p_up
    up = (p_up > pays) & (p_up >= at_least)
    return np.where(up, 1, np.where((down > pays) & (down >= at_least), -1, 0)).astype(np.int8)


UNCERTIFIED = "pays, but is not certified"
#: why a decision is no call, in the order in which they are asked
REASONS = ("no model has been trained yet", "volatility is not known yet", "does not pay its costs", UNCERTIFIED)


def reasons(p_up: F64, cost: F64, volatility: F64, at_least: F64 | float = 0.5) -> I8:
    """Index into ``REASONS`` of why each decision is NEUTRAL, -1 where it is a call; any shape, arguments as of ``directions``."""
    with np.errstate(invalid="ignore"):
        pays = np.maximum(p_up, 1.0 - p_up) > threshold(cost, volatility)
    none = np.where(pays, 3, 2)
    none = np.where(np.isnan(p_up), 0, np.where(np.isnan(volatility), 1, none))
    return np.where(directions(p_up, cost, volatility, at_least) != 0, -1, none).astype(np.int8)


def why_neutral(p_up: float, cost: float, volatility: float, certificate: Certificate | None, certified: bool = True) -> str:
    """One plain sentence on why a probability is no call, with what a certificate still lacks; "" where it is a call.

    ``certified`` says whether a call needs a certificate at all.
    """
    if np.isnan(p_up):
        return "no model has been trained yet"
    if np.isnan(volatility):
        return "volatility is not known yet"
    least, sure = float(threshold(cost, volatility)), max(p_up, 1.0 - p_up)
    if sure <= least:
        return f"probability {sure:.4f} does not pay costs of {cost * 1e4:.1f} bp: {least:.4f} would{_lacking(certificate)}"
    if not certified:
        return ""
    if certificate is None:
        return f"probability {sure:.4f} would pay its costs, but no call has been judged out of sample yet, so that none is certified"
    if sure < certificate.threshold:
        needs = f"; {certificate.threshold:.4f} is" if np.isfinite(certificate.threshold) else _lacking(certificate)
        return f"probability {sure:.4f} would pay its costs, but is not certified{needs}"
    return ""


def _lacking(certificate: Certificate | None) -> str:
    if certificate is None or np.isfinite(certificate.threshold):
        return ""
    if np.isfinite(certificate.lacking):
        return f"; no call can be certified until about {certificate.lacking:,.0f} more outcomes are known, if they come as before"
    return f"; no call can be certified: those so far were not right more than {certificate.target:.1%} of the time"
