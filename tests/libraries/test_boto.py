"""botocore's clients against a peer on loopback: what they keep is theirs, what is not read is a leak."""

from __future__ import annotations

import gc
from typing import Any

import pytest

boto3 = pytest.importorskip("boto3")


def _client(url: str) -> Any:
    config = boto3.session.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0})
    return boto3.client(
        "s3", endpoint_url=url, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x", config=config
    )


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_body_that_is_not_read_is_a_leak(peer: str, watching: Any, line_of: Any) -> None:
    """Clients and bodies that were read or closed are silent; of the other one the line is told."""
    client = _client(peer)
    tracker = watching("boto3")
    client.get_object(Bucket="b", Key="big")["Body"].read()
    client.get_object(Bucket="b", Key="big")["Body"].close()
    other = _client(peer)
    other.get_object(Bucket="b", Key="small")["Body"].read()
    other.close()
    del other
    gc.collect()
    assert tracker.find_leaks() == []
    body = client.get_object(Bucket="b", Key="big")["Body"]  # here
    body.read(10)
    del body
    gc.collect()
    (finding,) = tracker.find_leaks()
    assert finding.rule == "LT102"
    assert line_of(finding).endswith("# here")
    client.close()
