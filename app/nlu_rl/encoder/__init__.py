"""A fine-tuned encoder as a baseline: BERT and its like, with a head for the task.

`texts.py` and `request.py` are light; the rest loads transformers. Its predictions are written and scored as those of
any other subject.
"""
