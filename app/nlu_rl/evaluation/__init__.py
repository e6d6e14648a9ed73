"""Scores of a model or a run on a task: predictions kept one by one, metrics with intervals, paired comparisons.

Metrics themselves belong to the task. Everything here is light but `subject.py` and the jobs (`job.py`,
`predict_file.py`), which load a model.
"""
