#!/usr/bin/env python3
"""Run Undertow: `python run_ml_trading_models.py --help` lists the flags. The work is done in undertow.app."""

import sys


def _stop(reason: str) -> int:
    print(f"{reason}: run ./run_ml_trading.sh once, which sets everything up, or use its .venv/bin/python.", file=sys.stderr)
    return 2


def run() -> int:
    """Hand the command line over and give back the exit status; 2 if this Python cannot run Undertow."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the file is there to be run by whichever Python the user has
        return _stop(f"Undertow needs Python 3.11 or newer and this is {sys.version.split()[0]}")
    try:
        from undertow.app.main_job import main

        return main(sys.argv[1:]) or 0
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.split(".")[0] == "undertow":
            raise
        return _stop(f"Undertow's libraries are not installed for this Python ({missing.name} is missing)")


if __name__ == "__main__":
    sys.exit(run())
