"""``undertow models``: the shelf of trained models, and which of them is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from undertow.tape.shelf.sets import ModelSets

models = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
HOME = typer.Option(None, "--home", help="Where the models live.  [default: $UNDERTOW_HOME or the user's data folder]")
JSON = typer.Option(False, "--json", help="Print as JSON.")
SET = typer.Argument(..., help="Name of a set, as undertow models list shows it, or its beginning.")


@models.command("list")
def list_models(as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Every set of trained models: for what, how many stages, the last one, and which set was promoted."""
    sets = _sets(home)
    rows = [_row(sets, name) for name in sets.names()]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    if not rows:
        print(f"No models are kept in {sets.folder} yet: a run keeps those it trains.")
    for row in rows:
        if "broken" in row:
            print(f"{row['set']}  BROKEN: {row['broken']}")
            continue
        used = "  promoted" if row["promoted"] else ""
        print(f"{row['set']}  {row['stages']} stages, the last of {row['last'] or 'none'}, {row['source']}{used}")


@models.command("show")
def show_models(name: str = SET, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """One set: what it was taught on and by, and each of its stages; broken files are named, and the exit status is 1."""
    from undertow.core.errors import UndertowError
    from undertow.tape.shelf.whole import read_folder

    sets = _sets(home)
    name = sets.named(name)
    about = sets.about(name)
    stages, broken = [], []
    for folder in sets.stages(name):
        try:
            stages.append(read_folder(folder)[0])
        except UndertowError as error:
            broken.append(str(error))
    if as_json:
        print(json.dumps({"set": name, **about, "stages": stages, "broken": broken}, indent=2))
    else:
        print("\n".join([*_described(sets, name, about), *(line for stage in stages for line in _stage(stage))]))
        for sentence in broken:
            print(f"BROKEN: {sentence}")
    raise typer.Exit(1 if broken else 0)


@models.command("promote")
def promote_models(name: str = SET, home: Path | None = HOME) -> None:
    """Use this set for every job on its symbols, bars and source, and teach none, until another is promoted or it is rolled back."""
    from undertow.tape.shelf.whole import read_folder

    sets = _sets(home)
    name = sets.named(name)
    scope = str(sets.about(name)["scope"])
    for folder in sets.stages(name):
        read_folder(folder)  # what is broken is not promoted
    sets.promote(name, scope)
    print(f"{name} is used for {scope} from now on; undertow models rollback {name} goes back.")


@models.command("rollback")
def rollback_models(name: str = SET, home: Path | None = HOME) -> None:
    """Go back to the set that was used before on the symbols, bars and source of this one."""
    sets = _sets(home)
    name = sets.named(name)
    scope = str(sets.about(name)["scope"])
    before = sets.rollback(scope)
    print(f"{before} is used for {scope} again." if before else f"No set is promoted for {scope} any more: each job uses its own models.")


def _sets(home: Path | None) -> ModelSets:
    from undertow.app.home import home as default_home
    from undertow.tape.shelf.sets import ModelSets

    return ModelSets(home or default_home())


def _row(sets: ModelSets, name: str) -> dict[str, Any]:
    from undertow.core.errors import BadData

    try:
        about = sets.about(name)
    except BadData as error:
        return {"set": name, "broken": str(error)}
    stages = [folder.name for folder in sets.stages(name)]
    return {
        "set": name,
        "symbols": about["recipe"]["symbols"],
        "timeframe": about["recipe"]["timeframe"],
        "source": about["recipe"]["source"],
        "stages": len(stages),
        "last": stages[-1] if stages else None,
        "promoted": sets.used(about["scope"]) == name,
    }


def _described(sets: ModelSets, name: str, about: dict[str, Any]) -> list[str]:
    recipe = about["recipe"]
    return [
        f"{name}{'  promoted' if sets.used(about['scope']) == name else ''}",
        f"  symbols    {', '.join(recipe['symbols'])}",
        f"  bars       {recipe['timeframe']} of {recipe['source']}",
        f"  features   {len(about['features_with_data'])}",
        f"  models     {', '.join(recipe['models'])}",
        f"  begins     {recipe['begins']}, seed {recipe['seed']}, code {recipe['code']}",
        f"  taught by  {', '.join(f'{library} {version}' for library, version in recipe['libraries'].items())}",
        f"  expires    {about['expires_after_sessions']} sessions after the last stage",
    ]


def _stage(about: dict[str, Any]) -> list[str]:
    metrics = about["metrics"]
    size = sum(one["bytes"] for one in about["files"].values())
    lines = [
        f"  {metrics['trained_for']}: {metrics['rows']:,} rows, {len(metrics['models'])} models, {size:,} bytes",
        f"    meta-model {metrics['meta']}",
        f"    calibrator {metrics['calibrator']}",
    ]
    return lines + [f"    {note}" for note in metrics["notes"]]
