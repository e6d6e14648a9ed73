"""nlu-rl: make a local LLM good at language understanding with SFT, PPO or GRPO, and prove that it is."""

__version__ = "0.1.0"
