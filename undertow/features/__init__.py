"""Chunks in, a feature matrix by tick and symbol out: FeatureEngineering, expressions, operators and labels."""
