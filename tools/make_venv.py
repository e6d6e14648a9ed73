"""Makes the virtual environment, also on a Debian whose Python comes without ensurepip (package python3-venv).

Standard library only. Without ensurepip the environment is made bare and pip's own wheel, found in the package index
and checked against a pinned SHA-256, installs itself.
"""

import hashlib
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import venv
from pathlib import Path

PIP_WHEEL = "pip-25.3-py3-none-any.whl"
PIP_SHA256 = "9655943313a94722b7774661c21049070f6bbb0a1516bf02f7c8d5d9201514cd"


def main(folder: Path) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - make runs this with whatever python3 is
        sys.exit(f"nlu-rl needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try make PYTHON=python3.11.")
    if (folder / "bin" / "pip").exists():
        return
    try:
        import ensurepip  # noqa: F401

        venv.create(folder, with_pip=True, clear=True)
    except (ImportError, subprocess.CalledProcessError):
        venv.create(folder, with_pip=False, clear=True)
        install_pip(folder / "bin" / "python")


def install_pip(python: Path) -> None:
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE"))
    request = urllib.request.Request(f"{index}/pip/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(request, context=context) as reply:
        url = wheel_url(reply.read().decode(), reply.url)
    with urllib.request.urlopen(url, context=context) as reply:
        wheel = reply.read()
    if hashlib.sha256(wheel).hexdigest() != PIP_SHA256:
        sys.exit(f"{PIP_WHEEL} from {url} is not the pinned file. Install the package python3-venv instead.")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / PIP_WHEEL
        path.write_bytes(wheel)
        subprocess.run([python, f"{path}/pip", "install", "--no-index", path], check=True)


def wheel_url(page: str, base: str) -> str:
    """Find the wheel on the index's page, JSON or, from older mirrors, HTML."""
    try:
        links = [file["url"] for file in json.loads(page)["files"]]
    except ValueError:
        links = re.findall(r'href="([^"]+)"', page)
    found = [link for link in links if PIP_WHEEL in link]
    if not found:
        sys.exit(f"The package index has no {PIP_WHEEL}. Install the package python3-venv instead.")
    return urllib.parse.urljoin(base, found[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
