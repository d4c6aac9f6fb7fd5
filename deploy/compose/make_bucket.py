"""Makes the bucket of S3_BUCKET unless it is there; S3 servers start without any, and FacePass makes none."""

import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from facepass.entrypoints.environment import load_settings

THERE = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def main() -> str | None:
    """What went wrong; None where the bucket is there."""
    store = load_settings(os.environ).object_store
    if store.s3_bucket is None or store.s3_access_key is None or store.s3_secret_key is None:
        return "S3_BUCKET is not set: nothing to do."
    client = boto3.client(
        "s3",
        endpoint_url=store.s3_endpoint,
        region_name=store.s3_region,
        aws_access_key_id=store.s3_access_key.reveal(),
        aws_secret_access_key=store.s3_secret_key.reveal(),
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )
    try:
        client.head_bucket(Bucket=store.s3_bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            return f"{store.s3_bucket}: {error}"
    except BotoCoreError as error:
        return f"{store.s3_endpoint}: {error}"
    else:
        return None
    try:
        client.create_bucket(Bucket=store.s3_bucket)
    except ClientError as error:
        return None if error.response["Error"]["Code"] in THERE else f"{store.s3_bucket}: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
