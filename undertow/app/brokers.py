"""Which broker a home trades with, and the one place where its ``Gateway`` is made, for the loop and for commands that act without it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from undertow.core.errors import BadInput, NotSupported
from undertow.tape.shelf.whole import read_about, write_about

if TYPE_CHECKING:
    from undertow.execution.alpaca.gateway import AlpacaGateway
    from undertow.execution.alpaca.keys import Keys
    from undertow.execution.gateway.gateway import Gateway

KEY_ID, SECRET = "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"
PAPER_URL, LIVE_URL = "APCA_API_BASE_URL", "APCA_API_LIVE_URL"
PAPER, LIVE = "https://paper-api.alpaca.markets", "https://api.alpaca.markets"
ABOUT = "account.json"  #: in an account's folder
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alpaca:
    """Keys and address of an Alpaca account."""

    keys: Keys
    address: str
    real: bool  #: whether orders there move real money

    @property
    def simulated(self) -> bool:
        """Whether it is taken for a sandbox: a paper account on this machine. A live one may be a proxy's, and counts as real."""
        return not self.real and self.address.partition("://")[2].startswith(LOOPBACK)

    def gateway(self) -> AlpacaGateway:
        """A new connection; close it."""
        import numpy as np

        from undertow.app.clock import WallClock
        from undertow.execution.alpaca.gateway import AlpacaGateway, Place

        stream = "ws" + self.address.removeprefix("http") + "/stream"
        place = Place(rest=self.address, stream=stream, real=self.real, simulated=self.simulated)
        return AlpacaGateway(place, self.keys, clock=WallClock(), chance=np.random.default_rng())


def alpaca(*, real: bool, environment: Mapping[str, str] | None = None) -> Alpaca | None:
    """Alpaca as the environment names it; None without keys. Raises ``BadInput`` for half a pair or keys of the other kind."""
    from undertow.execution.alpaca.keys import Keys

    there = os.environ if environment is None else environment
    pair = [there.get(name, "").strip() for name in (KEY_ID, SECRET)]
    if any(pair) and not all(pair):
        raise BadInput(f"{KEY_ID} and {SECRET} belong together, and one of them is not set.")
    if not all(pair):
        return None
    name, usual = (LIVE_URL, LIVE) if real else (PAPER_URL, PAPER)
    address = (there.get(name, "").strip() or usual).rstrip("/").removesuffix("/v2")
    if not real and address == LIVE:
        raise BadInput(f"{name} is the address where real money is traded: paper trading needs {PAPER}, and --live says that you mean it.")
    if not address.startswith("https://") and not address.partition("://")[2].startswith(LOOPBACK):
        raise BadInput(f"{name} would send your keys in the clear: use https; http is for this machine alone.")
    return Alpaca(keys=Keys(*pair, real=real), address=address, real=real)


def belongs(root: Path, *, real: bool) -> None:
    """Note in an account's folder which broker it is of."""
    write_about(root / ABOUT, {"broker": "alpaca", "real": real})


def gateway_of(root: Path) -> Gateway:
    """The broker of an account's folder; raises ``NotSupported`` where none can be asked from here, ``BadInput`` without its keys."""
    if not (root / ABOUT).exists():
        raise NotSupported(f"no broker can be asked from outside the loop of {root}: the simulated one ends with it")
    found = alpaca(real=bool(read_about(root / ABOUT)["real"]))
    if found is None:
        raise BadInput(f"{KEY_ID} and {SECRET} are not set: without them the broker cannot be asked")
    return found.gateway()
