"""The policy engine: `sample()` and `score()` for every trainer and every evaluation; it knows no trainer.

Rows of a batch share long beginnings (instructions, demonstrations, passages, a prompt with several completions). They
form a trie, laid out in one packed row with an ancestor mask and positions by depth, so that nothing shared is computed
twice (`trie.py`, `packed.py`, `prompt_states.py`, `decoding.py`). `padded.py` is the plain batch, the reference for
exactness and the fallback for models that cannot take the mask; `policy.py` chooses between them by a self-check.
"""
