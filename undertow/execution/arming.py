"""Whether a real order may be sent: armed by a person on this exchange day, the account typed, nothing simulated anywhere in it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from undertow.core.calendar import Calendar
from undertow.core.errors import BadData, BadInput, StoreError
from undertow.core.time import DAY, Instant, iso
from undertow.execution.control import files

NAME = "armed.json"  #: below the control folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Arming:
    """A person's word that real orders may be sent from this home, until the end of that exchange day."""

    account: str  #: the broker's id of it
    who: str
    at: Instant  #: ns UTC


def end_of_day(calendar: Calendar, at: Instant) -> Instant | None:
    """New York's midnight that ends the exchange day of an instant; None on a day without a session."""
    position = int(calendar.position(at))
    if position < 0:
        return None
    end = int(calendar.midnight[position]) + DAY  # hours change on Sundays, which are no sessions
    return end if at < end else None


def may_send_real(
    data_simulated: bool,
    gateway_real: bool,
    armed: Arming | None,
    account: str,
    typed: str | None,
    now: Instant,
    calendar: Calendar,
) -> str | None:
    """Why an order may not be sent, as one sentence; None where it may, which is always so where no real money moves.

    data_simulated : whether anything that the decision rests on is simulated, mocked or of a sandbox
    gateway_real : whether the broker moves real money
    account : the id that the broker itself says
    typed : what a person typed with ``--live``; None without the flag
    """
    if not gateway_real:
        return None
    if data_simulated:
        return "The data are simulated, at least in part: no real order is ever placed on them."
    if typed is None:
        return "Real orders need --live and the account's id; without it only paper and simulated accounts are traded."
    if armed is None:
        return "Real orders need an armed configuration: run `undertow arm --account ID` on the day of trading."
    if not account or typed.strip() != account:
        return "The account id that was typed is not the one that the broker says it is connected to."
    if armed.account != account:
        return "The configuration is armed for another account than the one that the broker says it is connected to."
    end = end_of_day(calendar, armed.at)
    if end is None or not armed.at <= now < end:
        until = "no exchange day" if end is None else iso(end)
        return f"The arming of {iso(armed.at)} was good until {until}: arm again on the day of trading."
    return None


def arm(folder: Path, arming: Arming, calendar: Calendar) -> Instant:
    """Write an arming to the control folder; until when it is good. Raises ``BadInput`` on a day without a session, ``StoreError``."""
    end = end_of_day(calendar, arming.at)
    if end is None:
        raise BadInput("today is no exchange day: arm on the day of trading; nothing was armed")
    if not arming.account.strip() or not arming.who.strip():
        raise BadInput("arming needs the account's id and the name of a person; nothing was armed")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} could not be made ({error.strerror}): nothing was armed") from error
    files.replace(folder / NAME, asdict(arming))
    return end


def disarm(folder: Path) -> bool:
    """Take the arming away, whatever its file holds; False where there was none."""
    path = folder / NAME
    try:
        there = path.exists()
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path} could not be taken away ({error.strerror}): it is still armed") from error
    return there


def armed(folder: Path) -> Arming | None:
    """The arming of a control folder; None where there is none. Raises ``BadData`` for a broken one, which arms nothing."""
    kept = files.read(folder / NAME)
    if kept is None:
        return None
    account, who, at = kept.get("account"), kept.get("who"), kept.get("at")
    if set(kept) != {"account", "who", "at"} or not isinstance(account, str) or not isinstance(who, str) or type(at) is not int:
        raise BadData(f"{folder / NAME} is broken, which arms nothing: run `undertow disarm` and arm again")
    return Arming(account=account, who=who, at=at)
