"""Naming an OpenAI-compatible endpoint: `openai:MODEL` at a URL (light). The key stays in its environment variable."""

import os
from typing import Any
from urllib.parse import urlsplit

from nlu_rl.errors import ModelError

PREFIX = "openai:"
OPENAI_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
URL_VARIABLE = "OPENAI_BASE_URL"
CONCURRENCY, MOST_CONCURRENT = 8, 32
TIMEOUT_SECONDS = 60.0
HOW_ONLY = frozenset({"endpoint_concurrency", "endpoint_timeout", "endpoint_key"})
"""Arguments that say how to ask and do not change what is answered."""


def is_endpoint(name: str) -> bool:
    return name.startswith(PREFIX)


def endpoint_arguments(
    name: str,
    *,
    url: str | None = None,
    key_variable: str = KEY_VARIABLE,
    prefill: bool = False,
    concurrency: int = CONCURRENCY,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> dict[str, Any]:
    """Return the subject arguments for `openai:MODEL` at `url` (default: OPENAI_BASE_URL, else OpenAI's own).

    Raises:
        ModelError: no model, not a URL, or OpenAI's own endpoint without a key.
    """
    model = name.removeprefix(PREFIX)
    if not model:
        raise ModelError(f"'{name}' names no model.", "Write openai:MODEL, such as openai:gpt-4o.")
    base = (url or os.environ.get(URL_VARIABLE) or OPENAI_URL).rstrip("/").removesuffix("/chat/completions")
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(f"'{base}' is not the URL of an endpoint.", "Give its base, such as http://localhost:8000/v1.")
    if parts.username or parts.password:
        raise ModelError("The URL of the endpoint holds a password.", f"Put the key into {KEY_VARIABLE} instead.")
    if base == OPENAI_URL and not os.environ.get(key_variable):
        raise ModelError(
            f"{key_variable} is not set, and {OPENAI_URL} wants a key.",
            f"Set {key_variable}, or give --endpoint URL for another server.",
        )
    return {
        "run": None,
        "model": None,
        "checkpoint": None,
        "endpoint": base,
        "endpoint_model": model,
        "endpoint_prefill": prefill,
        "endpoint_key": key_variable,
        "endpoint_concurrency": concurrency,
        "endpoint_timeout": timeout_seconds,
    }
