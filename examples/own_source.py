"""A source of one's own: daily bars from a CSV file, known at the close."""

from pathlib import Path

import numpy as np
import polars as pl

from undertow import FeatureEngineering
from undertow.core.calendar import nyse
from undertow.core.chunk import Origin, chunk_of
from undertow.core.events import PRICE_SCALE, DailyBar, Grade

FILE = Path(__file__).parent / "data" / "demo_daily.csv"


class CsvSource:
    name, simulated, kinds = "csv", False, (DailyBar,)

    def history(self, symbols, after, until):
        rows = pl.read_csv(FILE, try_parse_dates=True).filter(pl.col("symbol").is_in(symbols))
        close = nyse().close[np.searchsorted(nyse().day, rows["date"].to_numpy().astype("datetime64[D]"))]
        columns = {n: np.rint(rows[n].to_numpy() * PRICE_SCALE) for n in ("open", "high", "low", "close")}
        columns["volume"] = rows["volume"].to_numpy()
        key = np.array([symbols.index(s) for s in rows["symbol"]])
        origin = Origin(Grade.MODELLED, (self.name,))
        yield chunk_of(DailyBar, symbols, key=key, event_at=close, known_at=close, columns=columns, origin=origin).between(after, until)


if __name__ == "__main__":
    ticks = nyse().midnight[nyse().sessions(np.datetime64("2025-09-22"), np.datetime64("2025-09-30"))]
    features = FeatureEngineering(["DEMO"], only=["return_1_1d", "sma_10_1d", "rsi_14_1d"])
    print(features.table(CsvSource().history(features.symbols, 0, int(ticks[-1])), ticks))
