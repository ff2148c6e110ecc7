"""Inside a session: the path of the price, the prints and quotes on it, on and off the exchanges, and the minutes they add up to.

In: the daily layer's record of a session. Out: the tape's records, and rows of ticks and of minute bars.
"""
