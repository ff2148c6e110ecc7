"""SQL expressions over one file's rows. Only what a row says about itself is allowed: no sums, no looking at other rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from undertow.core.chunk import Array
from undertow.core.errors import BadInput
from undertow.sources.readers import Table

if TYPE_CHECKING:
    import polars as pl

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
#: functions that see one row only; a sum or a lag could carry the future into the past
FUNCTIONS = frozenset(
    """ABS CAST TRY_CAST CEIL COALESCE CONCAT DATE DATE_PART ENDS_WITH EXTRACT FLOOR GREATEST IF IFNULL LEAST LEFT LENGTH LOWER LTRIM
    NULLIF POW REGEXP_LIKE REPLACE RIGHT ROUND RTRIM SIGN SPLIT_PART STARTS_WITH STRPOS STRPTIME SUBSTR TRIM UPPER""".split()  # noqa: SIM905
)
BY_ROW = FUNCTIONS | {"AND", "OR", "NOT", "IN", "CASE", "WHEN", "THEN", "ELSE", "IS", "BETWEEN", "LIKE", "ILIKE", "AS"}
SAMPLE = 1_000  #: texts that are looked at to tell a column of numbers from one of words


class Reader:
    """Evaluates the mapping's expressions over one table.

    A text column of which most values are numbers counts as numbers inside an expression; alone, it stays as it was written.
    """

    def __init__(self, table: Table, text: list[str]) -> None:
        if unknown := [name for name in text if name not in table.frame.columns]:
            raise BadInput(f"{table.file} has no column {unknown[0]!r}, which read.text names: {_list(table)}.")
        self.table = table
        self._frame = table.frame
        self._settled = {*text, *table.derived}

    def value(self, expression: str, key: str) -> pl.Series:
        """The expression's value for each row (n,). Raises ``BadInput`` naming the mapping's key or the row."""
        import polars as pl
        from polars.exceptions import PolarsError

        try:
            meant = pl.sql_expr(expression)
        except PolarsError as error:
            raise BadInput(f"{key}: {expression!r} is no SQL expression ({_first_line(error)}).") from error
        roots = list(dict.fromkeys(meant.meta.root_names()))
        if unknown := [name for name in roots if name not in self._frame.columns]:
            raise BadInput(f"{key}: {self.table.file} has no column {unknown[0]!r}: {_list(self.table)}.")
        if strange := [word for word in _called(expression) if word not in BY_ROW]:
            raise BadInput(f"{key}: {strange[0]} in {expression!r} is not allowed; of functions there are {', '.join(sorted(FUNCTIONS))}.")
        if meant.meta.is_column():
            return self.table.frame[roots[0]]
        for name in roots:
            self._settle(name)
        try:
            values = self._frame.select(out=meant)["out"]
        except PolarsError as error:
            raise BadInput(f"{key}: {expression!r} cannot be worked out over {self.table.file} ({_first_line(error)}).") from error
        return values if len(values) == len(self._frame) else values.new_from_index(0, len(self._frame))

    def only(self, rows: Array) -> Reader:
        """The same reader over some of the rows, given as bool (n,)."""
        import polars as pl

        some = Reader(self.table.rows(rows), [])
        some._settled = set(self._settled)
        some._frame = self._frame.filter(pl.Series(rows))
        return some

    def mask(self, expression: str, key: str) -> Array:
        """A condition for each row, bool (n,); null is false."""
        import polars as pl

        values = self.value(expression, key)
        if values.dtype not in (pl.Boolean, pl.Null):
            raise BadInput(f"{key}: {expression!r} is no condition: it gives {values.dtype}, not true or false.")
        return np.asarray(values.fill_null(False).cast(pl.Boolean).to_numpy(), bool)

    def _settle(self, name: str) -> None:
        """Make a text column of numbers a column of numbers, once; a value that is none is the user's to see."""
        import polars as pl

        if name in self._settled:
            return
        self._settled.add(name)
        values = self._frame[name]
        if values.dtype != pl.String:
            return
        seen = values.drop_nulls().head(SAMPLE)
        if len(seen) == 0:
            self._frame = self._frame.with_columns(pl.lit(None).alias(name))
        elif bool(seen.str.contains(NUMBER).mean() * 2 > 1):  # type: ignore[operator]
            wrong = (values.is_not_null() & ~values.str.contains(NUMBER)).arg_true()
            if len(wrong):
                row = int(wrong[0])
                self.table.fail(row, f"{name} is {values[row]!r}, not a number (if it is meant as text, name it in read.text)")
            whole = bool(values.drop_nulls().str.contains(r"^[+-]?\d{1,18}$").all())
            self._frame = self._frame.with_columns(values.cast(pl.Int64 if whole else pl.Float64))


def _called(expression: str) -> list[str]:
    """Words before an opening bracket, in capitals, outside quotes."""
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "''", expression)
    return [word.upper() for word in re.findall(r"([A-Za-z_]\w*)\s*\(", bare)]


def _list(table: Table) -> str:
    return "it has " + ", ".join(table.frame.columns)


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0].strip()[:160].rstrip(".")
