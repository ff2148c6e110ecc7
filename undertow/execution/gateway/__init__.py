"""The road to a broker: what every one of them must do for the order path, and what it may say.

A gateway sends and tells; it never decides, keeps nothing and repeats nothing. What it cannot know it calls unknown.
"""
