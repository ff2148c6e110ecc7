"""``undertow features``: what the matrix is made of, and the matrix itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from undertow.app.errors import one_sentence
from undertow.app.main_job import END, POLYGON, SEED, SOURCE, START, SYMBOLS, TIMEFRAME, WHALES

if TYPE_CHECKING:
    from undertow.app.feature_table import Computed
    from undertow.app.job import Flags

features = typer.Typer(help="See what the matrix is made of, and compute it.", no_args_is_help=True)

JSON = typer.Option(False, "--json", help="Print as JSON.")
FAMILY = typer.Option(None, "--family", help="Only this family.")
NAME = typer.Argument(metavar="NAME", help="A feature's name, as `undertow features list` prints it.")
OWN = typer.Option(None, "--features", help="FILE.py:CLASS of your own FeatureEngineering.")
ONLY = typer.Option(None, "--only", help="Names of features, separated by commas; all of them without it.")
PRINTS = typer.Option(False, "--prints", help="With the features of single prints and quotes: some millions of rows a session.")
Out = Annotated[Path, typer.Option("--out", help="The file to write: .parquet or .csv.")]
Page = Annotated[Path, typer.Option("--out", help="The page to write, .html.")]
Home = Annotated[Path | None, typer.Option("--home", help="Where data live; default UNDERTOW_HOME or your user data folder.")]


@features.callback()
def about() -> None:
    """See what the matrix is made of, and compute it."""


@features.command("list")
def list_features(as_json: bool = JSON, family: str | None = FAMILY, own: str | None = OWN) -> None:
    """List every feature: its name, unit, family and meaning."""
    from undertow.core.errors import BadInput

    with one_sentence():
        rows = [
            {"name": name, "unit": one.about.unit, "family": one.about.family, "about": one.about.doc.splitlines()[0]}
            for name, one in _every(own).items()
        ]
        families = sorted({row["family"] for row in rows})
        if family is not None and family not in families:
            raise BadInput(f"--family {family!r} is not one of {', '.join(families)}")
    rows = [row for row in rows if family in (None, row["family"])]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(f"{row['name']}  [{row['unit']}]  {row['family']}: {row['about']}")


@features.command("show")
def show_feature(name: Annotated[str, NAME], as_json: bool = JSON, own: str | None = OWN) -> None:
    """Show one feature: what it means, how it is computed, how much history it rests on and since when that is known."""
    from undertow.features.language.words import formula, known_when, remembered

    with one_sentence():
        one = _named(name, own)
    memories = one.memories()
    told: dict[str, Any] = {
        "name": name,
        "family": one.about.family,
        "unit": one.about.unit,
        "about": " ".join(one.about.doc.split()),
        "formula": formula(one.expr),
        "memory": remembered(memories),
        "known": {kind.kind: known_when(kind) for kind in sorted(memories, key=lambda kind: kind.kind)},
        "fades": one.fades(),
        "looks at": sorted(one.expr.symbols()),
    }
    if as_json:
        print(json.dumps(told, indent=2))
        return
    print(f"{name}  [{told['unit']}]  {told['family']}\n{told['about']}\n\nformula: {told['formula']}\n\nrests on:")
    for kind, much in told["memory"].items():
        print(f"  {kind}: {much}; known {told['known'][kind]}")
    if told["fades"]:
        print("It rests on a decay: what lies further back weighs less than 2**-40.")
    if told["looks at"]:
        print(f"Looks at {', '.join(told['looks at'])}, whatever symbols are asked about.")


@features.command("compute")
def compute_features(
    out: Out,
    symbols: str = SYMBOLS,
    start_date: str | None = START,
    end_date: str | None = END,
    only: str | None = ONLY,
    prints: bool = PRINTS,
    timeframe: str = TIMEFRAME,
    source: str = SOURCE,
    polygon_key: str | None = POLYGON,
    unusual_whales_key: str | None = WHALES,
    seed: int = SEED,
    home: Home = None,
) -> None:
    """Write the matrix as a plain table: at (UTC), symbol and one column a feature; NaN is not known."""
    from undertow.app.job import Flags
    from undertow.core.errors import BadInput

    with one_sentence():
        if out.suffix not in (".parquet", ".csv"):
            raise BadInput(f"--out {out} must end in .parquet or .csv")
        _room_for(out)
        flags = Flags(
            symbols=symbols,
            start_date=start_date,
            end_date=end_date,
            timeframe=timeframe,
            source=source,
            polygon_key=polygon_key,
            unusual_whales_key=unusual_whales_key,
            seed=seed,
        )
        names = None if only is None else [name.strip() for name in only.split(",") if name.strip()]
        made = _computed(flags, home, names, prints)
        if out.suffix == ".csv":
            made.table.write_csv(out)
        else:
            made.table.write_parquet(out)
    _said(made, out)


@features.command("plot")
def plot_feature(
    name: Annotated[str, NAME],
    out: Page,
    symbols: str = SYMBOLS,
    start_date: str | None = START,
    end_date: str | None = END,
    source: str = SOURCE,
    seed: int = SEED,
    home: Home = None,
) -> None:
    """Draw one feature over time as a page that opens without a network."""
    from undertow.app.feature_table import SINGLE, picture
    from undertow.app.job import Flags
    from undertow.core.errors import BadInput

    with one_sentence():
        if out.suffix != ".html":
            raise BadInput(f"--out {out} must end in .html")
        _room_for(out)
        prints = bool(set(_named(name).memories()) & set(SINGLE))
        flags = Flags(symbols=symbols, start_date=start_date, end_date=end_date, source=source, seed=seed)
        made = _computed(flags, home, [name], prints)
        picture(made.table, name, out)
    _said(made, out)


def _every(own: str | None = None) -> dict[str, Any]:
    from undertow.app.own_code import own_class
    from undertow.features.engineering import FeatureEngineering

    every = own_class(own, FeatureEngineering, "--features") if own else FeatureEngineering
    return dict(every(("ANY",)).features)


def _named(name: str, own: str | None = None) -> Any:
    from difflib import get_close_matches

    from undertow.core.errors import BadInput

    every = _every(own)
    if name not in every:
        near = get_close_matches(name, every, 3, 0.5)
        raise BadInput(f"no feature named {name!r}" + (f"; near it: {', '.join(near)}" if near else "; see `undertow features list`"))
    return every[name]


def _room_for(out: Path) -> None:
    from undertow.core.errors import BadInput

    if not out.parent.is_dir():
        raise BadInput(f"--out {out}: there is no folder {out.parent}")
    if out.is_dir():
        raise BadInput(f"--out {out} is a folder; name a file")


def _computed(flags: Flags, home: Path | None, only: list[str] | None, prints: bool) -> Computed:
    from rich.console import Console

    from undertow.app import clock
    from undertow.app.feature_table import compute
    from undertow.app.home import home as default_home
    from undertow.app.job import check
    from undertow.app.show import progress
    from undertow.core.calendar import nyse

    calendar = nyse()
    job = check(flags, calendar, clock.now())
    root = home if home is not None else default_home()
    with progress(Console(stderr=True)) as tell:
        return compute(job, root, calendar, tell, only=only, prints=prints)


def _said(made: Computed, out: Path) -> None:
    for note in made.notes:
        print(f"note: {note}", file=sys.stderr)
    rows, columns = made.table.shape
    print(f"{rows:,} rows of {columns - 2} features from {made.source}{'  [SIMULATED]' if made.simulated else ''}: {out}")
