"""`{"targets": [[host, port], …], "timeout": seconds}`: prints of each, in their order, `null` where a
connection was made, else why not.
"""

import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor


def refusal(host: str, port: int, timeout: float) -> str | None:
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError as error:
        return str(error)
    return None


def main() -> None:
    asked = json.loads(sys.argv[1])
    with ThreadPoolExecutor(16) as pool:
        tried = [pool.submit(refusal, host, port, asked["timeout"]) for host, port in asked["targets"]]
    print(json.dumps([one.result() for one in tried]))


main()
