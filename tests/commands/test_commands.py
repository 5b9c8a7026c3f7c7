"""The commands beside runs, as a user types them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from ntt.commands import is_command, weights
from ntt.commands.options import choose, columns
from ntt.composition.choices import read_choice
from ntt.errors import InputError

pytestmark = pytest.mark.integration

CONF = Path(__file__).resolve().parents[2] / "conf"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which it is served."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def ntt(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NTT_", "http_", "HTTP_"))}
    command = [sys.executable, "-m", "ntt.run", *arguments]
    return subprocess.run(
        command, cwd=cwd, env={**clean, **environment}, capture_output=True, text=True, check=False, timeout=120
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 2, done.stderr
    complaints = [line for line in done.stderr.splitlines() if " INFO " not in line and " WARNING " not in line]
    assert len(complaints) == 1, done.stderr
    assert complaints[0].startswith("ntt: ")
    for part in parts:
        assert part in complaints[0]


def test_weights_list_names_every_config_with_its_address_licence_and_state(tmp_path):
    done = ntt("weights", "list", cwd=tmp_path, NTT_WEIGHTS=str(tmp_path))
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    for file in [*CONF.glob("backbone/*.yaml"), *CONF.glob("segmenter/*.yaml")]:
        assert (read_choice(file)["url"] or "") in lines[file.stem]
    assert "Apache-2.0" in lines["dinov2_vitl14"]
    assert "1.2 GB" in lines["dinov2_vitl14"]
    assert "missing" in lines["dinov2_vitl14"]
    assert str(tmp_path) in lines["They"]


def test_the_script_and_the_module_are_the_same_program(tmp_path):
    script = Path(sys.executable).with_name("ntt")
    if not script.exists():
        pytest.skip("ntt is not installed beside this python")
    by_script = subprocess.run([script, "data", "list"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert by_script.stdout == ntt("data", "list", cwd=tmp_path).stdout


@pytest.mark.parametrize("command", [["weights", "list"], ["data", "list"], ["weights", "fetch", "no"]])
def test_answers_from_the_lists_load_nothing_heavy(command, tmp_path):
    code = "import sys; from ntt.run import main\ntry: main()\nexcept SystemExit: pass\n"
    code += "print('heavy:', {'torch', 'transformers', 'sam2', 'wandb', 'huggingface_hub'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code, *command], cwd=tmp_path, capture_output=True, text=True)
    assert "heavy: set()" in done.stdout, done.stderr


def test_data_list_gives_addresses_and_what_to_do_by_hand(tmp_path):
    done = ntt("data", "list", cwd=tmp_path)
    assert done.returncode == 0
    for part in (
        "coco",
        "20.4 GB",
        "http://images.cocodataset.org/zips/train2017.zip",
        "lvis",
        "VOCtest",
        "cdfsod has no",
    ):
        assert part in done.stdout


def test_wrong_bytes_from_a_mirror_are_one_sentence_and_stop_nothing_else(mirror, tmp_path):
    folder, address = mirror
    for model in ("dinov2_vits14", "dinov2_vitb14"):
        (folder / "dinov2" / model).mkdir(parents=True)
        (folder / "dinov2" / model / f"{model}_pretrain.pth").write_bytes(b"wrong")
    place = tmp_path / "weights"
    done = ntt(
        *("weights", "fetch", "dinov2_vits14", "dinov2_vitb14", "dinov2_demo", "--retries", "0"),
        cwd=tmp_path,
        NTT_WEIGHTS=str(place),
        NTT_MIRROR=address,
    )
    assert done.returncode == 2
    assert done.stderr.count(f"ntt: {address}/dinov2/") == 2
    assert "it has 5 bytes, not 88283115" in done.stderr
    assert "dinov2_demo: comes with ntt" in done.stdout
    assert list(place.iterdir()) == []


def test_a_checkpoint_of_an_own_config_is_fetched_listed_and_verified(mirror, tmp_path, capsys):
    folder, address = mirror
    (folder / "own").mkdir()
    (folder / "own" / "net.pth").write_bytes(b"tensors")
    conf = tmp_path / "conf"
    (conf / "backbone").mkdir(parents=True)
    (conf / "config.yaml").write_text(f"weights_dir: {tmp_path}/weights")
    description = {
        "_target_": "builtins.dict",
        "weights": "${weights_dir}/net.pth",
        "url": "https://official.invalid/own/net.pth",
    }
    (conf / "backbone" / "own.yaml").write_text(yaml.safe_dump(description))
    place = tmp_path / "weights" / "net.pth"

    def told(*arguments: str) -> str:
        assert weights.run([*arguments], conf) == 0
        return capsys.readouterr().out

    assert told("list").splitlines()[1].split() == ["own", "unknown", "unknown", "missing", description["url"]]
    assert told("fetch", "own", "--mirror", address) == f"own: fetched: {place}\n"
    assert told("fetch", "own") == f"own: already there: {place}\n"
    assert told("verify") == f"own: good: {place}, sha256 {hashlib.sha256(b'tensors').hexdigest()}\n"
    assert told("list").splitlines()[1].split()[1:5] == ["7", "B", "unknown", "here"]
    place.write_bytes(b"tensorz")
    assert weights.run(["verify"], conf) == 2
    place.rename(place.with_name("net.pth.part"))
    assert "7 B so far" in told("list")


def test_a_missing_file_at_the_mirror_is_one_sentence(mirror, tmp_path):
    done = ntt("weights", "fetch", "sam2_hiera_tiny", "--mirror", mirror[1], cwd=tmp_path, NTT_WEIGHTS=str(tmp_path))
    assert_one_sentence(done, "does not exist (404)", "mirror", "sam2_hiera_tiny.pt")


def test_offline_a_missing_file_is_one_sentence(tmp_path):
    done = ntt("weights", "fetch", "sam2_hiera_tiny", cwd=tmp_path, NTT_WEIGHTS=str(tmp_path / "w"), NTT_OFFLINE="1")
    assert_one_sentence(done, "NTT_OFFLINE", "sam2_hiera_tiny.pt")
    assert not (tmp_path / "w").exists()


def test_a_file_of_another_network_is_not_verified(tmp_path):
    path = tmp_path / "dinov2_vits14_pretrain.pth"
    path.write_bytes(b"not a checkpoint")
    done = ntt("weights", "verify", cwd=tmp_path, NTT_WEIGHTS=str(tmp_path))
    digest = hashlib.sha256(b"not a checkpoint").hexdigest()
    assert_one_sentence(done, str(path), digest, "ntt weights fetch dinov2_vits14")


def test_what_ships_is_verified(tmp_path):
    done = ntt("weights", "verify", "sam2_demo", cwd=tmp_path, NTT_WEIGHTS=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("sam2_demo: good: ")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["weights", "fetch", "dinov2_vitl15"], ["dinov2_vitl15", "did you mean dinov2_vitl1"]),
        (["weights", "fetch", "dinov2_vits14", "dinov2_vitb14", "--url", "http://x"], ["--url", "give one"]),
        (["weights", "fetch", "dinov2_vits14", "--timeout", "0"], ["timeout", "above 0"]),
        (["weights", "fetch", "dinov2_vits14", "--mirror", "host"], ["host", "https://host/prefix"]),
        (["data", "fetch", "cocoa"], ["cocoa", "did you mean coco"]),
        (["data", "fetch", "cdfsod"], ["no stable official address"]),
        (["data", "fetch", "coco", "--from", "nowhere"], ["nowhere holds no coco", "train2017"]),
        (["data", "verify", "voc"], ["voc is not complete", "trainval.txt", "ntt data fetch voc"]),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(arguments, parts, tmp_path):
    assert_one_sentence(ntt(*arguments, cwd=tmp_path, NTT_WEIGHTS=str(tmp_path)), *parts)


@pytest.mark.parametrize(
    "command", [["weights"], ["weights", "fetch"], ["data", "fletch"], ["data", "fetch", "coco", "-x"]]
)
def test_a_command_line_that_is_none_explains_itself(command, tmp_path):
    done = ntt(*command, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"usage: ntt {command[0]}")


def test_a_run_without_its_files_says_which_commands_fetch_them(tmp_path):
    done = ntt("dataset.root=/nowhere", cwd=tmp_path)
    assert_one_sentence(done, "ntt data fetch coco --root /nowhere", "curl -LO")


def test_runs_are_no_commands():
    assert is_command(["weights", "list"])
    assert not is_command([])
    assert not is_command(["+experiment=demo"])


def test_columns_are_as_wide_as_their_longest_cell():
    assert columns([("a", "bb", "c"), ("aaa", "b", "")]) == "a    bb  c\naaa  b"


def test_an_unknown_name_without_a_likely_one_lists_them_all():
    with pytest.raises(InputError, match=r"xyz is no known thing: there are alpha, beta."):
        choose({"alpha": 1, "beta": 2}, ["xyz"], "thing")
