"""Runs in, pages out: metrics, the HTML report and tables."""
