"""``undertow``: one command line over everything."""

from __future__ import annotations

import sys

import typer

from undertow.app.commands.adopt import adopt_command
from undertow.app.commands.arm import arm_command, disarm_command
from undertow.app.commands.audit import audit
from undertow.app.commands.compare import compare_command
from undertow.app.commands.control import cancel_command, flatten_command, halt_command, rearm_command, status_command
from undertow.app.commands.data import data
from undertow.app.commands.doctor import doctor
from undertow.app.commands.download import download_command
from undertow.app.commands.explain import commands as explain
from undertow.app.commands.features import features
from undertow.app.commands.honesty import honesty_command
from undertow.app.commands.indicators import indicators_command, latency_command
from undertow.app.commands.journal import journal
from undertow.app.commands.models import models
from undertow.app.commands.record import record_command
from undertow.app.commands.replay import replay_command
from undertow.app.commands.sandbox import sandbox
from undertow.app.commands.sweep import commands as sweep
from undertow.app.commands.tune import commands as tune
from undertow.app.main_job import guarded, job

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(job)
app.command("compare")(compare_command)
app.command("replay")(replay_command)
app.add_typer(sweep)
app.command("audit")(audit)
app.add_typer(explain)
app.add_typer(tune)
app.command("honesty")(honesty_command)
app.command("doctor")(doctor)
app.command("status")(status_command)
app.command("halt")(halt_command)
app.command("cancel")(cancel_command)
app.command("flatten")(flatten_command)
app.command("rearm")(rearm_command)
app.command("adopt")(adopt_command)
app.command("arm")(arm_command)
app.command("disarm")(disarm_command)
app.add_typer(journal, name="journal", help="See whether the record of decisions and orders is whole, and read it.")
data.command("download")(download_command)
data.command("record")(record_command)
data.command("latency")(latency_command)
data.command("indicators")(indicators_command)
app.add_typer(data, name="data", help="Fetch and import data, and see what is there.")
app.add_typer(sandbox, name="sandbox", help="Serve the simulated market as the vendors would.")
app.add_typer(features, name="features", help="See what the matrix is made of.")
app.add_typer(models, name="models", help="See which trained models are kept, and choose the ones used.")


def main() -> None:
    """Entry point of the ``undertow`` command."""
    sys.exit(guarded(app, sys.argv[1:], "undertow"))
