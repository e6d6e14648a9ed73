"""Who may talk to the server: where it listens, and which Host and which Origin it answers. Pure but for names.

The interface can start programs and delete runs, and has no password, so whoever reaches it is trusted. A foreign web
page in the user's own browser is kept out by two checks: the Host must be a name of this machine (a page that has its
name rebound to 127.0.0.1 still sends its own), and the Origin must be the page's own address.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from nlu_rl.errors import NluRlError

TRUST_FLAG = "--i-trust-this-network"
_ALWAYS = ("localhost",)


class WebError(NluRlError):
    """An address that cannot, or must not, be served."""


@dataclass(frozen=True, slots=True)
class Access:
    """What is answered: loopback addresses always; `names` and, where `any_address`, every literal IP address as well.

    `public_url` is where a reverse proxy shows the page: its host and origin are answered too.
    """

    names: frozenset[str] = frozenset()
    any_address: bool = False
    public_url: str | None = None

    def host_allowed(self, host: str) -> bool:
        """Return whether a Host header (`name` or `name:port`) is one of ours."""
        name = host_name(host)
        if not name:
            return False
        if name in _ALWAYS or name in self.names or name == host_name(urlsplit(self.public_url or "").netloc):
            return True
        address = _address(name)
        return address is not None and (self.any_address or address.is_loopback)

    def origin_allowed(self, origin: str, host: str) -> bool:
        """Return whether an Origin header is this page's own, asked for under this Host."""
        if self.public_url is not None and origin.lower() == _origin(self.public_url):
            return True
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower() and self.host_allowed(host)


def access_for(host: str, *, trusted: bool, public_url: str | None) -> Access:
    """Return what a server on `host` answers.

    Raises:
        WebError: `host` is no address, or can be reached from other machines and that was not asked for; or
            `public_url` is none.
    """
    if public_url is not None and (urlsplit(public_url).scheme not in ("http", "https") or not _named(public_url)):
        raise WebError(f"'{public_url}' is not the address of a page.", "Give it whole, as in https://gpu.example.org.")
    addresses = addresses_of(host)
    if all(address.is_loopback for address in addresses):
        return Access(public_url=public_url)
    if not trusted:
        raise WebError(
            f"{host} can be reached from other machines, and whoever reaches the page can start and delete runs.",
            f"Serve on 127.0.0.1 and come through a tunnel (ssh -L 8000:127.0.0.1:8000 {socket.gethostname()}), put a "
            f"proxy that asks for a password in front, or, where everyone may do that, add {TRUST_FLAG}.",
        )
    names = {host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
    return Access(names=frozenset(names), any_address=True, public_url=public_url)


def addresses_of(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Return the addresses a host name stands for. Raises WebError when there is none."""
    if (literal := _address(host)) is not None:
        return [literal]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    addresses = [address for entry in found if (address := _address(str(entry[4][0]))) is not None]
    if not addresses:
        raise WebError(f"'{host}' is not an address of this machine.", "Use 127.0.0.1, or a name this machine knows.")
    return addresses


def host_name(host: str) -> str:
    """Return the name of a Host header in lower case, without port and brackets; empty when it has none."""
    try:
        return "" if "@" in host else urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _named(url: str) -> bool:
    return bool(host_name(urlsplit(url).netloc))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return None
