"""``undertow halt``, ``cancel``, ``flatten``, ``rearm`` and ``status``: stop trading, begin again, and see how it stands."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from undertow.app.errors import one_sentence

if TYPE_CHECKING:
    from undertow.execution.control.keeper import Seen
    from undertow.execution.control.words import Request, Wish

Home = Annotated[Path | None, typer.Option("--home", help="Where data live; default UNDERTOW_HOME or your user data folder.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the record.")]
Who = Annotated[str, typer.Option("--who", help="Your name, for the record.  [default: your login name]")]
Now = Annotated[bool, typer.Option("--now", help="Ask the broker from here at once, without waiting for the loop.")]
Phrase = Annotated[str | None, typer.Option("--phrase", help="The phrase, for scripts.  [default: it is asked for]")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]

WAIT = 10.0  #: seconds in which a loop that lives should have done what was asked
_STEP = 0.1


def halt_command(why: Why = "", who: Who = "", home: Home = None) -> None:
    """Stop trading: from the moment this returns nothing is sent, whether the loop lives or hangs. Working orders stay."""
    from undertow.execution.control.words import Wish

    with one_sentence():
        request = _ask(home_of(home), Wish.HALT, who, why)
    print(f"Trading is halted (request {request.serial}). Working orders and positions are as they were.")


def cancel_command(why: Why = "", who: Who = "", now: Now = False, home: Home = None) -> None:
    """Stop trading and cancel every working order, by the loop or, where it hangs, from here."""
    from undertow.execution.control.words import Wish

    with one_sentence():
        _stop(home_of(home), Wish.CANCEL, who, why, now)


def flatten_command(why: Why = "", who: Who = "", now: Now = False, home: Home = None) -> None:
    """Stop trading, cancel every working order and close every position at the market, by the loop or, where it hangs, from here."""
    from undertow.execution.control.words import Wish

    with one_sentence():
        _stop(home_of(home), Wish.FLATTEN, who, why, now)


def rearm_command(phrase: Phrase = None, who: Who = "", home: Home = None) -> None:
    """Trade again after trading was halted or reduced: shows why it was, and asks for the phrase that says you have read it."""
    from undertow.app.clock import now
    from undertow.core.errors import BadInput
    from undertow.execution.control.keeper import look
    from undertow.execution.control.wishes import Wishes
    from undertow.execution.risk.state import Mode, phrase_for

    with one_sentence():
        folder = folder_of(home)
        seen = look(folder)
        if seen.state.mode is Mode.ACTIVE:
            raise BadInput("trading is active: there is nothing to re-arm")
        print(f"Trading is {seen.state.mode.value}: {seen.state.why}")
        if phrase is None:
            phrase = typer.prompt(f"To trade again, write: {phrase_for(seen.state)}\n", prompt_suffix="> ")
        Wishes(folder).rearm(seen.state, seen.serial, who or login(), now(), phrase.strip())
    print("Trading is re-armed; the loop takes it in at its next tick, or when it starts.")


def status_command(as_json: AsJson = False, home: Home = None) -> None:
    """Show how far trading is allowed and why, what is held and works, when the loop last spoke and how old its data are."""
    with one_sentence():
        root = home_of(home)
        shown = _status(root)
    if as_json:
        print(json.dumps(shown, indent=2))
    else:
        _print(shown)


def home_of(home: Path | None) -> Path:
    """A home that was given, else the usual one."""
    from undertow.app.home import home as default_home

    return home if home is not None else default_home()


def folder_of(home: Path | None) -> Path:
    """The control folder of a home."""
    from undertow.execution.control.keeper import NAME

    return home_of(home) / NAME


def login() -> str:
    """The name of who runs the command, for the record."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"


def _ask(home: Path, wish: Wish, who: str, why: str) -> Request:
    from undertow.app.clock import now
    from undertow.execution.control.wishes import Wishes

    return Wishes(folder_of(home)).stop(wish, who or login(), now(), why)


def _stop(home: Path, wish: Wish, who: str, why: str, at_once: bool) -> None:
    from undertow.app import brokers
    from undertow.app.clock import now
    from undertow.app.kill import act
    from undertow.execution.control.keeper import look

    request = _ask(home, wish, who, why)
    print(f"Trading is halted (request {request.serial}).")
    beat = look(folder_of(home)).beat
    if beat is None and not at_once:
        print("No loop ever traded from this home, so there is no order and no position of ours. --now asks the broker all the same.")
        return
    if not at_once and beat is not None and beat.fresh(now()) and _done_by_the_loop(folder_of(home), request.serial):
        print("The loop has done it.")
        return
    print("Asking the broker from here.")
    root = Path(beat.root) if beat is not None and beat.root else home
    left = act(request, brokers.gateway_of(root), root, lambda line: print(line, file=sys.stderr))
    for line in left.said:
        print(line)
    working = ", ".join(left.working) or "none"
    held = ", ".join(f"{shares:g} {symbol}" for symbol, shares in left.held) or ("nothing" if wish.value == "flatten" else "not asked")
    print(f"Working orders: {working}. Held: {held}.")
    if left.working or left.held:
        print("Not everything is done: run it again, or do it at the broker's own page.", file=sys.stderr)
        raise typer.Exit(1)


def _done_by_the_loop(folder: Path, serial: int) -> bool:
    """Whether the loop says within ``WAIT`` that it has; ends as soon as its heartbeat does."""
    import time

    from undertow.app.clock import now
    from undertow.execution.control.keeper import look

    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        beat = look(folder).beat
        if beat is None or not beat.fresh(now()):
            return False
        if beat.done >= serial:
            return True
        time.sleep(_STEP)
    return False


def _status(home: Path) -> dict[str, Any]:
    from undertow.app.clock import now
    from undertow.core.errors import UndertowError
    from undertow.execution.arming import armed
    from undertow.execution.control.keeper import look

    at = now()
    seen = look(folder_of(home))
    try:
        arming = armed(folder_of(home))
        armed_for = None if arming is None else {"account": arming.account, "who": arming.who, "at": arming.at}
    except UndertowError as error:
        armed_for = {"account": str(error), "who": "", "at": 0}
    return {
        "mode": seen.state.mode.value,
        "code": seen.state.code,
        "why": seen.state.why,
        "since": seen.state.since,
        "wish": seen.wish.value,
        "request": seen.serial,
        "armed": armed_for,
        "loop": _loop(seen, at),
    }


def _loop(seen: Seen, at: int) -> dict[str, Any] | None:
    beat = seen.beat
    if beat is None or not beat.at:
        return None
    age = (at - beat.at) / 1e9
    ages = {name: None if told is None else (at - told) / 1e9 for name, told in beat.channels}
    return beat.to_dict() | {"lives": beat.fresh(at), "age_seconds": age, "channel_ages_seconds": ages}


def _print(shown: dict[str, Any]) -> None:
    from undertow.core.time import iso

    since = f" since {iso(shown['since'])}" if shown["since"] > 0 else ""
    print(f"Trading is {shown['mode'].upper()}{since}{': ' + shown['why'] if shown['why'] else '.'}")
    if shown["request"]:
        print(f"Last request: {shown['wish']} (number {shown['request']}).")
    if shown["armed"]:
        when = f" by {shown['armed']['who']} at {iso(shown['armed']['at'])}, for that exchange day" if shown["armed"]["at"] else ""
        print(f"Armed for live trading: {shown['armed']['account']}{when}.")
    loop = shown["loop"]
    if loop is None:
        print("No loop has said anything in this home.")
        return
    print(f"The loop {'lives' if loop['lives'] else 'is SILENT'}: last heartbeat {loop['age_seconds']:.1f} s ago, process {loop['pid']}.")
    print(f"Run {loop['run'] or '-'}, broker {loop['broker'] or '-'}, equity {loop['equity']:,.2f} USD. {loop['says']}".rstrip())
    for title, rows in (("Positions", loop["positions"]), ("Working orders", loop["working"])):
        print(f"{title}: {', '.join(f'{first} {second}' for first, second in rows) or 'none'}.")
    ages = [f"{name} {'never' if age is None else f'{age:.1f} s'}" for name, age in loop["channel_ages_seconds"].items()]
    print(f"Data ages: {', '.join(ages) or 'none'}.")
