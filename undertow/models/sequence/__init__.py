"""Models of order in time: in comes a panel of rows by symbol and tick, out goes the probability of up of each row."""
