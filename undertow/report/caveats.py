"""What a careful reader must know before the numbers, a sentence each."""

from __future__ import annotations

import math

from undertow.engine.result import RunResult
from undertow.report.ages import OLD, newest_age
from undertow.report.capacity import turns
from undertow.report.silence import main_reason
from undertow.report.words import count, percent
from undertow.validation.significance import Significance


def caveats(result: RunResult, proof: Significance) -> list[str]:
    """Simulated data, too short a record, nothing traded, costs that turn the sign, old models."""
    traded = len(result.mark_at) > 0
    found = [
        "The data are simulated, all or in part: nothing here is evidence about a market." if result.simulated else "",
        _short(proof) if traded and len(result.fills) else "",
        _idle(result) if traded and not len(result.fills) else "",
        "At twice the assumed costs the gain is gone." if turns(result.at_costs) else "",
        _old(result),
    ]
    return [one for one in found if one]


def _short(proof: Significance) -> str:
    if proof.why:
        return f"Nothing can be judged: {proof.why}."
    have, need = proof.moments.periods, proof.least_sessions
    if math.isinf(need) or need <= have:
        return ""
    return f"Too short to prove anything: such a Sharpe ratio takes {count(math.ceil(need), 'session')}, and there are {have:,}."


def _idle(result: RunResult) -> str:
    main = main_reason(result)
    if main is None:
        return "Nothing was traded."
    return f"Nothing was traded. The main reason: {main.why} ({percent(main.share, 0)} of all decisions)."


def _old(result: RunResult) -> str:
    sessions = newest_age(result)
    if sessions is None:
        return "No model was trained in this run." if result.direction.size else ""
    if sessions <= OLD:
        return ""
    return f"The models are old: the last training was {count(sessions, 'session')} before the end, more than {OLD}."
