"""A finished training run of the tiny model with a random adapter that changes what it says, and rows of SST-2."""

from pathlib import Path

from nlu_rl import paths
from nlu_rl.data.cache import write_splits
from nlu_rl.data.checks import SplitRows
from nlu_rl.data.schema import get_schema
from nlu_rl.recipe import parse_recipe
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import RunDirectory, create_run

NOUNS = ("plot", "cast", "score", "ending", "script", "pace")


def write_sst2(validation: int = 40, train: int = 20) -> None:
    """Put rows of SST-2's form into the cache of the current home."""
    schema = get_schema("glue/sst2")

    def rows(split: str, count: int) -> SplitRows:
        made = [
            {
                "id": f"{split}-{i}",
                "fields": {"sentence": f"the {NOUNS[i % 6]} is {'fine' if i % 2 else 'dull'} {'very ' * (i % 4)}{i}"},
                "gold": "positive" if i % 2 else "negative",
            }
            for i in range(count)
        ]
        return SplitRows(schema, split, "made by a test", made)

    write_splits("glue/sst2", [rows("train", train), rows("validation", validation)])


def write_trained_run(model_dir: Path, name: str = "tiny-sst2", seed: int = 1, strength: float = 0.05) -> RunDirectory:
    """Make the run with one whole checkpoint, `step-4`."""
    import torch

    from nlu_rl.models.load import load_model
    from nlu_rl.models.lora import add_lora

    recipe = parse_recipe(
        f"{{model: {model_dir}, tasks: [sst2], method: ppo, generation: {{max_new_tokens: 6}}, lora: {{rank: 4}}}}"
    )
    run = create_run(paths.runs_dir(), name, Job("train"), recipe_yaml=recipe.to_yaml(), exact=True)
    model = add_lora(load_model(str(model_dir)), recipe.lora, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "lora_B" in key:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * strength)
    checkpoint = run.checkpoints_dir / "step-4"
    model.save_pretrained(checkpoint)
    (checkpoint / "complete").touch()
    return run
