"""The main job's command line: the same flags for the shell script, the Python script and ``undertow run``."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import typer

from undertow.app.job import DEFAULT_SYMBOLS, Flags
from undertow.core.errors import UndertowError

SYMBOLS = typer.Option(DEFAULT_SYMBOLS, "--symbols", "-s", help="Tickers, separated by commas.")
MODE = typer.Option("backtest", "--mode", "-m", help="backtest, premarket or trading.")
START = typer.Option(None, "--start-date", help="First day, YYYY-MM-DD.  [default: 30 days before the end]")
END = typer.Option(None, "--end-date", help="Last day, YYYY-MM-DD.  [default: today, that is the last session that has closed]")
KEYS = ["POLYGON_API_KEY", "MASSIVE_API_KEY"]
POLYGON = typer.Option(None, "--polygon-key", envvar=KEYS, show_envvar=True, help="Massive (Polygon.io) key.")
WHALES = typer.Option(None, "--unusual-whales-key", envvar="UNUSUAL_WHALES_API_KEY", show_envvar=True, help="Unusual Whales key.")
SOURCE = typer.Option("auto", help="auto, massive, imported or simulated.")
TIMEFRAME = typer.Option("auto", help="Bars to trade on: auto, 5m or 1d.")
CAPITAL = typer.Option(100_000.0, help="USD, split equally between the symbols.")
STRATEGY = typer.Option("meta", help="Strategies, separated by commas, or all; docs/reference/strategies.md says what each does.")
COSTS = typer.Option(1.0, help="Trading costs, as a multiple of the usual ones: 0, 1 or 2.")
RETRAIN = typer.Option(42, "--retrain-every", help="Sessions from one training of the models to the next.")
LOOK_BACK = typer.Option(504, help="Sessions of history that models are trained on.")
SEED = typer.Option(0, help="Of the simulated market.")
PRINTS = typer.Option(False, "--prints", help="Strategies also read single prints, quotes and alerts: some minutes and gigabytes more.")
BENCHMARK = typer.Option(None, help="A symbol to hold instead, such as SPY, beside holding the symbols themselves.")
ALLOW_GAPS = typer.Option(False, "--allow-gaps", help="Run over sessions without bars; more than three in a row are refused otherwise.")
NETWORKS = typer.Option(False, "--networks", help="LSTM, GRU and TCN among the models: minutes more to teach, once.")
UNCERTIFIED = typer.Option(False, "--uncertified", help="Call what pays its costs, also where no hit rate is certified yet.")
SPEED = typer.Option(3600.0, help="Trading over a recorded or simulated session: seconds of the market in one of yours.")

LIVE = typer.Option(False, "--live", help="Trading: orders move real money; needs --account and `undertow arm` on the same day.")
ACCOUNT = typer.Option(None, "--account", help="Trading: the broker's id of the account, typed by you.")
BROKER = typer.Option("auto", help="Trading: auto (Alpaca where its keys are set), simulated or alpaca.")
AT_CLOSE = typer.Option("hold", "--at-close", help="Trading: hold positions over the close, or be flat ten minutes before it.")

STOPPED = 130  #: exit status after Ctrl-C

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def job(
    symbols: str = SYMBOLS,
    mode: str = MODE,
    start_date: str | None = START,
    end_date: str | None = END,
    polygon_key: str | None = POLYGON,
    unusual_whales_key: str | None = WHALES,
    source: str = SOURCE,
    timeframe: str = TIMEFRAME,
    capital: float = CAPITAL,
    strategy: str = STRATEGY,
    costs: float = COSTS,
    retrain_every: int = RETRAIN,
    look_back: int = LOOK_BACK,
    seed: int = SEED,
    speed: float = SPEED,
    networks: bool = NETWORKS,
    uncertified: bool = UNCERTIFIED,
    benchmark: str | None = BENCHMARK,
    allow_gaps: bool = ALLOW_GAPS,
    prints: bool = PRINTS,
    live: bool = LIVE,
    account: str | None = ACCOUNT,
    broker: str = BROKER,
    at_close: str = AT_CLOSE,
) -> None:
    """Turn option flow, off-exchange prints, filings, news and prices into calibrated BUY, SELL and NEUTRAL signals.

    Without any key or imported data it runs on a simulated market, and says so.
    """
    flags = Flags(
        symbols=symbols,
        mode=mode,
        start_date=start_date,
        end_date=end_date,
        polygon_key=polygon_key,
        unusual_whales_key=unusual_whales_key,
        source=source,
        timeframe=timeframe,
        capital=capital,
        strategy=strategy,
        costs=costs,
        retrain_every=retrain_every,
        look_back=look_back,
        seed=seed,
        speed=speed,
        networks=networks,
        certified=not uncertified,
        benchmark=benchmark,
        allow_gaps=allow_gaps,
        prints=prints,
        live=live,
        account=account,
        broker=broker,
        at_close=at_close,
    )
    from undertow.app.show import show

    show(flags)


def main(arguments: Sequence[str]) -> int:
    """Run the main job with command-line arguments; the exit status."""
    return guarded(app, arguments, "run_ml_trading")


def guarded(command: typer.Typer, arguments: Sequence[str], name: str) -> int:
    """Run a typer command; an error made on purpose becomes one sentence on stderr and its exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow tells stderr about its build when it is loaded
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a terminal that has no × or √ shows a question mark instead of ending the run
            stream.reconfigure(errors="replace")
    try:
        command(list(arguments), prog_name=name, standalone_mode=True)
    except UndertowError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return error.exit_code
    except SystemExit as stop:
        status = int(stop.code or 0) if isinstance(stop.code, int) or stop.code is None else 1
        if status == STOPPED:  # typer has caught the interrupt and said nothing
            print("stopped", file=sys.stderr)
        return status
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED
    return 0
