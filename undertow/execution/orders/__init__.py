"""Orders of every kind over one symbol's bars: bars, orders and corporate actions in; equity, fills and order states out."""
