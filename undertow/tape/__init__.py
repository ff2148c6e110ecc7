"""The events on disk by kind and session, the coverage ledger, the model shelf and the decision journal."""
