"""Total order, the calendar's ticks and the one loop. Chunks come in, signals, targets and fills go out."""
