"""A repository of the hub: files in memory by path, on its main branch and on others."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

MAIN = "main"
LARGE = (".safetensors", ".parquet", ".zip", ".bin")
"""Endings of what the hub keeps apart from the repository, and answers by a redirect."""


@dataclass
class Repository:
    """`kind` is models or datasets. `hidden` and `files_hidden` are a status and error code to refuse with.

    A file called `spoilt` arrives with other bytes than the hub states.
    """

    kind: str
    name: str
    files: dict[str, bytes]
    branches: dict[str, dict[str, bytes]] = field(default_factory=dict)
    hidden: tuple[int, str] | None = None
    files_hidden: tuple[int, str] | None = None
    spoilt: str | None = None

    def commit(self, branch: str = MAIN) -> str:
        """Return the commit a branch is at."""
        return hashlib.sha1(f"{self.kind}/{self.name}@{branch}".encode()).hexdigest()

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Return the commit and the files of a branch or a commit; None when there is no such revision."""
        for branch, files in {MAIN: self.files, **self.branches}.items():
            if revision in (branch, self.commit(branch)):
                return self.commit(branch), files
        return None

    def info(self, revision: str) -> dict[str, Any]:
        """Return what the hub tells of a repository."""
        commit, files = self.at(revision) or ("", {})
        siblings = []
        for path, content in files.items():
            sibling: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": blob_id(content)}
            if path.endswith(LARGE):
                sibling["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 100}
            siblings.append(sibling)
        names = {"id": self.name, "sha": commit, "private": False, "gated": False, "tags": []}
        return {**names, "siblings": siblings, "cardData": {"license": "mit"}}

    def refs(self) -> dict[str, Any]:
        """Return the branches there are."""
        refs: dict[str, Any] = {"branches": [], "converts": [], "tags": []}
        for branch in (MAIN, *self.branches):
            converted = branch.startswith("refs/convert/")
            name, ref = (branch.rpartition("/")[2], branch) if converted else (branch, f"refs/heads/{branch}")
            refs["converts" if converted else "branches"].append(
                {"name": name, "ref": ref, "targetCommit": self.commit(branch)}
            )
        return refs

    def tree(self, revision: str, folder: str, *, recursive: bool) -> list[dict[str, Any]] | None:
        """Return the files and folders below a folder; None when there is none of this name."""
        _, files = self.at(revision) or ("", {})
        start = f"{folder}/" if folder else ""
        inside = [path for path in files if path.startswith(start)]
        parents = (str(parent) for path in inside for parent in PurePosixPath(path).parents)
        folders = {parent for parent in parents if parent != "." and parent.startswith(start)}
        entries = [*map(directory_entry, sorted(folders)), *(file_entry(path, files[path]) for path in inside)]
        if not recursive:
            entries = [entry for entry in entries if "/" not in entry["path"].removeprefix(start)]
        return entries if entries or not folder else None

    def paths(self, revision: str, paths: list[str]) -> list[dict[str, Any]]:
        """Return the files and folders of these names, without those there are not."""
        _, files = self.at(revision) or ("", {})
        found = [file_entry(path, files[path]) for path in paths if path in files]
        folders = (path for path in paths if any(name.startswith(f"{path}/") for name in files))
        return [*found, *map(directory_entry, folders)]


def model_repository(name: str, folder: Path) -> Repository:
    """Return the model in a folder as a repository, with weights in the older form beside the others."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return Repository("models", name, {**files, "pytorch_model.bin": b"never fetched"})


def file_entry(path: str, content: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": blob_id(content)}
    if path.endswith(LARGE):
        entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 100}
    return entry


def directory_entry(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "size": 0, "oid": hashlib.sha1(path.encode()).hexdigest()}


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
