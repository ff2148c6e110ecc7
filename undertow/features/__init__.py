"""FeatureEngineering: events in, a matrix (ticks, symbols, features) out. Building a feature reads no data; pushing chunks does."""
