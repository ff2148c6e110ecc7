"""A broker's own book: accounts, orders, fills and positions as whole numbers, moved only by what is handed in.

In come orders, quotes and instants; out go refusals, fills and what became of each order. No clock, no chance, no connection.
"""
