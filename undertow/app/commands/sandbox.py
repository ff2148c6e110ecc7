"""``undertow sandbox``: the simulated market behind the vendors' own protocols, on this machine alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from undertow.sandbox.servers.faults import Fault

sandbox = typer.Typer(help="Serve the simulated market as the vendors would.", no_args_is_help=True)


@sandbox.callback()
def about() -> None:
    """Serve the simulated market as the vendors would."""


@sandbox.command("serve")
def serve_command(
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 takes any that is free.")] = 8700,
    seed: Annotated[int, typer.Option(help="Of the market.")] = 0,
    ic: Annotated[float, typer.Option("--ic", help="Strength of the effect planted in it: 0.05 for a demo, 0 for none.")] = 0.05,
    at: Annotated[str | None, typer.Option("--at", help="The market's present, ISO 8601 with Z.  [default: the real one]")] = None,
    speed: Annotated[float, typer.Option(help="Seconds of the market in one of yours.")] = 1.0,
    fault: Annotated[list[str] | None, typer.Option(help="NAME[:PATH[:TIMES]], for example 429:/v2/aggs:3; may be repeated.")] = None,
    key: Annotated[str, typer.Option(help="The one key that is accepted; for the broker, the one secret.  [default: any]")] = "",
    accounts: Annotated[
        Path | None, typer.Option(help="Folder in which the broker's accounts are kept.  [default: they begin anew with each start]")
    ] = None,
) -> None:
    """Serve Massive, Unusual Whales and a broker that speaks as Alpaca does from the simulated market until Ctrl-C."""
    from undertow.app.errors import one_sentence
    from undertow.app.home import home
    from undertow.app.sandbox_clock import market_clock
    from undertow.sandbox.cache import Cached
    from undertow.sandbox.market import Market
    from undertow.sandbox.servers.alpaca import Brokerage
    from undertow.sandbox.servers.build import build
    from undertow.sandbox.servers.faults import Faults
    from undertow.sandbox.servers.serve import serve
    from undertow.sandbox.servers.world import World

    with one_sentence():
        now = market_clock(at, speed)
        faults = Faults()
        for one in fault or []:
            faults.plan(_fault(one))
        market = Market(seed=seed, information_coefficient=ic)
        world = World(Cached(market, home() / "cache"), now)
        broker = Brokerage(world, secret=key, folder=accounts)
        serve(build(world, faults, key=key, broker=broker), port, _ready)


def _fault(text: str) -> Fault:
    from undertow.core.errors import BadInput
    from undertow.sandbox.servers.faults import Fault

    name, _, rest = text.partition(":")
    match, _, times = rest.partition(":")
    if times and not times.lstrip("-").isdigit():
        raise BadInput(f"--fault {text!r}: {times!r} is no number of times; write NAME[:PATH[:TIMES]], for example 429:/v2/aggs:3")
    return Fault(name=name, match=match, times=int(times) if times else 1)


def _ready(url: str) -> None:
    socket = url.replace("http://", "ws://")
    lines = (
        f"The simulated market answers at {url}. In another terminal:",
        "",
        f"  export POLYGON_BASE_URL={url} POLYGON_WS_URL={socket} FLATFILES_ENDPOINT={url}",
        f"  export UW_BASE_URL={url} UW_WS_URL={socket}/socket",
        "  export POLYGON_API_KEY=any UNUSUAL_WHALES_API_KEY=any MASSIVE_S3_ACCESS_KEY_ID=any MASSIVE_S3_SECRET_ACCESS_KEY=any",
        f"  export APCA_API_BASE_URL={url} APCA_API_KEY_ID=PKANY APCA_API_SECRET_KEY=any",
        "",
        "Ctrl-C ends it.",
    )
    print("\n".join(lines), flush=True)
