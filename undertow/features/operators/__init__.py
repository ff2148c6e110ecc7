"""Operators of one family each: filters, filings, chains, prints, forests. What every family uses is in ``language``."""
