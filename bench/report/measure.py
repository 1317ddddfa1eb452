#!/usr/bin/env python3
"""Measures collectors of session datagrams, in turns, and prints Markdown.

    measure.py SEALPOST TLSRPT-COLLECTD DATAGRAMS FOLDER COUNT ROUNDS SECONDS PART…

Parts are `costs-LENGTH` and `losses-LENGTH`, each with that length of the kernel's queue.
It must be alone in its network namespace, for it sets net.unix.max_dgram_qlen."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time

SEALPOST, COLLECTD, DATAGRAMS, FOLDER = sys.argv[1:5]
COUNT, ROUNDS, SECONDS = map(int, sys.argv[5:8])
QUEUE = pathlib.Path("/proc/sys/net/unix/max_dgram_qlen")
SOCKET = f"{FOLDER}/tlsrpt.sock"


class Collector:
    """A process that takes datagrams."""

    def __init__(self, name):
        self.name = name

    def start(self):
        shutil.rmtree(FOLDER, ignore_errors=True)
        os.makedirs(FOLDER)
        os.sync()
        log = open(f"{FOLDER}/log", "wb")
        self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=log)
        while not os.path.exists(SOCKET):
            assert self.process.poll() is None, open(f"{FOLDER}/log").read()
            time.sleep(0.01)
        time.sleep(0.3)

    def stop(self):
        """Processor seconds of the whole process, its greatest memory in MiB, and what it counted."""
        # What is in the queue is taken first.
        time.sleep(0.3)
        self.process.send_signal(signal.SIGTERM)
        said = self.process.stdout.read()
        _, _, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, self.counted(said)


class Sealpost(Collector):
    def command(self):
        return [SEALPOST, "report", "--store", f"{FOLDER}/s.sqlite", "--socket", f"unix:{SOCKET}"]

    def counted(self, _):
        command = [SEALPOST, "report", "status", "--store", f"{FOLDER}/s.sqlite", "--format", "json"]
        days = json.loads(subprocess.check_output(command))["days"]
        return sum(day["successful"] + day["failed"] for day in days)


class Peer(Collector):
    def command(self):
        return [
            COLLECTD, "--storage", f"sqlite://{FOLDER}/c.sqlite", "--socketname", SOCKET,
            "--pidfilename", f"{FOLDER}/pid", "--log_level", "warning",
        ]

    def counted(self, _):
        with contextlib.closing(sqlite3.connect(f"{FOLDER}/c.sqlite")) as store:
            return store.execute("SELECT coalesce(sum(cntrtotal), 0) FROM finalresults").fetchone()[0]


class Drain(Collector):
    def command(self):
        return [DATAGRAMS, "drain", SOCKET]

    def counted(self, said):
        return int(said)


COLLECTORS = [Sealpost("sealpost"), Peer("tlsrpt-collectd"), Drain("bare drain")]


def send(count, domains, failures, rate):
    """How many of them were taken, and how long it took."""
    command = [DATAGRAMS, "send", SOCKET, count, domains, failures, rate]
    begin = time.monotonic()
    taken = int(subprocess.check_output(list(map(str, command))))
    return taken, time.monotonic() - begin


def run(collector, count, domains, failures, rate):
    collector.start()
    taken, seconds = send(count, domains, failures, rate) if count else (0, 1)
    cpu, memory, counted = collector.stop()
    said = f"{collector.name}: {taken} were taken, {counted} are counted"
    # What comes faster than it can be counted a collector may drop; nothing may be there twice.
    assert counted == taken or (rate < 0 and counted < taken), said
    return counted, seconds, cpu, memory


def median(values):
    return statistics.median(values)


def costs(queue):
    print(f"## Processor and memory, queue of {queue}\n")
    QUEUE.write_text(str(queue))
    print(f"By a sender that waits; nothing is lost. Processor time without the start; medians of {ROUNDS} rounds.\n")
    print("| datagrams | domains | failures | collector | datagrams/s | µs CPU a datagram | × sealpost | peak MiB |")
    print("|--:|--:|--:|---|--:|--:|--:|--:|")
    start = {it.name: median([run(it, 0, 1, 0, 0)[2] for _ in range(3)]) for it in COLLECTORS}
    # Of each of many domains two datagrams, and then ten.
    few, many = COUNT // 50, COUNT // 5
    for count, domains, failures in [
        (COUNT, 1, 0), (COUNT, few, 0), (COUNT, few, 10), (2 * many, many, 10), (10 * many, many, 10),
    ]:
        found = {it.name: [] for it in COLLECTORS}
        for _ in range(ROUNDS):
            for it in COLLECTORS:
                found[it.name].append(run(it, count, domains, failures, 0))
        cost = {
            name: median([(cpu - start[name]) / count * 1e6 for _, _, cpu, _ in runs])
            for name, runs in found.items()
        }
        for name, runs in found.items():
            rate = median([count / seconds for _, seconds, _, _ in runs])
            memory = median([memory for *_, memory in runs])
            ratio = cost[name] / cost["sealpost"]
            print(f"| {count:,} | {domains:,} | {failures} % | {name} | {rate:,.0f} | {cost[name]:.2f} | "
                  f"{ratio:.1f} | {memory:.0f} |", flush=True)
    print()


def losses(queue):
    print(f"## What is lost, queue of {queue}\n")
    print(f"In percent, by a sender that does not wait, {SECONDS} seconds at each rate, 10,000 domains, "
          f"10 % failures; medians of {ROUNDS} rounds.\n")
    rates = [1_000, 4_000, 8_000, 20_000, 40_000, -1]
    names = [f"{rate:,}/s" if rate > 0 else "unpaced" for rate in rates]
    print(f"| collector | {' | '.join(names)} |")
    print("|---|" + "--:|" * len(rates))
    QUEUE.write_text(str(queue))
    cells = {it.name: [] for it in COLLECTORS}
    for rate in rates:
        found = {it.name: [] for it in COLLECTORS}
        count = rate * SECONDS if rate > 0 else COUNT
        for _ in range(ROUNDS):
            for it in COLLECTORS:
                counted = run(it, count, 10_000, 10, rate)[0]
                found[it.name].append(100 * (count - counted) / count)
        for name, shares in found.items():
            cells[name].append(f"{median(shares):.2f}")
    for name, row in cells.items():
        print(f"| {name} | {' | '.join(row)} |", flush=True)
    print()


for part in sys.argv[8:]:
    name, _, length = part.partition("-")
    {"costs": costs, "losses": losses}[name](int(length))
