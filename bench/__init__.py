"""The benchmark: one optimizer batch of ours against one of the libraries a user could install instead.

`python -m bench` runs it. Each side is a process of its own that loads the model once and then does one batch a
request, so that ours and theirs alternate and only one works at a time. Not a test: it asserts nothing about speed.
"""
