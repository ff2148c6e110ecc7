"""``undertow features``: what the matrix is made of."""

from __future__ import annotations

import json

import typer

features = typer.Typer(help="See what the matrix is made of.", no_args_is_help=True)

JSON = typer.Option(False, "--json", help="Print as JSON.")


@features.callback()
def about() -> None:
    """See what the matrix is made of."""


@features.command("list")
def list_features(as_json: bool = JSON) -> None:
    """List every feature: its name, unit, family and meaning."""
    from undertow.features.engineering import FeatureEngineering

    rows = [
        {"name": name, "unit": one.about.unit, "family": one.about.family, "about": one.about.doc.splitlines()[0]}
        for name, one in FeatureEngineering(("ANY",)).features.items()
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(f"{row['name']}  [{row['unit']}]  {row['family']}: {row['about']}")
