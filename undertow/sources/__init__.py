"""Where events come from: Massive, Unusual Whales, derived from the tape, simulated, imported files; all yield chunks."""
