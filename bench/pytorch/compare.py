"""Runs `fewshot bench` and its PyTorch counterpart in turn, A B A B, and prints the ratio of medians with its spread.

    python bench/pytorch/compare.py --fewshot target/release/fewshot --set steps

Each run is a process of its own, with the same number of threads. For each workload PyTorch first shows in short runs
which memory format suits it best, and only that one is compared. A run that other programs disturbed is repeated: a
busy machine slows PyTorch down far more than ours.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from table import mean_row, print_tables, summary

HERE = Path(__file__).parent
SETS = ("steps", "random16", "narrow", "depthwise", "darts", "score", "threads")
# What `fewshot cost --space darts --arch few-shot` prints.
FEW_SHOT = ("normal|skip_connect~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~2|+"
            "|dil_conv_5x5~0|sep_conv_3x3~2|reduce|max_pool_3x3~0|sep_conv_3x3~1|+|max_pool_3x3~1|skip_connect~2|+"
            "|max_pool_3x3~0|skip_connect~2|+|skip_connect~2|skip_connect~3|")


@dataclass
class Workload:
    """One line of the table: the same work for both programs."""

    name: str
    flags: list  # of `fewshot bench step` and of step.py alike
    steps: int = 10
    mode: str = ""  # PyTorch's best
    ours: list = field(default_factory=list)  # one result per round
    torch: list = field(default_factory=list)


class Programs:
    def __init__(self, args):
        self.fewshot, self.python = args.fewshot, args.python
        self.threads, self.rounds = args.threads, args.rounds
        self.quiet = args.quiet
        self.modes = [args.mode] if args.mode else ["nchw", "channels_last"] + (["compile"] if args.compile else [])

    def ours(self, command, flags, threads=None):
        return self.run([self.fewshot, "bench", command, "--threads", threads or self.threads, "--json", *flags])

    def torch(self, script, flags):
        return self.run([self.python, HERE / script, "--threads", self.threads, *flags])

    def run(self, command):
        """Repeats a run that other programs disturbed, a few times at most; the least disturbed one counts."""
        least = None
        for _ in range(5):
            result = run(command)
            least = min(least or result, result, key=lambda result: result["others"])
            if least["others"] <= self.quiet:
                break
            say(f"  others took {100 * result['others']:.0f} % of the machine meanwhile: once more")
        return least


def run(command):
    """The JSON object that a command prints last; as `others`, the share of the machine that went elsewhere."""
    before = time.monotonic(), busy_seconds(), own_seconds()
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"failed with exit code {done.returncode}: {' '.join(map(str, command))}")
    result = json.loads(done.stdout.strip().splitlines()[-1])
    wall, busy, own = (b - a for a, b in zip(before, (time.monotonic(), busy_seconds(), own_seconds())))
    return {**result, "others": max(0.0, (busy - own) / (wall * os.cpu_count()))}


def busy_seconds():
    """Processor time that all programs took since the machine started; 0 where the system does not tell."""
    try:
        user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    except (OSError, ValueError):
        return 0.0
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    """Processor time of this program and of those it ran."""
    return sum(os.times()[:4])


def say(text):
    print(text, file=sys.stderr, flush=True)


def step_flags(width, op, cells=5, batch=64):
    return ["--width", width, "--cells", cells, "--batch", batch, "--op", op]


def fixed_steps():
    return [
        Workload("width 16, 5 cells, conv 3x3", step_flags(16, "nor_conv_3x3")),
        Workload("width 16, 5 cells, conv 1x1", step_flags(16, "nor_conv_1x1")),
        Workload("width 16, 1 cell, conv 3x3", step_flags(16, "nor_conv_3x3", cells=1)),
        Workload("width 8, 5 cells, conv 3x3", step_flags(8, "nor_conv_3x3")),
    ]


def depthwise_steps():
    return [
        Workload("DARTS cells, width 16, 4 cells", ["--space", "separable", "--width", 16, "--cells", 4, "--batch", 64]),
        Workload("MBConv, k 5, e 4, d 2", ["--space", "mbconv", "--batch", 64]),
    ]


def darts_steps():
    """A step of a search by gradients, of weights and architecture, and one of the published few-shot cell."""
    of_size = lambda width, cells: ["--space", "darts", "--set", f"width={width}", "--set", f"cells={cells}"]
    return [
        Workload("DARTS search step, width 16, 8 cells", [*of_size(16, 8), "--batch", 64, "--mixed"], steps=3),
        Workload("few-shot cell, width 36, 20 cells", [*of_size(36, 20), "--batch", 96, "--arch", FEW_SHOT], steps=3),
    ]


def random_steps(programs, count, width, batch, seed):
    """One workload per random architecture, few steps each."""
    tiny = ["--width", 1, "--cells", 1, "--images", 2, "--batch", 2, "--archs", count, "--seed", seed]
    archs = programs.ours("score", tiny)["architectures"]
    return [Workload(arch, step_flags(width, arch, batch=batch), steps=5) for arch in archs]


def find_mode(programs, workload):
    if len(programs.modes) == 1:
        workload.mode = programs.modes[0]
        return
    probed = programs.torch("step.py", [*workload.flags, "--probe", ",".join(programs.modes), "--steps", 3])
    del probed["others"]
    workload.mode = min(probed, key=probed.get)
    told = ", ".join(f"{mode} {seconds:.4f} s" for mode, seconds in probed.items())
    say(f"{workload.name}: PyTorch {told}")


def interleave(programs, workloads):
    """Both programs in turn, all workloads once per round."""
    for workload in workloads:
        find_mode(programs, workload)
    for number in range(programs.rounds):
        for workload in workloads:
            flags = [*workload.flags, "--steps", workload.steps]
            ours = programs.ours("step", flags)
            torch = programs.torch("step.py", [*flags, "--mode", workload.mode])
            if ours["parameters"] != torch["parameters"]:
                raise SystemExit(f"{workload.name}: {ours['parameters']} parameters here, {torch['parameters']} there")
            workload.ours.append(ours)
            workload.torch.append(torch)
            a, b = ours["median_seconds"], torch["median_seconds"]
            say(f"round {number + 1}, {workload.name}: {a:.4f} s, PyTorch {b:.4f} s, ratio {b / a:.2f}")


def random_row(programs, name, count, width, batch, seed):
    workloads = random_steps(programs, count, width, batch, seed)
    interleave(programs, workloads)
    return mean_row(name, [summary(workload) for workload in workloads])


def score_row(programs, archs=200):
    shape = ["--width", 16, "--cells", 5, "--images", 1000, "--batch", 250]
    workload = Workload(f"scoring {archs} architectures, 1,000 images", [])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "archs.json"
        for number in range(programs.rounds):
            ours = programs.ours("score", [*shape, "--archs", archs])
            flags = [*shape, "--archs-file", file]
            if not workload.mode:
                file.write_text(json.dumps(ours))
                modes = [mode for mode in programs.modes if mode != "compile"] or ["channels_last"]
                probed = {m: programs.torch("score.py", [*flags, "--mode", m, "--first", 5])["seconds"] for m in modes}
                workload.mode = min(probed, key=probed.get)
                say(f"{workload.name}: PyTorch {', '.join(f'{m} {s:.2f} s' for m, s in probed.items())} for 5")
            torch = programs.torch("score.py", [*flags, "--mode", workload.mode])
            ours = {**ours, "architectures": len(ours["architectures"])}
            workload.ours.append(ours)
            workload.torch.append(torch)
            a, b = ours["seconds"], torch["seconds"]
            say(f"round {number + 1}, {workload.name}: {a:.2f} s, PyTorch {b:.2f} s, ratio {b / a:.2f}")
    return summary(workload, "seconds")


def thread_rows(programs):
    """Ours alone, on one thread and on two."""
    rows = []
    for workload in fixed_steps():
        flags = [*workload.flags, "--steps", 5]
        rounds = [[programs.ours("step", flags, threads) for threads in (1, 2)] for _ in range(programs.rounds)]
        times = [[result["median_seconds"] for result in pair] for pair in rounds]
        one, two = (median(side) for side in zip(*times))
        ratios = [a / b for a, b in times]
        rows.append({
            "workload": f"{workload.name}: 1 -> 2 threads", "one_thread_seconds": one, "two_threads_seconds": two,
            "ratio": one / two, "ratio_min": min(ratios), "ratio_max": max(ratios),
            "ratio_of_fastest": min(a for a, _ in times) / min(b for _, b in times),
            "others": max(result["others"] for pair in rounds for result in pair),
        })
        say(f"{rows[-1]['workload']}: {one:.4f} s, {two:.4f} s, ratio {one / two:.2f}")
    return rows


def measure(programs, name):
    """The rows of one set."""
    fixed = {"steps": fixed_steps, "depthwise": depthwise_steps, "darts": darts_steps}
    if name in fixed:
        workloads = fixed[name]()
        interleave(programs, workloads)
        return [summary(workload) for workload in workloads]
    if name == "random16":
        return [random_row(programs, "random architectures, width 16", 20, 16, 64, seed=0)]
    if name == "narrow":
        rows = ((width, f"random architectures, width {width}, batch 128") for width in (8, 5))
        return [random_row(programs, text, 10, width, 128, seed=width) for width, text in rows]
    if name == "score":
        return [score_row(programs)]
    return thread_rows(programs)


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewshot", default="target/release/fewshot", help="the program, built with --release")
    parser.add_argument("--python", default=sys.executable, help="a Python that has PyTorch [default: this one]")
    parser.add_argument("--set", choices=[*SETS, "all"], action="append",
                        help="what to compare; may be repeated [default: steps]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--mode", choices=["nchw", "channels_last", "compile"],
                        help="PyTorch's mode, where it is known [default: the fastest of short runs]")
    parser.add_argument("--compile", action="store_true", help="also try torch.compile: minutes per architecture")
    parser.add_argument("--quiet", type=float, default=0.05, metavar="SHARE",
                        help="repeat a run during which other programs took more of the machine [default: 0.05]")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    args = parser.parse_args()
    programs = Programs(args)
    wanted = args.set or ["steps"]
    names = [name for name in SETS if name in wanted or "all" in wanted]
    peak = programs.ours("ops", ["peak"])
    say(f"{processor()}, {os.cpu_count()} cores, {peak['simd']}, "
        f"peak {peak['peak_gflops']:.0f} GFLOP/s on {args.threads} threads")
    sets = {}
    for name in names:
        sets[name] = measure(programs, name)
        if args.json:
            # After each set, so that a cut run keeps what it has.
            machine = {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform()}
            found = {"machine": machine, "threads": args.threads, "rounds": args.rounds, "peak": peak, "sets": sets}
            Path(args.json).write_text(json.dumps(found, indent=1) + "\n")
    print_tables(sets)


if __name__ == "__main__":
    main()
