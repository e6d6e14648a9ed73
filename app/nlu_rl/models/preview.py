"""The preview job: chats as the model sees them, through its own chat template and tokenizer. No weights are loaded."""

from typing import Any

from nlu_rl.errors import ModelError
from nlu_rl.models.catalogue import resolve_reference
from nlu_rl.models.chat import encode_text, render_prompt
from nlu_rl.models.load import load_tokenizer
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter


def job(_: RunDirectory, arguments: dict[str, Any], __: Reporter) -> dict[str, Any]:
    """Render the `chats`, each a list of messages, for `model`.

    Returns:
        `prompts`: for each chat its `text` and the number of `tokens`.

    Raises:
        ModelError: the model is not here, or has no usable tokenizer or chat template.
    """
    reference = resolve_reference(arguments["model"])
    if not reference.folder.is_dir():
        raise ModelError(f"{reference.name} is not here.", f"'nlu-rl models fetch {reference.name}' fetches it.")
    tokenizer = load_tokenizer(reference.folder, reference.name)
    texts = [render_prompt(tokenizer, chat) for chat in arguments["chats"]]
    return {"prompts": [{"text": text, "tokens": len(encode_text(tokenizer, text))} for text in texts]}
