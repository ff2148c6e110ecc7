"""Option contracts as instruments: one account of contracts, shares and cash, whose value is exact at every step.

Comes in: quotes, orders of one or more legs, corporate actions and the calendar. Goes out: fills or refusals with a code, exercises,
assignments and expiries as entries of a ledger, and the margin that the positions need.
Money is whole: 1/10,000 USD, as on the tape, so that sums are exact and ``equity`` is cash plus positions without a remainder.
"""
