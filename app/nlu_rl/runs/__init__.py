"""The run directory protocol: the only interface between a worker and everyone who watches it.

Nothing here knows what a run computes, and nothing here imports anything heavy.
"""
