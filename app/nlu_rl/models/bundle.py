"""The bundle job: a model as a folder of its own in 4 bits, made without a GPU, for a machine without a network.

Weights in NF4 with double quantization (embeddings, norms and head in bfloat16), tokenizer, chat template, licence
files, and a manifest of source and hashes. It is loaded again before it appears: its logits must be those of the model
in memory, bit for bit.
"""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import torch

from nlu_rl.download import file_sha256
from nlu_rl.errors import InternalError, ModelError
from nlu_rl.models.catalogue import Reference, resolve_reference
from nlu_rl.models.fetch import model_folder
from nlu_rl.models.load import LoadedModel, load_model
from nlu_rl.models.memory import weights_bytes
from nlu_rl.models.quantized import stored_quantization
from nlu_rl.models.shape import shape_of_folder
from nlu_rl.models.verify import MANIFEST, folder_bytes, read_manifest, require_whole, verify_folder
from nlu_rl.runs.files import disk_error
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.new_folder import draft_folder, new_folder, put_in_place
from nlu_rl.runs.reporter import Reporter, StopNow

logger = logging.getLogger(__name__)

_SLACK_BYTES = 64 << 20
_SHARD = "5GB"
_KEPT_FILES = ("LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*")
_PROBE = "Answer with exactly <Judgement>yes</Judgement> or <Judgement>no</Judgement>."
_CPU = torch.device("cpu")


def job(run: RunDirectory, arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Write `arguments["model"]` in 4 bits to the folder `arguments["to"]`.

    Returns:
        `model`, `path`, `bytes`, and the `source_bytes` it was made from.

    Raises:
        ModelError: the model cannot be had, or is in 4 bits already.
        RunError: something is in the way, or the disk has no room.
        InternalError: what was written is not what was in memory.
    """
    reference = resolve_reference(arguments["model"])
    target = new_folder(Path(arguments["to"]))

    def phase(name: str, done: int = 0, total: int | None = None) -> None:
        reporter.progress(name, done, total)
        if "stop" in reporter.requested():
            reporter.acknowledge("stop")
            raise StopNow

    reporter.state("loading")
    folder = model_folder(reference.name, fetch=True, progress=lambda done, total: phase("fetching", done, total))
    if stored_quantization(folder) != "none":
        raise ModelError(f"{reference.name} is in 4 bits already.", f"Use or copy {folder} as it is.")
    with draft_folder(target, _needed_bytes(folder), "bundle") as draft:
        phase("quantizing")
        loaded = load_model(reference.name, quantize="nf4", precision="bfloat16", device=_CPU)
        reporter.state("saving")
        phase("writing")
        try:
            _write(loaded, folder, draft)
            _write_manifest(reference, folder, draft)
        except OSError as error:
            raise disk_error(error, f"write the bundle to {target}") from None
        expected = _probe(loaded)
        del loaded  # two of a large model would not fit into many a machine
        phase("loading it again")
        _require_same(reference.name, expected, draft)
        put_in_place(draft, target)
    return {
        "model": reference.name,
        "path": str(target),
        "bytes": folder_bytes(target),
        "source_bytes": folder_bytes(folder),
    }


def _needed_bytes(folder: Path) -> int:
    """Return about how much disk the bundle takes; all of the source for an architecture that is not known here."""
    try:
        return weights_bytes(shape_of_folder(folder), "nf4", 2) + _SLACK_BYTES
    except ModelError:
        return folder_bytes(folder) + _SLACK_BYTES


def _write(loaded: LoadedModel, source: Path, draft: Path) -> None:
    loaded.model.save_pretrained(draft, max_shard_size=_SHARD)
    loaded.tokenizer.save_pretrained(draft)
    if loaded.model.generation_config is not None:
        loaded.model.generation_config.save_pretrained(draft)
    for pattern in _KEPT_FILES:
        for file in source.glob(pattern):
            shutil.copyfile(file, draft / file.name)


def _write_manifest(reference: Reference, source: Path, draft: Path) -> None:
    """Record where the weights came from, how they were quantized, and the hash of every file."""
    made_from = read_manifest(source) or {}
    files = sorted(path for path in draft.iterdir() if path.is_file())
    manifest = {
        "v": 1,
        "name": reference.name,
        "hub_id": reference.hub_id or made_from.get("hub_id"),
        "source": "bundle",
        "licence": reference.entry.licence if reference.entry else made_from.get("licence"),
        "quantization": {"kind": "nf4", "double_quantization": True, "other_weights": "bfloat16"},
        "made_from": {key: made_from[key] for key in ("source", "url", "converted_from", "files") if key in made_from},
        "files": {path.name: {"sha256": file_sha256(path), "bytes": path.stat().st_size} for path in files},
    }
    (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


@torch.no_grad()
def _probe(loaded: LoadedModel) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the token ids of a short text, (1, L), and the logits of the model for them, (1, L, vocabulary)."""
    ids = loaded.tokenizer(_PROBE, add_special_tokens=False, return_tensors="pt")["input_ids"]
    return ids, loaded.model(input_ids=ids).logits.clone()


def _require_same(name: str, expected: tuple[torch.Tensor, torch.Tensor], draft: Path) -> None:
    """Load the folder as anyone would and compare its logits with those of the model that was written."""
    require_whole(draft, name=name)
    if problems := verify_folder(draft):
        raise InternalError(f"The bundle is damaged: {' '.join(problems)}", "Check the disk and try again.")
    ids, logits = _probe(load_model(str(draft), precision="bfloat16", device=_CPU))
    if not torch.equal(ids, expected[0]):
        raise InternalError("The bundle's tokenizer reads text otherwise.", "Please report this.")
    if not torch.equal(logits, expected[1]):
        raise InternalError("The bundle's logits are not those of the model it was made from.", "Please report this.")
    logger.info("the bundle in %s gives the very logits of the model it was made from", draft)
