"""`--budget`: how much each training run may take, in minutes, in steps, or whichever ends first. Pure."""

import re
from dataclasses import dataclass

from nlu_rl.errors import RecipeError

_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(m|min|minutes?|h|hours?|steps?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one training run; None is the recipe's own number of steps, and any time."""

    minutes: float | None = None
    steps: int | None = None

    @property
    def seconds(self) -> float | None:
        return None if self.minutes is None else self.minutes * 60

    def __str__(self) -> str:
        parts = [f"{self.minutes:g} minutes"] if self.minutes is not None else []
        parts += [f"{self.steps} steps"] if self.steps is not None else []
        except_encoders = ", encoders without limit" if self.steps is None else ""
        return f"{' or '.join(parts)} a training run{except_encoders}" if parts else "the recipes' own steps"


def parse_budget(text: str | None) -> Budget:
    """Return the budget in `20min`, `60steps` or `20min,60steps`. Raises RecipeError for anything else."""
    minutes: float | None = None
    steps: int | None = None
    for part in (text or "").split(",") if text else ():
        found = _PART.fullmatch(part.strip())
        if found is None or float(found[1]) <= 0:
            raise RecipeError(
                f"'{part}' is not a budget.", "Give minutes, steps or both: 20min, 60steps, 20min,60steps."
            )
        if found[2].lower().startswith("step"):
            if not float(found[1]).is_integer():
                raise RecipeError(f"'{part}' is not a whole number of steps.", "Give it as 60steps.")
            if steps is not None:
                raise _twice(text, "steps")
            steps = int(found[1])
        else:
            if minutes is not None:
                raise _twice(text, "times")
            minutes = float(found[1]) * (60 if found[2].lower().startswith("h") else 1)
    return Budget(minutes, steps)


def _twice(text: str | None, what: str) -> RecipeError:
    return RecipeError(
        f"The budget '{text}' names {what} twice.", "Give one number of steps, one time, or one of each."
    )
