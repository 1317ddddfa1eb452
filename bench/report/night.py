#!/usr/bin/env python3
"""Measures what makes and queues the reports of a day, and prints Markdown.

    night.py SEALPOST PEERS FOLDER DOMAINS PEER_DOMAINS

The same database of tlsrpt-collectd is given to both. A DNS server on loopback says where reports
are wanted; tlsrpt-reportd does not ask, as it goes by the record in its database."""

import datetime
import json
import multiprocessing
import os
import pathlib
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request

SEALPOST, PEERS, FOLDER = sys.argv[1:4]
DOMAINS, PEER_DOMAINS = map(int, sys.argv[4:6])
DAY = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)
DNS = "127.0.0.1:5354"
HTTP = "127.0.0.1:8499"


def record(domain):
    return f"v=TLSRPTv1; rua=mailto:tls@{domain}"


def answer_dns():
    """Says to every question at `_smtp._tls.` where reports go."""
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    host, port = DNS.split(":")
    door.bind((host, int(port)))
    while True:
        query, client = door.recvfrom(4096)
        place, labels = 12, []
        while query[place]:
            labels.append(query[place + 1 : place + 1 + query[place]])
            place += 1 + query[place]
        text = record(b".".join(labels[2:]).decode()).encode()
        data = bytes([len(text)]) + text
        head = query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0"
        record_head = b"\xc0\x0c\0\x10\0\1\0\0\0<" + len(data).to_bytes(2, "big")
        door.sendto(head + query[12 : place + 5] + record_head + data, client)


def policy(domain):
    strings = ["version: STSv1", "mode: enforce", f"mx: *.{domain}", "max_age: 604800"]
    return json.dumps(
        {"policy-type": 2, "policy-domain": domain, "policy-string": strings, "mx-host": [f"*.{domain}"]}
    )


FAILURE = json.dumps(
    {"c": 204, "s": "192.0.2.10", "n": "mx1.mail.test", "h": "mx1.mail.test", "r": "198.51.100.7"}
)


def fill(folder, domains):
    """The database of a collector of yesterday. Every tenth domain has a failure."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    collector = subprocess.Popen(
        [f"{PEERS}/tlsrpt-collectd", "--storage", f"sqlite://{folder}/c.sqlite", "--socketname", f"{folder}/s",
         "--pidfilename", f"{folder}/pid", "--log_level", "error"]
    )
    while not os.path.exists(f"{folder}/s"):
        assert collector.poll() is None
        time.sleep(0.05)
    collector.send_signal(signal.SIGTERM)
    collector.wait()
    with sqlite3.connect(f"{folder}/c.sqlite.yesterday") as store:
        names = [f"d{number}.test" for number in range(domains)]
        store.executemany(
            "INSERT INTO finalresults (day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure) VALUES (?,?,?,?,?,?)",
            [(str(DAY), name, record(name), policy(name), 5, number % 10 == 0) for number, name in enumerate(names)],
        )
        store.executemany(
            "INSERT INTO failures (day, domain, tlsrptrecord, policy, reason, cntr) VALUES (?,?,?,?,?,?)",
            [(str(DAY), name, record(name), policy(name), FAILURE, 1) for name in names[::10]],
        )
    store.close()


def children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def sealpost(domains):
    folder = f"{FOLDER}/ours"
    fill(folder, domains)
    pathlib.Path(f"{folder}/sealpost.toml").write_text(
        f"""[network]
resolvers = ["{DNS}"]
dnssec = "off"
ehlo_name = "mx.reporter.test"
[report]
store = "store.sqlite"
socket = ["unix:{folder}/tlsrpt.sock"]
http = ["{HTTP}"]
contact = "tls@reporter.test"
organization = "Reporter"
[report.delivery]
mail = "relay:127.0.0.1:9"
at_once = 1
"""
    )
    command = [SEALPOST, "report", "--config", f"{folder}/sealpost.toml"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def daemon(at):
        process = subprocess.Popen([*command, "--at", at], **quiet)
        while True:
            assert process.poll() is None
            try:
                return process, metrics()
            except OSError:
                time.sleep(0.01)

    # Sending begins on that day.
    process, _ = daemon(f"{DAY}T12:00:00Z")
    process.send_signal(signal.SIGTERM)
    process.wait()
    subprocess.run(
        [SEALPOST, "report", "import", f"{folder}/c.sqlite.yesterday", "--config", f"{folder}/sealpost.toml"],
        check=True, **quiet,
    )
    after = DAY + datetime.timedelta(days=1)
    begun = time.monotonic()
    process, _ = daemon(f"{after}T00:20:00Z")
    while (queued := metrics().get('sealpost_report_decided_total{as="queued"}', 0)) < domains:
        assert process.poll() is None
        time.sleep(0.05)
    lasted = time.monotonic() - begun
    process.send_signal(signal.SIGTERM)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    with sqlite3.connect(f"{folder}/store.sqlite") as store:
        assert store.execute("SELECT count(*) FROM outgoing_reports").fetchone()[0] == domains == queued
    store.close()
    return lasted, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def metrics():
    with urllib.request.urlopen(f"http://{HTTP}/metrics", timeout=5) as reply:
        lines = [line.decode().rsplit(" ", 1) for line in reply if not line.startswith(b"#")]
    return {name: float(value) for name, value in lines}


def peer(domains):
    folder = f"{FOLDER}/theirs"
    fill(folder, domains)
    before, begun = children(), time.monotonic()
    process = subprocess.Popen(
        [f"{PEERS}/tlsrpt-reportd", "--dbname", f"{folder}/r.sqlite", "--pidfilename", f"{folder}/rpid",
         "--fetchers", f"{PEERS}/tlsrpt-fetcher --storage sqlite://{folder}/c.sqlite",
         "--organization_name", "Reporter", "--contact_info", "tls@reporter.test",
         "--sender_address", "tls@reporter.test", "--sendmail_script", "false",
         "--spread_out_delivery", "86400", "--interval_main_loop", "1", "--log_level", "error"],
        stdout=subprocess.DEVNULL, stderr=open(f"{folder}/log", "wb"),
    )
    while True:
        assert process.poll() is None, open(f"{folder}/log").read()
        try:
            store = sqlite3.connect(f"file:{folder}/r.sqlite?mode=ro", uri=True, timeout=5)
            queued = store.execute("SELECT count(*) FROM destinations").fetchone()[0]
            store.close()
        except sqlite3.OperationalError:
            queued = 0
        if queued >= domains:
            break
        time.sleep(0.2)
    lasted = time.monotonic() - begun
    process.send_signal(signal.SIGTERM)
    process.wait()
    return lasted, children() - before


def main():
    server = multiprocessing.Process(target=answer_dns, daemon=True)
    server.start()
    print("## Reports made and queued\n")
    print("| | domains | seconds | domains/s | processor ms a domain | memory MiB |")
    print("|---|---|---|---|---|---|")
    rates = []
    for domains in (DOMAINS // 10, DOMAINS):
        lasted, processor, memory = sealpost(domains)
        rates.append(domains / lasted)
        print(f"| sealpost report | {domains} | {lasted:.1f} | {rates[-1]:.0f} | {processor / domains * 1000:.2f} | {memory:.0f} |", flush=True)
    for domains in (PEER_DOMAINS // 4, PEER_DOMAINS):
        lasted, processor = peer(domains)
        print(f"| tlsrpt-reportd 0.6.0 | {domains} | {lasted:.1f} | {domains / lasted:.1f} | {processor / domains * 1000:.1f} | |", flush=True)
    print(f"\nsealpost report with {DOMAINS} domains makes {rates[-1] / (domains / lasted):.0f} times as many a second as tlsrpt-reportd with {domains}.")
    server.terminate()


main()
