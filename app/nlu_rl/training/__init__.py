"""SFT, PPO and GRPO on one policy engine.

Legend of shapes, used in every docstring here:
    B completions, P prompts, G completions per prompt, T completion tokens, L prompt + completion tokens, V vocabulary.

`ppo.py` is our own trainer, `sft.py` and `grpo.py` are TRL's with the engine in place of their generation and
log-probabilities. `ppo_math.py` and `schedule.py` are pure. `supervised_run.py` is what all three share: events,
control files, validation, checkpoints.
"""
