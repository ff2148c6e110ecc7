"""``undertow``: one command line over everything."""

from __future__ import annotations

import sys

import typer

from undertow.app.audit_commands import audit
from undertow.app.data_commands import data
from undertow.app.doctor_command import doctor
from undertow.app.download_command import download_command
from undertow.app.explain_command import commands as explain
from undertow.app.feature_commands import features
from undertow.app.honesty_command import honesty_command
from undertow.app.main_job import guarded, job
from undertow.app.model_commands import models
from undertow.app.record_command import record_command
from undertow.app.report_commands import indicators_command, latency_command
from undertow.app.sandbox_commands import sandbox
from undertow.app.tune_command import commands as tune

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(job)
app.command("audit")(audit)
app.add_typer(explain)
app.add_typer(tune)
app.command("honesty")(honesty_command)
app.command("doctor")(doctor)
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
