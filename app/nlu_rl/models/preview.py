"""The preview job: chats as the model sees them, through its own chat template and tokenizer. No weights are loaded."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nlu_rl.errors import ModelError
from nlu_rl.models.catalogue import resolve_reference
from nlu_rl.models.chat import encode_prompt, encode_text, render_prompt
from nlu_rl.models.load import load_tokenizer
from nlu_rl.models.shape import shape_of_folder
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.passage import fit_prompt
from nlu_rl.tasks.registry import get_task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ANSWER_TOKENS = 32
"""Room that is left for an answer, as an evaluation of a model leaves it."""


def job(_: RunDirectory, arguments: dict[str, Any], __: Reporter) -> dict[str, Any]:
    """Render the `chats`, each a list of messages, for `model`.

    With the `rows` they are of, each a `task`, an `example` and its `shots`, a passage is cut where the prompt, with
    room for an answer, would not fit the model.

    Returns:
        `prompts`: for each chat its `text` and the number of `tokens`, and `shortened` where a passage was cut.

    Raises:
        ModelError: the model is not here, or has no usable tokenizer or chat template.
    """
    reference = resolve_reference(arguments["model"])
    if not reference.folder.is_dir():
        raise ModelError(f"{reference.name} is not here.", f"'nlu-rl models fetch {reference.name}' fetches it.")
    tokenizer = load_tokenizer(reference.folder, reference.name)
    texts = [render_prompt(tokenizer, chat) for chat in arguments["chats"]]
    prompts: list[dict[str, Any]] = [{"text": text, "tokens": len(encode_text(tokenizer, text))} for text in texts]
    if rows := arguments.get("rows"):
        most = shape_of_folder(reference.folder).context - ANSWER_TOKENS
        for number, row in enumerate(rows):
            if prompts[number]["tokens"] > most:
                prompts[number] = _fitted(tokenizer, row, most)
    return {"prompts": prompts}


def _fitted(tokenizer: "PreTrainedTokenizerBase", row: Mapping[str, Any], max_tokens: int) -> dict[str, Any]:
    task, shots = get_task(row["task"]), [Example(**shot) for shot in row["shots"]]
    fitted = fit_prompt(
        task, Example(**row["example"]), lambda messages: encode_prompt(tokenizer, messages), max_tokens, shots
    )
    text = render_prompt(tokenizer, task.prompt(fitted.example, shots))
    return {"text": text, "tokens": len(fitted.ids), **({"shortened": True} if fitted.shortened else {})}
