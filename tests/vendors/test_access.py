"""Keys and hosts: what is set is used, what is wrong is told, and no key is ever in the words."""

from __future__ import annotations

import pytest

from undertow.app.vendors.access import access
from undertow.core.errors import BadInput

SECRET = "canary-key-of-a-plan-123"


def test_keys_come_from_flags_first_and_either_name() -> None:
    assert not access(environment={}).any
    for name in ("POLYGON_API_KEY", "MASSIVE_API_KEY"):
        assert access(environment={name: SECRET}).massive is not None
    given = access("flag-key-1234567", environment={"POLYGON_API_KEY": SECRET}).massive
    assert given is not None
    assert given.name == access(environment={"MASSIVE_API_KEY": "flag-key-1234567"}).massive.name  # type: ignore[union-attr]
    assert SECRET not in repr(access(SECRET, SECRET, {"MASSIVE_S3_ACCESS_KEY_ID": SECRET, "MASSIVE_S3_SECRET_ACCESS_KEY": SECRET}))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("POLYGON_BASE_URL", "http://example.com", "in the clear"),
        ("UW_WS_URL", "ws://10.0.0.1/socket", "in the clear"),
        ("UW_BASE_URL", "not an address", "no address"),
        ("FLATFILES_ENDPOINT", "ftp://127.0.0.1", "no address"),
        ("POLYGON_BASE_URL", "https://user:password@host", "no address"),
        ("POLYGON_BASE_URL", "https://host:port", "no address"),
        ("MASSIVE_S3_ACCESS_KEY_ID", SECRET, "belong together"),
    ],
)
def test_wrong_settings_are_told_by_their_name(name: str, value: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        access(environment={name: value})
    assert name in str(caught.value)
    assert SECRET not in str(caught.value)


def test_loopback_may_be_plain() -> None:
    hosts = access(environment={"POLYGON_BASE_URL": "http://127.0.0.1:8700/", "UW_WS_URL": "ws://localhost:8700/socket"}).hosts
    assert hosts.massive == "http://127.0.0.1:8700"
    assert hosts.whales_socket == "ws://localhost:8700/socket"
    assert hosts.whales == "https://api.unusualwhales.com"
