"""Rows and tables of compare.py."""

from statistics import median


def summary(workload, key="median_seconds"):
    """A row of the table."""
    ours, torch = ([result[key] for result in side] for side in (workload.ours, workload.torch))
    ratios = [b / a for a, b in zip(ours, torch)]
    row = {
        "workload": workload.name, "ours_seconds": median(ours), "torch_seconds": median(torch), "mode": workload.mode,
        "ratio": median(torch) / median(ours), "ratio_min": min(ratios), "ratio_max": max(ratios),
        "ratio_of_fastest": min(torch) / min(ours),
        "others": max(result["others"] for result in workload.ours + workload.torch),
    }
    for name, side in (("ours", workload.ours), ("torch", workload.torch)):
        for kind in ("peak_bytes", "step_bytes"):
            sizes = [result[kind] for result in side if result.get(kind) is not None]
            row[f"{name}_{kind}"] = max(sizes, default=None)
    row["rounds"] = [{"ours": a, "torch": b} for a, b in zip(workload.ours, workload.torch)]
    return row


def mean_row(name, rows):
    """Many workloads as one row: the mean of their ratios, in all and round by round."""
    mean = lambda values: sum(values) / len(values)
    ratio = lambda pair: pair["torch"]["median_seconds"] / pair["ours"]["median_seconds"]
    rounds = list(zip(*([ratio(pair) for pair in row["rounds"]] for row in rows)))
    modes = sorted({row["mode"] for row in rows})
    largest = lambda key: max((row[key] for row in rows if row[key] is not None), default=None)
    return {
        "workload": f"{name}, mean of {len(rows)}", "mode": "/".join(modes),
        "ours_seconds": mean([row["ours_seconds"] for row in rows]),
        "torch_seconds": mean([row["torch_seconds"] for row in rows]),
        "ratio": mean([row["ratio"] for row in rows]),
        "ratio_min": min(map(mean, rounds)), "ratio_max": max(map(mean, rounds)),
        "ratio_of_fastest": mean([row["ratio_of_fastest"] for row in rows]),
        "least_ratio_of_one": min(row["ratio"] for row in rows), "others": max(row["others"] for row in rows),
        **{key: largest(key) for key in ("ours_peak_bytes", "ours_step_bytes", "torch_peak_bytes", "torch_step_bytes")},
        "architectures": rows,
    }


def megabytes(row, side):
    peak, steps = row.get(f"{side}_peak_bytes"), row.get(f"{side}_step_bytes")
    if peak is None:
        return "-"
    return f"{peak / 1e6:.0f}" + ("" if steps is None else f" ({steps / 1e6:.0f})")


def print_tables(sets):
    tail = lambda row: (f"{row['ratio']:.2f} | {row['ratio_min']:.2f} to {row['ratio_max']:.2f} "
                        f"| {row['ratio_of_fastest']:.2f}")
    compared = [row for name in sets if name != "threads" for row in sets[name]]
    ratios = "ratio of medians | rounds | of fastest"
    if compared:
        print(f"| workload | fewshot, s | PyTorch, s (mode) | {ratios} | peak MB (steps), fewshot | PyTorch |")
        print("|---|---|---|---|---|---|---|---|")
    for row in compared:
        print(f"| {row['workload']} | {row['ours_seconds']:.4f} | {row['torch_seconds']:.4f} ({row['mode']}) "
              f"| {tail(row)} | {megabytes(row, 'ours')} | {megabytes(row, 'torch')} |")
    if "threads" in sets:
        print(f"\n| fewshot alone | 1 thread, s | 2 threads, s | {ratios} |")
        print("|---|---|---|---|---|---|")
    for row in sets.get("threads", []):
        one, two = row["one_thread_seconds"], row["two_threads_seconds"]
        print(f"| {row['workload']} | {one:.4f} | {two:.4f} | {tail(row)} |")
    others = max(row["others"] for rows in sets.values() for row in rows)
    print(f"\nOther programs took up to {100 * others:.0f} % of the machine during a run.")
