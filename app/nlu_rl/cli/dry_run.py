"""What `nlu-rl run --dry-run` shows: the resolved recipe, the checks, the memory plan and one prompt."""

from typing import TYPE_CHECKING, Any

from nlu_rl.errors import NluRlError

if TYPE_CHECKING:
    from nlu_rl.recipe import Recipe
    from nlu_rl.runs.checks import Check


def show(recipe: "Recipe", checks: "list[Check]", *, json: bool) -> None:
    """Print it, as text or as one JSON object. Nothing is fetched, no weights are loaded, no run is made."""
    from dataclasses import asdict

    from nlu_rl.cli.console import emit_json, print_text

    plan, prompts = memory_plan(recipe), {task: prompt_of(task) for task in recipe.tasks}
    texts, why_not = _as_the_model_sees_them(recipe, prompts, checks)
    if json:
        emit_json(
            {
                "recipe": recipe.model_dump(mode="json"),
                "plan": plan,
                "prompts": prompts,
                "rendered": texts,
                "checks": [asdict(check) for check in checks],
            }
        )
        return
    from nlu_rl.cli.check import print_checks
    from nlu_rl.cli.format import size

    print(recipe.to_yaml())
    print("Memory plan" if plan else "\nMemory plan: the shape of the model is not known here")
    for name, value in (plan or {}).items():
        if name.endswith("_bytes"):
            print(f"  {name.removesuffix('_bytes'):<12} {size(value):>9}")
    for task, messages in prompts.items():
        if task in texts:
            print(f"\nA prompt of {task}, as the model sees it ({texts[task]['tokens']} tokens)")
            print_text("\n".join(f"  {line}" for line in texts[task]["text"].splitlines()))
            continue
        print(f"\nA prompt of {task}, without the model's chat template ({why_not})")
        for message in messages or [{"role": "-", "content": "its data is not here yet"}]:
            print(f"  [{message['role']}]")
            print_text("\n".join(f"  {line}" for line in message["content"].splitlines()))
    print("\nChecks")
    print_checks(checks)


def _as_the_model_sees_them(
    recipe: "Recipe", prompts: dict[str, list[dict[str, str]] | None], checks: "list[Check]"
) -> tuple[dict[str, dict[str, Any]], str]:
    """Return the rendered prompt of each task that has rows here; or nothing, and why.

    A model that is here and refuses the prompt is one more failed check.
    """
    from nlu_rl.cli.preview import rendered
    from nlu_rl.runs.checks import Check

    chats = {task: messages for task, messages in prompts.items() if messages}
    model = next((check for check in checks if check.name == "model"), None)
    if not chats or (model is not None and model.state != "ok"):
        return {}, "the model or its rows are not here"
    try:
        texts = rendered(recipe.model, list(chats.values()))
    except NluRlError as error:
        checks.append(Check("prompt", "fail", error.message, error.fix))
        return {}, error.message.rstrip(".")
    return dict(zip(chats, texts, strict=True)), ""


def prompt_of(task: str) -> list[dict[str, str]] | None:
    """Return the messages of a task's first training row; None when its data is not here."""
    from nlu_rl.tasks.registry import get_task

    try:
        found = get_task(task)
        messages = found.prompt(found.load("train")[0])
    except NluRlError:
        return None
    return [{"role": message["role"], "content": message["content"]} for message in messages]


def memory_plan(recipe: "Recipe") -> dict[str, Any] | None:
    """Return the memory plan for this machine; None when the shape of the model is not known here."""
    from nlu_rl.models.machine import named_accelerator
    from nlu_rl.runs.prompt_sizes import plan_on_rows

    try:
        return plan_on_rows(recipe, named_accelerator(None))[0]
    except NluRlError:
        return None
