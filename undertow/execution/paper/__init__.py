"""Paper trading: a simulated broker that takes orders as a real one does, and fills them as the backtest does."""
