"""A strategy of one's own that is called on every trade: buys after a fast fall, sells when the price is back at its average."""

import numpy as np

from undertow.core.orders import Costs
from undertow.execution.events.fold import Ticks
from undertow.execution.events.sleeve import EventSleeve
from undertow.execution.events.strategy import event_strategy


@event_strategy(memory=[0.0, 0.0])
def fall_and_back(memory, _at, price, _size, account):
    """memory[0] is the average price, memory[1] how many trades have been."""
    memory[1] += 1.0
    memory[0] += (price - memory[0]) / min(memory[1], 500.0)
    held = account.shares + account.pending
    if held == 0.0 and price < 0.998 * memory[0]:
        return 100.0
    return -held if held > 0.0 and price >= memory[0] else 0.0


if __name__ == "__main__":
    rng, n = np.random.default_rng(0), 100_000
    falls = np.convolve(rng.normal(0, 4e-4, n), np.exp(-np.arange(200) / 50), "same")  # planted: every fall comes back
    ticks = Ticks(np.arange(n) * 10**9, np.round(50 * np.exp(falls), 4), np.full(n, 2_000.0))
    sleeve = EventSleeve(100_000.0, Costs(), fall_and_back)
    done = sleeve.push(ticks)
    paid = np.nansum(done.fills.spread_cost + done.fills.impact_cost)
    print(f"{n:,} trades, {len(done.orders.tick):,} orders, {len(done.fills.bar):,} fills")
    print(f"equity {sleeve.account().equity:,.2f} USD, after {paid:,.2f} for half-spread and impact")
