#!/usr/bin/env python3
"""How much faster two local workers of one thread are than one, and what they do with their time.

    cargo build --release --workspace --bin fewshot
    tools/pool-speed.py target/release/fewshot [--networks 24] [--rounds 3] [--out /dev/shm]

The truth of some networks of cell1296 is made with one worker and with two in turn, and medians are compared. Beside the seconds of each
run stands the share of the workers' time that they spent within stages: the rest is the program's own (starting, looking for work,
waiting for the last stage, gathering). What the machine adds (two cores that share caches and memory are less than twice one) is in the
seconds alone. Nothing else should run meanwhile; `chrt -f 10 tools/pool-speed.py ..` keeps others away, and a folder in memory keeps the
disk's threads from waiting for a processor then.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from datetime import datetime
from pathlib import Path


def seconds(event):
    return datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


def within_stages(run):
    """Seconds that workers spent within stages, from the claim of each to its end."""
    total = 0.0
    for path in run.glob("stages/*/events.jsonl"):
        events = [json.loads(line) for line in path.read_text().splitlines()]
        total += seconds(events[-1]) - seconds(events[0])
    return total


def measure(program, networks, workers, folder):
    run = Path(folder) / f"workers-{workers}"
    shutil.rmtree(run, ignore_errors=True)
    command = [program, "reproduce", "cell1296-truth", "--networks", str(networks), "--seeds", "1", "--launch", "local"]
    command += ["--workers", str(workers), "--threads", str(workers), "--out", str(run)]
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took = time.monotonic() - began
    share = within_stages(run) / (workers * took)
    print(f"{workers} worker{'s' * (workers > 1)}  {took:7.2f} s  {100 * share:5.1f} % within stages", flush=True)
    return took, share


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the program `fewshot`")
    parser.add_argument("--networks", type=int, default=24, help="networks that are trained [24]")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind [3]")
    parser.add_argument("--out", help="where the runs are made [a temporary folder]")
    arguments = parser.parse_args()
    program = str(Path(arguments.program).resolve())
    with tempfile.TemporaryDirectory(dir=arguments.out) as folder:
        measured = {1: [], 2: []}
        for _ in range(arguments.rounds):
            for workers, of in measured.items():
                of.append(measure(program, arguments.networks, workers, folder))
    one, two = (statistics.median(took for took, _ in measured[workers]) for workers in (1, 2))
    share = statistics.median(share for _, share in measured[2])
    print(f"{one:.2f} s / {two:.2f} s = {one / two:.2f} times; {100 * share:.1f} % of two workers' time is within stages")


if __name__ == "__main__":
    main()
