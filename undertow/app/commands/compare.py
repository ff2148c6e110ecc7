"""``undertow compare``: two finished runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.app.errors import one_sentence

if TYPE_CHECKING:
    from undertow.report.comparison import Kept

RUN = "A run: its folder, its name below the home's runs, or the beginning of that name; `last` is the newest."


def compare_command(
    a: Annotated[str, typer.Argument(metavar="A", help=RUN)],
    b: Annotated[str, typer.Argument(metavar="B", help=RUN)],
) -> None:
    """Say what two runs were asked differently, what came of each, and whether the difference is more than luck."""
    from undertow.report.comparison import lines

    with one_sentence():
        print("\n".join(lines(kept(a), kept(b))))


def kept(name: str) -> Kept:
    """A run read from its folder; raises ``BadInput`` where there is none of that name, ``BadData`` where it is broken."""
    import polars as pl

    from undertow.app.finished import folder_of, manifest_of, table_of
    from undertow.report.comparison import Kept

    folder: Path = folder_of(name)
    manifest, equity = manifest_of(folder), table_of(folder, "equity")
    whole = equity.select(pl.sum_horizontal(pl.exclude("at")))
    beside = table_of(folder, "benchmark")["equity"].to_numpy() if (folder / "benchmark.parquet").is_file() else None
    return Kept(
        name=folder.name,
        manifest=manifest,
        mark_at=equity["at"].cast(pl.Int64).to_numpy(),
        equity=whole.to_series().to_numpy(),
        fills=len(table_of(folder, "fills")),
        benchmark=beside,
    )
