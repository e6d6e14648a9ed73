"""How an export is served: the commands to print, and Ollama's Modelfile (light).

Every command serves chat messages. The export's own template opens the answer with the tag, and the client, or the
Modelfile, names the stop text: written into `generation_config.json` it would make plain `generate(ids)` raise.
"""

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nlu_rl.tasks.contract import CLOSE_TAG, OPEN_TAG, Message

GGUF_NAME = "model.gguf"
Render = Callable[[list[dict[str, str]]], str]
VLLM_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM's --max-lora-rank can be."""
_SYSTEM, _USER = "\x01system\x01", "\x01user\x01"


@dataclass(frozen=True, slots=True)
class Served:
    """One way to serve: the program, the command that starts it, and how it is asked."""

    program: str
    command: str
    port: int | None
    """Of its OpenAI API; None when the command itself answers."""


def serving_commands(folder: Path, *, gguf: bool) -> list[Served]:
    """Return the commands that serve the export in `folder`."""
    name = shlex.quote(folder.name)
    served = [
        Served("vLLM", f"vllm serve {_quoted(folder)} --served-model-name {name}", 8000),
        Served("transformers", f"transformers serve {_quoted(folder)}", 8000),
    ]
    if gguf:
        served += [
            Served("llama.cpp", f"llama-server -m {_quoted(folder / GGUF_NAME)} --jinja", 8080),
            Served("Ollama", f"ollama create {name} -f {_quoted(folder / 'Modelfile')} && ollama run {name}", None),
        ]
    return served


def unmerged_command(folder: Path, rank: int) -> str:
    """Return vLLM's command for base + adapter, `BASE` being the folder of the base's weights."""
    name = shlex.quote(folder.name)
    fits = next((size for size in VLLM_RANKS if size >= rank), rank)
    return (
        f"vllm serve BASE --enable-lora --max-lora-rank {fits} --lora-modules {name}={_quoted(folder / 'adapter')} "
        f"--chat-template {_quoted(folder / 'chat_template.jinja')}"
    )


def request_body(model: str, messages: Sequence[Message], max_tokens: int) -> str:
    """Return the JSON of a request to any of the OpenAI servers; the messages end in the user's turn."""
    body = {
        "model": model,
        "messages": list(messages),
        "temperature": 0,
        "max_tokens": max_tokens,
        "stop": [CLOSE_TAG],
    }
    return json.dumps(body, ensure_ascii=False)


def opening_template(template: str) -> str:
    """Return a chat template that also opens the assistant's turn with the tag."""
    return f"{template}{{% if add_generation_prompt %}}{{{{ '{OPEN_TAG}' }}}}{{% endif %}}"


def modelfile(render: Render, bos_token: str | None, max_new_tokens: int, source: str = f"./{GGUF_NAME}") -> str:
    """Return Ollama's Modelfile: the chat template in its own language, greedy, stopping at the tag.

    Args:
        render: the export's chat template, from messages to text.
        bos_token: what the server adds at the beginning, and is left out here; None when it adds nothing.
        source: the model, relative to the Modelfile.
    """
    both = _go(render([{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _USER}]), bos_token)
    alone = _go(render([{"role": "user", "content": _USER}]), bos_token)
    return (
        f"FROM {source}\n"
        f'TEMPLATE """{{{{ if .System }}}}{both}{{{{ else }}}}{alone}{{{{ end }}}}"""\n'
        f'PARAMETER stop "{CLOSE_TAG}"\n'
        f"PARAMETER temperature 0\n"
        f"PARAMETER num_predict {max_new_tokens}\n"
    )


def _go(text: str, bos_token: str | None) -> str:
    """Return a rendered prompt as a Go template, its marks replaced by Ollama's variables."""
    text = text.removeprefix(bos_token) if bos_token else text
    text = text.replace("{{", '{{ "{{" }}')
    return text.replace(_SYSTEM, "{{ .System }}").replace(_USER, "{{ .Prompt }}")


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
