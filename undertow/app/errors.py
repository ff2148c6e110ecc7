"""How a command says what went wrong: one sentence on stderr and the error's exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from undertow.core.errors import UndertowError


@contextmanager
def one_sentence() -> Iterator[None]:
    """Print an error that we raised on purpose as its one sentence, and leave with its exit code."""
    try:
        yield
    except UndertowError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from error
