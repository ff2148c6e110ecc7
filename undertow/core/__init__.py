"""Words: events with two clocks, chunks, orders, protocols, calendar phases, time, errors. Imports nothing of ours."""
