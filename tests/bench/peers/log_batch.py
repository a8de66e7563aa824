"""Clients that log batches to a server that speaks MLflow's interface, for some seconds: prints batches a second.

    python log_batch.py PORT CLIENTS SECONDS

Plain requests over connections that stay open, a process for each four clients: so that the client is not what is measured.
What a server answers with an error of its own (MLflow's, where SQLite is locked by another of its workers) is asked again, and counts
when it is taken.
"""

import http.client
import json
import multiprocessing
import sys
import threading
import time

THREADS, KEYS = 4, 10
# A server that is silent for so long is not waited for: no program hangs on it.
PATIENCE_SECONDS = 60


def post(connection, name, arguments, end):
    """The answer; None if there is none before the end."""
    while time.time() < end:
        connection.request("POST", f"/api/2.0/mlflow/{name}", json.dumps(arguments), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 200:
            return json.loads(body)
        if answer.status < 500:
            raise SystemExit(f"{name}: {answer.status} {body[:300]!r}")
    return None


def client(port, end, counts):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    made = post(connection, "runs/create", {"experiment_id": "0", "start_time": 1}, end)
    run = made["run"]["info"]["run_id"] if made else None
    step = 0
    try:
        while run and time.time() < end:
            metrics = [{"key": f"m{i}", "value": i / 7, "step": step, "timestamp": step + 1} for i in range(KEYS)]
            step += post(connection, "runs/log-batch", {"run_id": run, "metrics": metrics}, end) is not None
    finally:
        # What was taken counts, also of a client that was cut off then.
        counts.append(step)


def process(port, end, threads, results):
    counts = []
    clients = [threading.Thread(target=client, args=(port, end, counts)) for _ in range(threads)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    results.put(sum(counts))


def wait_for(port):
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit("the server does not answer")


if __name__ == "__main__":
    port, clients, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    wait_for(port)
    results, end = multiprocessing.Queue(), time.time() + seconds
    processes = [multiprocessing.Process(target=process, args=(port, end, THREADS, results)) for _ in range(clients // THREADS)]
    for one in processes:
        one.start()
    batches = sum(results.get() for _ in processes)
    for one in processes:
        one.join()
    print(batches / seconds)
