"""Insiders, Congress and earnings (field guide §3)."""

from __future__ import annotations


class CompanyFeatures:
    """Features of filings and reports, from the moment they were made public."""
