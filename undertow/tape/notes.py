"""What the rows themselves cannot say: rows that an import refused and why, sessions attested to be empty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from undertow.tape import delta
from undertow.tape.store import Tape

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One remark on a symbol's day."""

    kind: str
    symbol: str
    day: str  #: YYYY-MM-DD, New York
    says: Literal["refused", "no trades"]
    reason: str
    rows: int
    source: str


def write_notes(tape: Tape, remarks: Iterable[Note]) -> int:
    """Keep remarks that are not kept yet, as one commit; how many were new."""
    import polars as pl

    folder = tape.folder / "ledger"
    rows = pl.DataFrame([asdict(r) for r in remarks], schema=_schema()).unique(maintain_order=True)
    if not len(rows):
        return 0
    with delta.one_writer(tape.folder):
        rows = rows.join(read_notes(tape), on=rows.columns, how="anti", nulls_equal=True)
        if len(rows):
            delta.commit(folder, rows)
    return len(rows)


def read_notes(tape: Tape) -> pl.DataFrame:
    """Every remark: kind, symbol, day, says, reason, rows, source."""
    import polars as pl

    folder = tape.folder / "ledger"
    if not delta.exists(folder):
        return pl.DataFrame(schema=_schema())
    with delta.refusals(folder):
        return pl.read_parquet(delta.files(folder)["path"].to_list(), hive_partitioning=False, glob=False)


def _schema() -> pl.Schema:
    import polars as pl

    texts = {name: pl.String() for name in ("kind", "symbol", "day", "says", "reason")}
    return pl.Schema({**texts, "rows": pl.Int64(), "source": pl.String()})
