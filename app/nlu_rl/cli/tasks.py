"""`nlu-rl tasks`: what the tasks are, and exactly what a model is asked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlu_rl.cli import completion
from nlu_rl.cli.console import emit_json, note, stdout
from nlu_rl.cli.tables import print_table
from nlu_rl.cli.task_new import new_task

if TYPE_CHECKING:
    from nlu_rl.tasks.base import DatasetTask
    from nlu_rl.tasks.contract import Example

app = typer.Typer(help="Tasks: what they are, what a model is asked, how an answer is judged.", no_args_is_help=True)

app.command("new")(new_task)
MOST_ANSWERS = 20
PERPLEXITY_ROW = ("wikitext2", "none", "perplexity", "WikiText-2: eval and compare only")
MOST_BARS = 40

Name = Annotated[
    str,
    typer.Argument(
        metavar="TASK", help="A task, such as sst2, or a task file of your own.", autocompletion=completion.task_names
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, one object a line.")]


@app.command("list")
def list_tasks(json: Json = False) -> None:
    """List the tasks."""
    from nlu_rl.tasks.registry import get_task, task_names

    tasks = [get_task(name) for name in task_names()]
    if json:
        for task in tasks:
            emit_json(_summary(task))
        return
    rows = [(task.name, _answers(task), task.metric, task.title) for task in tasks]
    print_table(("task", "answers", "metric", "what"), [*rows, PERPLEXITY_ROW])


@app.command()
def show(name: Name, json: Json = False) -> None:
    """Show a task: its question, its answers, its reward, its data."""
    from nlu_rl.tasks.registry import get_task

    task = get_task(name)
    data = task.about()
    splits = {split: part["rows"] for split, part in data["splits"].items()}
    details = {
        **_summary(task),
        "version": task.version,
        "reward": _reward(task),
        "note": task.note,
        "system": task.system,
        "instructions": task.instructions,
        "query": task.query,
        "reminder": task.reminder,
        "splits": splits,
        "left_out": " ".join(left_out := task.left_out()),
        "evaluation_split": task.evaluation_split,
        "licence": data["licence"],
        "submission": task.submission_file,
    }
    if json:
        emit_json({**details, "left_out": left_out})
        return
    here = ", ".join(f"{split} {rows:,}" for split, rows in splits.items()) or f"not here. {task.schema.bring}"
    shown = {**details, "answers": _answers(task), "splits": here, "version": str(task.version)}
    print_table((task.name, ""), [(key.replace("_", " "), str(value)) for key, value in shown.items() if value])


@app.command()
def preview(
    name: Name,
    rows: Annotated[int, typer.Option(min=1, help="How many rows to show.")] = 1,
    split: Annotated[str | None, typer.Option(help="Default: the split the task is evaluated on.")] = None,
    shots: Annotated[int, typer.Option(min=0, max=5, help="Demonstrations from train before the query.")] = 0,
    completion: Annotated[str | None, typer.Option(help="Judge this completion on each row.")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Show the text exactly as this model sees it.", autocompletion=completion.model_names),
    ] = None,
    json: Json = False,
) -> None:
    """Show the chat a model is given for real rows, and how the right answer (or --completion) is judged."""
    from nlu_rl.data.checks import label_counts
    from nlu_rl.data.schema import check_split
    from nlu_rl.evaluation.rows import demonstrations, unseen
    from nlu_rl.tasks.registry import get_task

    task = get_task(name)
    chosen: Any = check_split(split or task.evaluation_split)
    examples = task.load(chosen)
    seen = examples[:rows] if chosen == "train" else examples
    shown = demonstrations(task, unseen(task.load("train"), seen), shots) if shots else []
    counts = label_counts(task.schema, ({"gold": example.gold} for example in examples))
    previews = [_preview(task, example, shown, completion) for example in examples[:rows]]
    if model is not None:
        from nlu_rl.cli.preview import as_row, rendered

        asked = [as_row(name, example, shown) for example in examples[:rows]]
        for one, prompt in zip(previews, rendered(model, [one["messages"] for one in previews], asked), strict=True):
            one |= {"prompt": prompt["text"], "tokens": prompt["tokens"]}
            one |= {"shortened": True} if prompt.get("shortened") else {}
    if json:
        for one in previews:
            emit_json({"task": task.name, "split": chosen, "labels": counts, **one})
        return
    for told in task.left_out():
        note(f"warning: {told}")
    print_histogram(f"{task.name} {chosen}: {len(examples):,} rows", counts)
    for one in previews:
        print_preview(one)


def _preview(
    task: "DatasetTask", example: "Example", shots: "Sequence[Example]", completion: str | None
) -> dict[str, Any]:
    one: dict[str, Any] = {"id": example.id, "gold": example.gold, "messages": task.prompt(example, shots)}
    if example.gold is not None:
        target = task.target(example)
        one |= {"target": target, "target_reward": task.score(example, target).reward}
    if completion is not None:
        extracted = task.extract(completion)
        one |= {"completion": completion, "extracted": extracted.value, "how": extracted.how}
        if example.gold is not None:
            judged = task.score(example, completion)
            one |= {"reward": judged.reward, "parts": dict(judged.parts), "correct": judged.correct}
    return one


def print_histogram(title: str, counts: dict[str, int]) -> None:
    """Print rows by label as bars; of many labels, the most frequent."""
    hidden = sorted(counts, key=lambda label: -counts[label])[MOST_BARS:]
    counts = {label: count for label, count in counts.items() if label not in set(hidden)}
    most = max(counts.values(), default=0)
    bars = [(label, f"{count:,}", "█" * max(round(30 * count / most), count > 0)) for label, count in counts.items()]
    bars += [(f"and {len(hidden)} more labels", "", "")] if hidden else []
    print_table((title, "", ""), bars or [("no labels", "", "")])


def print_preview(one: dict[str, Any]) -> None:
    """Print a row's chat, and what is known of its right and its given completion."""
    from rich.text import Text

    console = stdout()
    console.soft_wrap = True
    console.print()
    console.print(Text(f"row {one['id']}", style="bold underline"))
    if "prompt" in one:
        cut = ", the passage shortened to fit the model" if one.get("shortened") else ""
        console.print(Text(f"{one['tokens']} tokens{cut}:", style="bold"))
        console.print(Text(one["prompt"]))
    for message in [] if "prompt" in one else one["messages"]:
        console.print(Text(f"{message['role']}:", style="bold"))
        console.print(Text(message["content"]))
    lines = [("gold", one["gold"] if one["gold"] is not None else "(unlabelled)")]
    if "target" in one:
        lines.append(("right completion", f"{one['target']}   reward {one['target_reward']:g}"))
    if "completion" in one:
        read = one["extracted"] if one["extracted"] is not None else "nothing (exceptional)"
        lines.append(("your completion", f"{one['completion']!r} reads as {read}, {one['how']}"))
    if "reward" in one:
        parts = ", ".join(f"{part} {value:g}" for part, value in one["parts"].items())
        lines.append(("its reward", f"{one['reward']:g} ({parts}), {'correct' if one['correct'] else 'not correct'}"))
    console.print()
    for label, text in lines:
        console.print(Text.assemble((f"{label}: ", "bold"), text))


def _summary(task: "DatasetTask") -> dict[str, Any]:
    answers = list(task.answers) if task.answers else None
    return {
        "name": task.name,
        "title": task.title,
        "answers": answers,
        "metric": task.metric,
        "dataset": task.schema.name,
    }


def _answers(task: "DatasetTask") -> str:
    if task.answers:
        shown = " / ".join(task.answers[:MOST_ANSWERS])
        return shown if len(task.answers) <= MOST_ANSWERS else f"{shown} and {len(task.answers) - MOST_ANSWERS} more"
    return "a text" if task.schema.free_text else f"a number, {task.schema.low:g} to {task.schema.high:g}"


def _reward(task: "DatasetTask") -> str:
    if task.answers:
        return "1 right, 0 wrong, -1 when no answer can be read"
    if task.schema.free_text:
        parts = {"em": "exact match", "f1": "word-level F1", "mean": "the mean of exact match and word-level F1"}
        return f"{parts[getattr(task, 'reward_of', 'mean')]}; -1 when no answer can be read"
    half = (task.schema.high - task.schema.low) / 2
    return f"{half:g} minus the distance to the right number; -{half:g} when no answer can be read"
