"""huggingface_hub as another client of the cache that m2v-hub uses.

`check_hub.py download ID` fetches into HF_HUB_CACHE from HF_ENDPOINT, `check_hub.py offline ID` reads what is there and
nothing else. The tests of crates/m2v-hub run it against their server.
"""

import hashlib
import os
import sys

from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, scan_cache_dir, snapshot_download, try_to_load_from_cache

FILES = ["config.json", "model.safetensors", "onnx/model.onnx"]


def digest(path: str) -> str:
    """The name the file's blob should have."""
    data = open(path, "rb").read()
    if path.endswith((".safetensors", ".onnx")):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def main() -> None:
    task, repo = sys.argv[1:]
    if task == "download":
        snapshot_download(repo)
        # Python notes what it did not find, too.
        try:
            hf_hub_download(repo, "tokenizer.json")
        except Exception as error:
            assert "404" in str(error), error
    folder = snapshot_download(repo, local_files_only=task == "offline")
    for name in FILES:
        path = hf_hub_download(repo, name, local_files_only=task == "offline")
        assert path == os.path.join(folder, name), path
        blob = os.path.realpath(path)
        assert os.path.basename(blob) == digest(path), (name, blob)
    assert try_to_load_from_cache(repo, "tokenizer.json") is _CACHED_NO_EXIST
    report = scan_cache_dir()
    assert not report.warnings, report.warnings
    (cached,) = report.repos
    assert cached.repo_id == repo and cached.nb_files == len(FILES), cached
    print(f"huggingface_hub, {task}: {cached.nb_files} files of {cached.size_on_disk} bytes in {folder}")


main()
