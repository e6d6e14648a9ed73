"""Opening a URL the way pip would: its certificates, the environment's proxies, credentials in the URL.

And one place that says to a person what went wrong. Not here: retries, resuming, files (`download.py`).
"""

import base64
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from nlu_rl.errors import NluRlError

_TIMEOUT_SECONDS = 20.0


class DownloadError(NluRlError):
    """A file that could not be brought here whole."""


class MissingFileError(DownloadError):
    """The server answers, and does not have the file."""


def open_url(url: str, *, headers: dict[str, str] | None = None, timeout_seconds: float = _TIMEOUT_SECONDS) -> Any:
    """Open `url` (http, https or file) with pip's certificates and the environment's proxies.

    A user and password in the URL are sent as basic authentication. Raises what urllib raises.
    """
    plain, credentials = _split_credentials(url)
    request = urllib.request.Request(plain, headers={"User-Agent": "nlu-rl", **(headers or {})})
    if credentials:
        request.add_unredirected_header("Authorization", credentials)
    context = None if plain.startswith("file:") else _tls_context()
    return urllib.request.urlopen(request, timeout=timeout_seconds, context=context)


def explain_failure(url: str, error: Exception) -> DownloadError:
    """Return what went wrong with `url`, for a person."""
    shown, host = without_credentials(url), urlsplit(url).hostname or "the file"
    if isinstance(error, urllib.error.HTTPError):
        if error.code in (404, 410):
            return MissingFileError(f"{shown} does not exist (HTTP {error.code}).", "Check the name, or the index.")
        if error.code in (401, 403, 407):
            return DownloadError(f"{host} refuses {shown} (HTTP {error.code}).", "Give credentials, or ask for access.")
        return DownloadError(f"{host} answered HTTP {error.code} for {shown}.", "Try again later.")
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadError(
            f"The certificate of {host} is not trusted: {reason.verify_message}.",
            "Set PIP_CERT to your organisation's CA bundle.",
        )
    if isinstance(reason, FileNotFoundError):
        return MissingFileError(f"{shown} does not exist.", "Check the name, or the index.")
    return DownloadError(
        f"{host} cannot be reached: {reason}.",
        "Check the network and the proxy settings (https_proxy), then try again.",
    )


def _split_credentials(url: str) -> tuple[str, str | None]:
    parts = urlsplit(url)
    if parts.username is None:
        return url, None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return plain, "Basic " + base64.b64encode(pair.encode()).decode()


def without_credentials(url: str) -> str:
    return _split_credentials(url)[0]


def _tls_context() -> ssl.SSLContext:
    """Trust what pip trusts: the bundle it is told of, else the system's and certifi's."""
    for variable in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        bundle = os.environ.get(variable)
        if not bundle:
            continue
        try:
            is_folder = Path(bundle).is_dir()
            return ssl.create_default_context(
                cafile=None if is_folder else bundle, capath=bundle if is_folder else None
            )
        except OSError as error:
            raise DownloadError(
                f"The certificate bundle {bundle} ({variable}) is not usable: {error}.", f"Correct or unset {variable}."
            ) from None
    context = ssl.create_default_context()
    try:
        import certifi
    except ImportError:
        return context
    context.load_verify_locations(certifi.where())
    return context
