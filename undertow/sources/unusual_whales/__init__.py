"""Unusual Whales: symbols and two instants in, out chunks of option flow, off-exchange prints, filings, news, and what is missing."""
