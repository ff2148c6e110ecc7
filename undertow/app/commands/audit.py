"""``undertow audit``: features, models and the tape's stamps against the laws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

FEATURES = typer.Option(None, "--features", help="FILE.py:CLASS of your own FeatureEngineering.")
MODELS = typer.Option(None, "--models", help="FILE.py:CLASS of your own ModelIntegrationFramework.")
JSON = typer.Option(False, "--json", help="Print the findings as JSON.")
HOME = typer.Option(None, "--home", help="Where the tape lives.  [default: $UNDERTOW_HOME or the user's data folder]")


def audit(features: str | None = FEATURES, models: str | None = MODELS, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Check every feature and model, and every event on the tape, against the laws; exit 1 when one is broken."""
    from undertow.app.checked import note_check
    from undertow.app.home import home as default_home
    from undertow.app.own_code import own_class
    from undertow.core.calendar import nyse
    from undertow.features.engineering import FeatureEngineering
    from undertow.models.framework import ModelIntegrationFramework
    from undertow.validation.audit import Checked, audit
    from undertow.validation.model_laws import audit_models

    subject = own_class(features, FeatureEngineering, "--features") if features else FeatureEngineering
    framework = own_class(models, ModelIntegrationFramework, "--models") if models else ModelIntegrationFramework
    calendar = nyse()
    found = audit(subject, _events(home or default_home()), calendar)
    broken = audit_models(framework, calendar)
    names = framework(("AAA",), ("feature",), calendar=calendar).names
    found = replace(found, findings=(*found.findings, *broken), checked=(*found.checked, Checked("models", "planted lessons", len(names))))
    ended = "no law is broken" if found.clean else f"{len(found.findings)} findings"
    if features is None and models is None:
        note_check(home or default_home(), "Audit", found.clean, ended)
    if as_json:
        print(found.to_json())
    else:
        for check in found.checked:
            print(f"checked {check.name} on {check.on}: {check.count:,}")
        for finding in found.findings:
            print(f"BROKEN {finding.law}: {finding.name}: {finding.seen}")
        print(f"{ended[:1].upper()}{ended[1:]}.")
    raise typer.Exit(0 if found.clean else 1)


def _events(home: Path) -> list[Any]:
    """Everything on the tape, one chunk a kind, over one universe."""
    from undertow.tape.store import Tape

    tape = Tape(home)
    kinds = tape.kinds()
    symbols = sorted({s for kind in kinds for s in tape.frame(kind).select("symbol").unique().collect()["symbol"]})
    return [tape.read(kind, symbols, -(2**63), 2**63 - 1) for kind in kinds]
