"""The paper's tables for one's own model: which runs they take, what they cost, which are there, and the result.

Everything here is light and derived from run directories; the command line starts the runs one after another.
"""
