"""Where a base model comes from: its name on the hub and its licence, also where it is a folder with a manifest.

What is made for others (model cards, adapters) names a base by this, never by a folder of this machine.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from nlu_rl.models.catalogue import HUB_ID, Reference, entry_of_hub_id
from nlu_rl.models.verify import read_manifest

_HUB_LICENCES = {
    "Apache-2.0": "apache-2.0",
    "Llama 2 Community License": "llama2",
    "CC-BY-NC-SA-4.0 (not for commercial use)": "cc-by-nc-sa-4.0",
}
_HUB_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]*")


@dataclass(frozen=True, slots=True)
class Origin:
    """The public facts of a base; None where nothing is recorded."""

    name: str
    """The hub id, else the bare name of the folder."""
    hub_id: str | None
    licence: str | None
    licence_url: str | None

    @property
    def hub_licence(self) -> str:
        """The licence as the hub's cards name it."""
        licence = self.licence or "other"
        return _HUB_LICENCES.get(licence) or (licence if _HUB_LICENCE.fullmatch(licence) else "other")


def origin_of(reference: Reference) -> Origin:
    """Return the origin of a base, from the catalogue or from the manifest in its folder."""
    manifest = read_manifest(reference.folder) or {}
    recorded, licence = manifest.get("hub_id"), manifest.get("licence")
    hub_id = reference.hub_id
    if hub_id is None and isinstance(recorded, str) and HUB_ID.fullmatch(recorded):
        hub_id = recorded
    entry = reference.entry or entry_of_hub_id(hub_id or "")
    if entry:
        return Origin(entry.hub_id, entry.hub_id, entry.licence, entry.licence_url)
    return Origin(hub_id or reference.folder.name, hub_id, licence if isinstance(licence, str) else None, None)


def bare_name(reference: str) -> str:
    """Return the name alone of a folder, and anything else as it is."""
    return Path(reference).name if os.path.isabs(reference) else reference
