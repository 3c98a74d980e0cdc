"""Uses Python's huggingface_hub as a second client of the cache and of the hub that m2v uses, in both directions.

    pip install huggingface_hub==2.4.0
    cargo build -p m2v-hub --example loopback
    python check_hub_command.py --m2v PATH_OF_m2v --server target/debug/examples/loopback [--xtask PATH] FOLDER

FOLDER is a model. Nothing leaves this machine: the hub is the one of the tests, on loopback. With the path of the built
xtask, `cargo xtask pipeline` takes a model from there, too.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TOKEN = "hf_of_a_test_only"


def environment(endpoint, home, **more):
    """Without the variables of whoever runs this."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING", "XDG_CACHE"))}
    return {
        **clean,
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        **more,
    }


def run(command, env, **options):
    """Output of a command that has to succeed, and must not show the token."""
    run = subprocess.run(command, env=env, capture_output=True, text=True, **options)
    assert run.returncode == 0, f"{command}: {run.stderr}"
    assert TOKEN not in run.stdout + run.stderr, command
    return run.stdout


def python(code, env, *arguments):
    """Python with variables of its own: huggingface_hub reads them when it is imported."""
    return run([sys.executable, "-c", "import sys\nfrom huggingface_hub import *\n" + code, *map(str, arguments)], env)


def files(folder):
    """Names and hashes of the files in a folder, but those the hub or git puts there."""
    names = [path for path in Path(folder).rglob("*") if path.is_file()]
    names = [path for path in names if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in names}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--m2v", required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--xtask")
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    m2v, folder, expected = args.m2v, args.folder, files(args.folder)
    texts = "It's dangerous to go alone!\nTake this.\n"
    # A request in here would fail: port 9 answers nobody.
    nobody = "http://127.0.0.1:9"

    server = subprocess.Popen([args.server, TOKEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with tempfile.TemporaryDirectory() as work:
        try:
            endpoint = server.stdout.readline().strip()
            vectors = run([m2v, "encode", folder], environment(nobody, work), input=texts)
            homes = [Path(work) / name for name in ("one", "two", "three", "four")]

            # m2v pushes, Python downloads, m2v loads what is in Python's cache.
            run([m2v, "push", folder, "acme/by-m2v", "--create"], environment(endpoint, homes[0]))
            snapshot = python("print(snapshot_download(sys.argv[1]))", environment(endpoint, homes[1]), "acme/by-m2v")
            assert files(snapshot.strip()) == expected, "what Python downloaded is not what m2v pushed"
            offline = environment(nobody, homes[1], HF_HUB_OFFLINE="1")
            assert run([m2v, "encode", "acme/by-m2v"], offline, input=texts) == vectors
            print("m2v pushed, huggingface_hub downloaded, m2v encoded offline from its cache")

            # Python uploads, m2v downloads, Python reads what is in m2v's cache.
            upload = "create_repo(sys.argv[1]); upload_folder(repo_id=sys.argv[1], folder_path=sys.argv[2])"
            python(upload, environment(endpoint, homes[0]), "acme/by-python", folder)
            assert run([m2v, "encode", "acme/by-python"], environment(endpoint, homes[2]), input=texts) == vectors
            offline = environment(nobody, homes[2], HF_HUB_OFFLINE="1")
            read = "print(hf_hub_download(sys.argv[1], sys.argv[2]))"
            for name in ("config.json", "tokenizer.json", "model.safetensors"):
                path = python(read, offline, "acme/by-python", name).strip()
                assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == expected[name], name
            print("huggingface_hub uploaded, m2v encoded, huggingface_hub read its cache offline")

            # Both at the same cache: neither fetches what the other has, nor minds what is there.
            both = environment(endpoint, homes[3])
            first = run([m2v, "pull", "acme/by-python"], both).strip()
            second = python("print(snapshot_download(sys.argv[1]))", both, "acme/by-python").strip()
            assert Path(first).resolve() == Path(second).resolve(), (first, second)
            assert files(second) == expected
            assert run([m2v, "pull", "acme/by-python"], both).strip() == first
            cached = python("print(len(scan_cache_dir().repos), scan_cache_dir().warnings)", both).strip()
            assert cached == "1 []", f"huggingface_hub finds fault with the cache: {cached}"
            print("m2v and huggingface_hub filled one cache")

            # The same files again are no commit, whoever asks.
            run([m2v, "push", folder, "acme/by-python"], environment(endpoint, homes[0]))
            commits = "print(model_info(sys.argv[1]).sha)"
            before = python(commits, environment(endpoint, homes[0]), "acme/by-python")
            python(upload.split("; ")[1], environment(endpoint, homes[0]), "acme/by-python", folder)
            assert python(commits, environment(endpoint, homes[0]), "acme/by-python") == before
            print("unchanged files were not committed again")

            # The pipeline fetches an id, then has it in the cache.
            if args.xtask:
                home, out = Path(work) / "five", Path(work) / "copies"
                pipeline = [args.xtask, "pipeline", "--model", "acme/by-python", "--dtype", "int8", "--out", out]
                run(pipeline, environment(endpoint, home))
                assert json.loads((out / "report.json").read_text())["model"] == "acme/by-python"
                offline = environment(nobody, home, HF_HUB_OFFLINE="1")
                assert "int8/model.safetensors" in run(pipeline, offline), "the report does not list the table"
                # What Python fetched is as good.
                assert "model.safetensors" in run([*pipeline, "--dry-run"], environment(nobody, homes[3]))
                print("the pipeline took a model from the hub, and from the cache")

            for path in Path(work).rglob("*"):
                assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), f"{path} has the token"
        finally:
            server.stdin.close()
            server.wait()


if __name__ == "__main__":
    main()
