"""A symbol's sessions as wholes: who it is, how it walks from day to day, and what is published of a day.

In: the market's settings and a symbol. Out: records of the daily layer, and rows of daily kinds: bars, splits, news, filings, earnings.
"""
