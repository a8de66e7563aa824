"""Logging, listing and serving runs, with the bars that they are held to; `cargo xtask bench runs` runs it.

    python runs.py --data DIR [--peers] [--runs 3] [--smoke]

Prints `task | who | figure | unit | bar`. DIR is where stores are made. With --peers MLflow's server on its SQLite store is
asked the same by the same program (`peers/log_batch.py`), and its client lists a thousand runs; the interpreter that has
MLflow is named in GRADFRAME_BENCH_MLFLOW. --smoke takes little of all: it shows that all of it runs, and measures nothing.
"""

import argparse
import hashlib
import http.client
import multiprocessing
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import gradframe as gf

HERE = pathlib.Path(__file__).parent
METRICS, STEPS, KEYS, PROCESSES, CLIENTS = 20, 100, 10, 8, 16
COMMAND = "from gradframe._command import main; import sys; main()"


def line(task, who, figure, unit, bar=""):
    print(f"runs {task} | {who} | {'not measured' if figure is None else f'{figure:.4g}'} | {unit} | {bar}", flush=True)


def gradframe(*words, **more):
    """The command line, as its users start it."""
    return subprocess.run([sys.executable, "-c", COMMAND, *words], check=True, capture_output=True, text=True, **more)


# --- logging ---------------------------------------------------------------------------------------------------------------


def from_rust(place, smoke):
    """Nanoseconds a scalar, as an example of the engine says."""
    cargo = os.environ.get("CARGO", "cargo")
    profile = [] if smoke else ["--release"]
    words = [cargo, "run", "--quiet", "--package", "gradframe", "--example", "log_rate", *profile, "--", str(place / "rust")]
    said = subprocess.run([*words, "1000" if smoke else "200000"], check=True, capture_output=True, text=True)
    line("log, one scalar from Rust", "gradframe", float(said.stdout.split()[-1]) / 1e3, "µs", "2")


def from_python(place, smoke):
    calls = 1_000 if smoke else 100_000
    values = {f"metric{i}": i / 7 for i in range(KEYS)}
    with gf.Session(home=place / "python").run("loop", code=False) as run:
        run.log(values, step=0)
        start = time.perf_counter()
        for step in range(1, calls):
            run.log(values, step=step)
        taken = time.perf_counter() - start
    line("log, ten keys from Python", "gradframe", 1e6 * taken / (calls - 1), "µs", "20")


def log_many(home, calls):
    values = {f"metric{i}": i / 7 for i in range(KEYS)}
    with gf.Session(home=home).run("one of many", code=False) as run:
        for step in range(calls):
            run.log(values, step=step)


def from_processes(place, smoke):
    points = 16_000 if smoke else 1_000_000
    home, calls = place / "processes", points // PROCESSES // KEYS
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=log_many, args=(home, calls)) for _ in range(PROCESSES)]
    start = time.perf_counter()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    taken = time.perf_counter() - start
    [(kept,)] = gf.Session(home=home).sql("SELECT count(*) FROM gradframe.metrics").collect().rows()
    assert kept == calls * PROCESSES * KEYS, f"{kept} of {calls * PROCESSES * KEYS} points were kept"
    line(f"{points} points from {PROCESSES} processes", "gradframe", taken, "s", "10")


# --- artifacts -------------------------------------------------------------------------------------------------------------


def peak_bytes(process="self"):
    """The most memory that a process has had."""
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    return next(int(of.split()[1]) * 1024 for of in status.splitlines() if of.startswith("VmHWM:"))


def sha256(blocks):
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


def blocks_of(file):
    while block := file.read(1 << 20):
        yield block


def log_large(home, path, told):
    session = gf.Session(home=home)
    with session.run("large", code=False, resources=False) as run:
        run.log_text("small.txt", "first, so that what is there anyway does not count")
        before = peak_bytes()
        start = time.perf_counter()
        run.log_artifact(path, "large.bin")
        told.put((run.id, time.perf_counter() - start, peak_bytes() - before))


def large_artifact(place, smoke):
    """One of 5 GB: logged, and put and got by way of the server. Content is compared by its hash, memory at its peak."""
    size, home, path = 50_000_000 if smoke else 5_000_000_000, place / "large", place / "large.bin"
    block = os.urandom(1 << 20)
    with open(path, "wb") as file:
        for number in range(0, size, len(block)):
            file.write(number.to_bytes(8, "little") + block[8 : min(len(block), max(size - number, 8))])
    with open(path, "rb") as file:
        expected, size = sha256(blocks_of(file)), path.stat().st_size
    shown = f"an artifact of {size / 1e9:.2g} GB"
    spawn = multiprocessing.get_context("spawn")
    told = spawn.Queue()
    writer = spawn.Process(target=log_large, args=(home, path, told))
    writer.start()
    run, taken, grown = told.get()
    writer.join()
    with open(gf.Session(home=home).artifact(run, "large.bin"), "rb") as file:
        assert sha256(blocks_of(file)) == expected, "the artifact is not what was logged"
    line(f"{shown}, logged", "gradframe", size / taken / 1e6, "MB/s")
    line(f"{shown}, logged: memory beyond that of a small one", "gradframe", grown / 1e6, "MB")
    port = free_port()
    words = [sys.executable, "-c", COMMAND, "serve", "--port", str(port), "--home", str(home)]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        server.stdout.readline()
        address = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts"
        client = http.client.HTTPConnection("127.0.0.1", port)
        client.request("PUT", f"{address}/small.bin", body=b"small")
        assert client.getresponse().read() == b"{}"
        before, start = peak_bytes(server.pid), time.perf_counter()
        with open(path, "rb") as file:
            client.request("PUT", f"{address}/again.bin", body=file, headers={"content-length": str(size)})
            assert client.getresponse().read() == b"{}"
        taken = time.perf_counter() - start
        client.request("GET", f"{address}/again.bin")
        assert sha256(blocks_of(client.getresponse())) == expected, "the artifact is not what was put"
        line(f"{shown}, put to the server", "gradframe", size / taken / 1e6, "MB/s")
        line(f"{shown}, put and got: memory of the server beyond that of a small one", "gradframe", (peak_bytes(server.pid) - before) / 1e6, "MB")
    finally:
        server.kill()
        server.wait()
    shutil.rmtree(home)
    path.unlink()


# --- reading ---------------------------------------------------------------------------------------------------------------


def fill(home, start, end):
    session = gf.Session(home=home)
    for number in range(start, end):
        with session.run(f"run {number}", params={"lr": number % 10 / 10}, code=False) as run:
            for step in range(STEPS):
                run.log({f"m{i}": (number * 31 + i * 7 + step) % 1000 / 1000 for i in range(METRICS)}, step=step)


def filled(place, smoke):
    """A store of many runs, made once."""
    runs = 100 if smoke else 30_000
    home = place / f"store-{runs}"
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        spawn = multiprocessing.get_context("spawn")
        halves = [(0, runs // 2), (runs // 2, runs)]
        writers = [spawn.Process(target=fill, args=(home, *half)) for half in halves]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        (home / "complete").touch()
    return home, runs


def reading(place, smoke, repeats):
    home, runs = filled(place, smoke)
    columns = ", ".join(["run", "title", *(f"metrics.m{i}" for i in range(METRICS))])
    words = ["runs", "ls", "-n", "100", "--columns", columns, "--where", "metrics.m0 < 0.9", "--sort", "metrics.m1"]
    shape = f"{runs} runs x {METRICS} metrics x {STEPS} steps"
    taken = median(lambda: gradframe(*words, "--format", "csv", "--home", str(home)), repeats)
    line(f"list of {shape}, as a process", "gradframe", taken, "s", "1")
    session = gf.Session(home=home)
    [(run,)] = session.sql("SELECT max(run) FROM gradframe.runs").collect().rows()
    curve = f"SELECT step, value FROM gradframe.metrics WHERE run = '{run}' AND name = 'm3' ORDER BY step"
    assert session.sql(curve).collect().height == STEPS
    line(f"one curve of {shape}", "gradframe", 1e3 * median(lambda: session.sql(curve).collect(), repeats), "ms", "20")


def median(run, repeats):
    """Seconds, after one that does not count."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


# --- serving ---------------------------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def asked(port, seconds):
    """What the clients say."""
    words = [sys.executable, str(HERE / "peers/log_batch.py"), str(port), str(CLIENTS), seconds]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def serving(who, words, port, smoke, **more):
    """Batches a second that a server takes from all clients; it is stopped then, with all processes that it has started."""
    with tempfile.TemporaryFile("w+") as said_by_server:
        server = subprocess.Popen(words, stdout=said_by_server, stderr=subprocess.STDOUT, start_new_session=True, **more)
        try:
            seconds = "1" if smoke else "10"
            # The first round starts its workers, and does not count.
            asked(port, "2")
            rate = float(asked(port, seconds).split()[-1])
        except subprocess.CalledProcessError as error:
            said_by_server.seek(0)
            raise SystemExit(f"{who}: {error.stderr.strip()}\n{said_by_server.read()[-2000:]}") from error
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
    line(f"log-batch of {KEYS} metrics, {CLIENTS} clients", who, rate, "batches/s")
    return rate


def serving_both(place, smoke, peers):
    port = free_port()
    words = [sys.executable, "-c", COMMAND, "serve", "--port", str(port), "--home", str(place / "served")]
    ours = serving("gradframe serve", words, port, smoke)
    python = os.environ.get("GRADFRAME_BENCH_MLFLOW")
    if not (peers and python):
        return
    port, store = free_port(), place / "mlflow"
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir(parents=True)
    words = [python, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{store}/mlflow.db", "--port", str(port)]
    theirs = serving("mlflow server, SQLite", words, port, smoke, cwd=store)
    line("log-batch, times MLflow's", "gradframe", ours / theirs, "x", "20")
    listed = subprocess.run(
        [python, str(HERE / "peers/mlflow_listing.py"), f"sqlite:///{store}/mlflow.db", "50" if smoke else "1000"],
        check=True,
        capture_output=True,
        text=True,
    )
    shape = f"{50 if smoke else 1000} runs x {METRICS} metrics x {STEPS} steps"
    line(f"list of {shape}", "mlflow, SQLite", float(listed.stdout.split()[-1]), "s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    place = options.data / "runs"
    for made in ("rust", "python", "processes", "large", "served"):
        shutil.rmtree(place / made, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    from_rust(place, options.smoke)
    from_python(place, options.smoke)
    from_processes(place, options.smoke)
    large_artifact(place, options.smoke)
    reading(place, options.smoke, options.runs)
    serving_both(place, options.smoke, options.peers)


if __name__ == "__main__":
    main()
