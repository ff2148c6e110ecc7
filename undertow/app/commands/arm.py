"""``undertow arm`` and ``undertow disarm``: a person's word, good for one exchange day, that real orders may be sent."""

from __future__ import annotations

from typing import Annotated

import typer

from undertow.app.commands.control import Home, Who, folder_of, login
from undertow.app.errors import one_sentence

Account = Annotated[str, typer.Option("--account", help="The account's id, as the broker shows it.")]


def arm_command(account: Account, who: Who = "", home: Home = None) -> None:
    """Allow real orders from this home until the end of this exchange day; trading also needs --live and the account's id typed again."""
    from undertow.app.clock import now
    from undertow.core.calendar import nyse
    from undertow.core.time import iso
    from undertow.execution.arming import Arming, arm

    with one_sentence():
        end = arm(folder_of(home), Arming(account=account.strip(), who=who or login(), at=now()), nyse())
    print(f"Armed for account {account.strip()} until {iso(end)}, the end of this exchange day.")


def disarm_command(home: Home = None) -> None:
    """Allow no real orders from this home; an order that works already is not touched."""
    from undertow.execution.arming import disarm

    with one_sentence():
        there = disarm(folder_of(home))
    print("Disarmed." if there else "Nothing was armed.")
