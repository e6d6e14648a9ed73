"""Which addresses, hosts and origins the web server accepts."""

import pytest

from nlu_rl.web.access import Access, WebError, access_for, host_name

LOOPBACK = Access()


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:9000", "127.5.5.5", "[::1]:8000"])
def test_a_loopback_name_is_answered_on_any_port(host: str) -> None:
    assert LOOPBACK.host_allowed(host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "[::2]",
     "0.0.0.0", "[", "evil.example@127.0.0.1", "evil@localhost.example"],
)  # fmt: skip
def test_a_name_that_may_have_been_rebound_is_not(host: str) -> None:
    assert not LOOPBACK.host_allowed(host)


@pytest.mark.parametrize(
    ("origin", "host", "answer"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        ("http://127.0.0.1:9000", "127.0.0.1:9000", True),  # through a tunnel from another port
        ("http://localhost:3000", "localhost:8000", False),  # another page of this machine
        ("http://127.0.0.1:8000", "localhost:8000", False),
        ("https://evil.example", "localhost:8000", False),
        ("http://evil.example", "evil.example", False),
        ("null", "localhost:8000", False),
        ("file://localhost:8000", "localhost:8000", False),
    ],
)
def test_only_the_page_itself_may_talk(origin: str, host: str, answer: bool) -> None:
    assert LOOPBACK.origin_allowed(origin, host) is answer


def test_a_proxy_is_answered_where_it_was_named() -> None:
    access = access_for("127.0.0.1", trusted=False, public_url="https://gpu.example/nlu/")
    assert access.host_allowed("gpu.example")
    assert access.origin_allowed("https://gpu.example", "127.0.0.1:8000")
    assert not access.origin_allowed("http://gpu.example", "127.0.0.1:8000")
    assert not access.host_allowed("other.example")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])
def test_what_others_can_reach_wants_the_flag(host: str) -> None:
    with pytest.raises(WebError, match="other machines") as refused:
        access_for(host, trusted=False, public_url=None)
    assert "ssh -L" in refused.value.fix
    access = access_for(host, trusted=True, public_url=None)
    assert access.host_allowed("192.168.1.5:8000")
    assert not access.host_allowed("evil.example")


@pytest.mark.parametrize("url", ["gpu.example", "ftp://gpu.example", "https://", "https:///nlu"])
def test_a_public_address_is_a_whole_one(url: str) -> None:
    with pytest.raises(WebError, match="not the address of a page"):
        access_for("127.0.0.1", trusted=False, public_url=url)


def test_names_of_hosts() -> None:
    assert host_name("[::1]:80") == "::1"
    assert host_name("A.example:80") == "a.example"
