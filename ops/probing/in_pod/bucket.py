"""`{"asked": [{"do": "list" | "read", "region": …, "bucket": …, "key": …}, …], "endpoint": URL or null}`: by
rclone, with the pod's own credentials. Prints for each, in their order, the exit code and the output.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

COMMANDS = {"list": ["lsf", "--max-depth=1"], "read": ["cat", "--count=1"]}
SECONDS = 60


def environment(region: str, endpoint: str | None) -> dict[str, str]:
    variables = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": region,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "RCLONE_CONTIMEOUT": "10s",
        "RCLONE_LOW_LEVEL_RETRIES": "1",
        "RCLONE_RETRIES": "1",
        "RCLONE_S3_ENV_AUTH": "true",
        "RCLONE_S3_NO_CHECK_BUCKET": "true",
        "RCLONE_S3_PROVIDER": "AWS",
        "RCLONE_S3_REGION": region,
        "RCLONE_TIMEOUT": "30s",
    }
    if endpoint:
        variables |= {"RCLONE_S3_ENDPOINT": endpoint, "RCLONE_S3_FORCE_PATH_STYLE": "true"}
    return {**os.environ, **variables}


def attempt(request: dict[str, str], endpoint: str | None) -> list[object]:
    remote = f":s3:{request['bucket']}/{request['key']}"
    try:
        done = subprocess.run(
            [os.environ["GATE_RCLONE"], "--config=", *COMMANDS[request["do"]], remote],
            capture_output=True,
            env=environment(request["region"], endpoint),
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return [-1, f"no answer in {SECONDS} s"]
    return [done.returncode, (done.stderr or done.stdout).decode(errors="replace")[-500:]]


def main() -> None:
    arguments = json.loads(sys.argv[1])
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda request: attempt(request, arguments["endpoint"]), arguments["asked"]))
    print(json.dumps(results))


main()
