"""Times the reference on what `cargo bench -p m2v-quant --bench quantize` times, in the same run, and compares.

    pip install "model2vec[quantization]==0.10.0"
    python crates/m2v-quant/benches/python/reference.py [casts] [clusters]

Each of our times is the median of criterion's samples; each of the reference's the shortest of three calls
(of one for clusters, whose steps differ from seed to seed: the mean of `--seeds` calls). Clusters: scikit-learn's
KMeans as the reference calls it, but a single run (n_init=1) instead of its ten, on the rows of the shipped model
divided by their lengths. Ours takes the table, and its time includes the division, the seeds, and the new table.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path

import numpy as np
from model2vec.quantization import quantize_embeddings
from safetensors.numpy import load_file
from sklearn.cluster import KMeans

ROOT = Path(__file__).resolve().parents[4]


def ours(benchmark):
    """The median in seconds, measured now."""
    command = ["cargo", "bench", "--quiet", "-p", "m2v-quant", "--bench", "quantize", "--", "--exact", benchmark]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    metadata = ["cargo", "metadata", "--format-version=1", "--no-deps"]
    target = json.loads(subprocess.run(metadata, cwd=ROOT, check=True, capture_output=True).stdout)["target_directory"]
    estimates = Path(target) / "criterion" / benchmark / "new" / "estimates.json"
    return json.loads(estimates.read_text())["median"]["point_estimate"] / 1e9


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def report(name, ours, reference):
    print(f"{name:36} m2v {ours * 1e3:9.1f} ms   reference {reference * 1e3:9.1f} ms   × {reference / ours:.1f}", flush=True)


def casts():
    table = np.random.default_rng(0).random((500_000, 256), dtype=np.float32) - np.float32(0.5)
    for name, dtype in [
        ("float32-float16", "float16"),
        ("float32-float64", "float64"),
        ("float32-int8", "int8"),
        ("float32-int8-global", "int8"),
    ]:
        reference = min(seconds(lambda: quantize_embeddings(table, dtype)) for _ in range(3))
        report(f"cast/{name}", ours(f"cast/{name}"), reference)


def clusters(seeds):
    table = load_file(ROOT / "models" / "minilm-l6-64d" / "model.safetensors")["embeddings"].astype(np.float32)
    unit = table / np.linalg.norm(table, axis=1)[:, None]
    for k in (256, 1024, 4096):
        runs = [
            KMeans(k, init="random", n_init=1, max_iter=300, tol=1e-4, random_state=seed) for seed in range(seeds)
        ]
        reference = sum(seconds(lambda: run.fit(unit)) for run in runs) / seeds
        print(f"{'':36} scikit-learn's inertia {np.mean([run.inertia_ for run in runs]):.1f}")
        for init in ("plus-plus", "random"):
            report(f"kmeans/{init}-{k}", ours(f"kmeans/{init}-{k}"), reference)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["casts", "clusters"], default=["casts", "clusters"])
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    if "casts" in args.what:
        casts()
    if "clusters" in args.what:
        clusters(args.seeds)


if __name__ == "__main__":
    main()
