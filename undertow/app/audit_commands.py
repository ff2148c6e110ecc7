"""``undertow audit``: features, models and the tape's stamps against the laws."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from undertow.core.errors import BadInput

FEATURES = typer.Option(None, "--features", help="FILE.py:CLASS of your own FeatureEngineering.")
MODELS = typer.Option(None, "--models", help="FILE.py:CLASS of your own ModelIntegrationFramework.")
JSON = typer.Option(False, "--json", help="Print the findings as JSON.")
HOME = typer.Option(None, "--home", help="Where the tape lives.  [default: $UNDERTOW_HOME or the user's data folder]")


def audit(features: str | None = FEATURES, models: str | None = MODELS, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Check every feature and model, and every event on the tape, against the laws; exit 1 when one is broken."""
    from undertow.app.home import home as default_home
    from undertow.core.calendar import nyse
    from undertow.features.engineering import FeatureEngineering
    from undertow.models.framework import ModelIntegrationFramework
    from undertow.validation.audit import Checked, audit
    from undertow.validation.model_laws import audit_models

    subject = _own(features, FeatureEngineering, "--features") if features else FeatureEngineering
    framework = _own(models, ModelIntegrationFramework, "--models") if models else ModelIntegrationFramework
    calendar = nyse()
    found = audit(subject, _events(home or default_home()), calendar)
    broken = audit_models(framework, calendar)
    names = framework(("AAA",), ("feature",), calendar=calendar).names
    found = replace(found, findings=(*found.findings, *broken), checked=(*found.checked, Checked("models", "planted lessons", len(names))))
    if as_json:
        print(found.to_json())
    else:
        for check in found.checked:
            print(f"checked {check.name} on {check.on}: {check.count:,}")
        for finding in found.findings:
            print(f"BROKEN {finding.law}: {finding.name}: {finding.seen}")
        print("No law is broken." if found.clean else f"{len(found.findings)} findings.")
    raise typer.Exit(0 if found.clean else 1)


def _own(where: str, base: type[Any], flag: str) -> Any:
    """The class at FILE.py:CLASS, which must extend ``base``."""
    path, _, name = where.rpartition(":")
    file = Path(path)
    if not path or not file.is_file():
        raise BadInput(f"{flag} {where!r}: write FILE.py:CLASS; there is no file {path or where!r}")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise BadInput(f"{flag}: {file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadInput(f"{flag}: {file} could not be loaded: {type(error).__name__}: {error}") from error
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise BadInput(f"{flag}: {file} has no class {name!r} that extends {base.__name__}")
    return found


def _events(home: Path) -> list[Any]:
    """Everything on the tape, one chunk a kind, over one universe."""
    from undertow.tape.store import Tape

    tape = Tape(home)
    kinds = tape.kinds()
    symbols = sorted({s for kind in kinds for s in tape.frame(kind).select("symbol").unique().collect()["symbol"]})
    return [tape.read(kind, symbols, -(2**63), 2**63 - 1) for kind in kinds]
