"""An encoder with a head for a task, from a folder or the hub, and its tokenizer (heavy)."""

import os
from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.encoder.texts import Form
from nlu_rl.errors import ModelError

os.environ.setdefault("HF_HOME", str(paths.hf_dir()))

from transformers import (
    AutoConfig,
    AutoModelForMultipleChoice,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    set_seed,
)
from transformers.utils import logging as transformers_logging


def load_encoder(folder: Path, form: Form, seed: int, tokenizer: Any) -> Any:
    """Return the encoder in `folder` with a head; where it has none for this task, a new one made by `seed`.

    Raises:
        ModelError: the architecture has no such head, or the folder cannot be loaded.
    """
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # a new head is what is wanted here
    set_seed(seed)
    options: dict[str, Any] = {"local_files_only": True, "use_safetensors": True}
    try:
        if form.kind == "choice":
            return AutoModelForMultipleChoice.from_pretrained(folder, **options)
        # The folder may have been trained on an intermediate task of another kind, whose head its config describes.
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        config.problem_type = None
        config.num_labels = form.outputs
        config.problem_type = "regression" if form.kind == "regression" else "single_label_classification"
        model = AutoModelForSequenceClassification.from_pretrained(folder, config=config, **options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"The encoder in {folder} cannot be loaded with a head for {form.kind}: {first.rstrip('.')}.",
            "Use BERT, RoBERTa, DeBERTa, ELECTRA or their like.",
        ) from None
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    return model


def load_encoder_tokenizer(folder: Path) -> Any:
    """Return the tokenizer. Raises ModelError when it cannot be loaded."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(f"The tokenizer in {folder} cannot be loaded: {first}.", "Copy it from its source.") from error
    if tokenizer.pad_token_id is None:
        raise ModelError(f"The tokenizer in {folder} names no padding token.", "Use an encoder's own tokenizer.")
    return tokenizer


def most_tokens(model: Any, tokenizer: Any, wanted: int) -> int:
    """Return the tokens of a row that the model takes, at most `wanted`."""
    positions = getattr(model.config, "max_position_embeddings", None) or wanted
    # RoBERTa counts positions from its padding's number.
    offset = 2 if model.config.model_type in ("roberta", "xlm-roberta", "camembert") else 0
    stated = tokenizer.model_max_length if tokenizer.model_max_length < 10**9 else wanted
    return int(min(wanted, positions - offset, stated))
