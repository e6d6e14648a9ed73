"""Which folders are taken for an encoder: those whose model reads both ways."""

import json
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.errors import ModelError
from nlu_rl.models.encoders import resolve_encoder


def folder_of(tmp_path: Path, config: dict[str, Any]) -> str:
    (tmp_path / "config.json").write_text(json.dumps(config))
    return str(tmp_path)


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "llama", "architectures": ["LlamaForCausalLM"]},
        {"model_type": "qwen2", "architectures": ["Qwen2ForSequenceClassification"]},
        {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]},
        {"model_type": "mpt"},
        {"model_type": "own", "architectures": ["OwnForCausalLM"]},
        {"model_type": "bert", "architectures": ["BertLMHeadModel"], "is_decoder": True},
    ],
    ids=lambda config: config["model_type"],
)
def test_a_folder_with_a_decoder_is_refused_as_by_name(home: Path, tmp_path: Path, config: dict[str, Any]) -> None:
    folder = folder_of(tmp_path, config)
    with pytest.raises(ModelError, match="is a language model, not an encoder") as refused:
        resolve_encoder(folder)
    with pytest.raises(ModelError) as by_name:
        resolve_encoder("smollm2-135m")
    assert refused.value.message == by_name.value.message.replace("smollm2-135m", folder)
    assert refused.value.fix == by_name.value.fix


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "bert", "architectures": ["BertForMaskedLM"]},
        {"model_type": "bert", "architectures": ["BertModel"], "is_decoder": False},
        {"model_type": "roberta", "architectures": ["RobertaForMaskedLM"]},
        {"model_type": "xlm-roberta"},
        {"model_type": "deberta-v2"},
        {"model_type": "electra"},
        {"model_type": "distilbert"},
        {"model_type": "modernbert", "architectures": ["ModernBertForMaskedLM"]},
        {"model_type": "xlnet", "architectures": ["XLNetLMHeadModel"]},
        {"model_type": "bart", "is_encoder_decoder": True},
        {"model_type": "own", "architectures": ["OwnForSequenceClassification"]},
    ],
    ids=lambda config: config["model_type"],
)
def test_a_folder_with_an_encoder_is_taken(home: Path, tmp_path: Path, config: dict[str, Any]) -> None:
    assert resolve_encoder(folder_of(tmp_path, config)).encoder
