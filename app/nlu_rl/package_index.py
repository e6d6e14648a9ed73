"""Where a project's file lies in the package index that pip is configured for.

The index answers in JSON (PEP 691) or HTML (PEP 503). Not a resolver: the file is named in full by who asks, and its
hash decides whether it is the right one, so extra indexes and local folders are as good as the first.
"""

import html.parser
import json
import os
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from nlu_rl.connection import DownloadError, MissingFileError, explain_failure, open_url

_PYPI = "https://pypi.org/simple"
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


def package_file_url(project: str, file_name: str) -> str:
    """Return the URL of `file_name` of `project`.

    Raises:
        DownloadError: no configured index has the file, or none can be reached.
    """
    for folder in _local_folders():
        if os.path.isfile(folder / file_name):
            return (folder / file_name).resolve().as_uri()
    first_error: DownloadError | None = None
    indexes = _indexes()
    for index in indexes:
        try:
            return _url_in_index(index, project, file_name)
        except DownloadError as error:
            if first_error is None or isinstance(first_error, MissingFileError):
                first_error = error
    if first_error and not isinstance(first_error, MissingFileError):
        raise first_error
    hosts = ", ".join(urlsplit(index).hostname or index for index in indexes) or "none (no-index is set)"
    raise MissingFileError(
        f"The package index ({hosts}) does not have {file_name} of {project}.",
        "Set PIP_INDEX_URL to an index that mirrors pypi.org.",
    )


def _url_in_index(index: str, project: str, file_name: str) -> str:
    name = re.sub(r"[-_.]+", "-", project).lower()
    page = f"{index.rstrip('/')}/{name}/"
    try:
        if page.startswith("file:"):
            page += "index.html"
        with open_url(page, headers={"Accept": _ACCEPT}) as response:
            base, content_type = response.url or page, response.headers.get("Content-Type") or ""
            text = response.read().decode("utf-8", errors="replace")
    except (OSError, ValueError) as error:
        raise explain_failure(page, error) from None
    for url in _links_json(text) if "json" in content_type else _links_html(text):
        if unquote(urlsplit(url).path).rpartition("/")[2] == file_name:
            return _with_credentials(urldefrag(urljoin(base, url)).url, index)
    raise MissingFileError(f"{page} does not list {file_name}.", "Check the name, or the index.")


def _links_json(text: str) -> list[str]:
    try:
        return [str(entry["url"]) for entry in json.loads(text)["files"]]
    except (ValueError, KeyError, TypeError):
        return []


def _links_html(text: str) -> list[str]:
    links: list[str] = []

    class Anchors(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            links.extend(value for key, value in attrs if tag == "a" and key == "href" and value)

    Anchors().feed(text)
    return links


def _with_credentials(url: str, index: str) -> str:
    """Carry the index's user and password over to files on the same host, and to no other."""
    user, at, host = urlsplit(index).netloc.rpartition("@")
    if not at or urlsplit(url).netloc != host:
        return url
    return url.replace(f"//{host}", f"//{user}@{host}", 1)


def _indexes() -> list[str]:
    if _setting("no-index").lower() in ("1", "true", "yes", "on"):
        return []
    first = _setting("index-url") or _PYPI
    return [first, *_setting("extra-index-url").split()]


def _local_folders() -> list[Path]:
    places = (place.removeprefix("file://") for place in _setting("find-links").split())
    return [Path(place) for place in places if os.path.isdir(place)]


def _setting(name: str) -> str:
    """Return pip's setting: the environment's, else the configuration files'."""
    from_environment = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    return from_environment if from_environment is not None else _pip_configuration().get(name, "")


@lru_cache(maxsize=1)
def _pip_configuration() -> dict[str, str]:
    """Return the [global] and [download] settings of pip's files, later ones over earlier; empty without pip."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    try:
        listing = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    settings: dict[str, str] = {}
    for line in listing.stdout.splitlines():
        found: Any = re.match(r"(global|download|install)\.([\w-]+)='(.*)'$", line)
        if found:
            settings[found.group(2)] = found.group(3).encode().decode("unicode_escape")
    return settings
