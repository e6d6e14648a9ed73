"""The terminal interface: a reader of run directories that also starts jobs. It computes nothing itself.

Screens own all state and are changed from the main thread only; whatever reads files, or waits, runs in a worker thread
and hands its result over.
"""

READ_ONLY = "NLU_RL_READ_ONLY"
"""The variable by which an interface only looks on: it starts, changes and removes nothing."""
