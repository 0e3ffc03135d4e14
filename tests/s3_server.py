"""A real S3-speaking server on loopback: moto's, in this process.

    with s3_server() as client: client.create_bucket(Bucket="frames")

What reads `AWS_*` from the environment, as FireWarden does, meets it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

_WHO = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@contextmanager
def s3_server() -> Iterator[Any]:
    """A boto3 client of a server that is empty; the environment names it for others meanwhile."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        with patch.dict(os.environ, _WHO | {"AWS_ENDPOINT_URL": url, "AWS_ALLOW_HTTP": "true"}):
            yield boto3.client("s3", endpoint_url=url, region_name="us-east-1")
    finally:
        server.stop()
