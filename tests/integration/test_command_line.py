"""The real command line, as a user would run it: results, repetition, interruption, damage, mistakes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import COLOURS, log_of, ntt, run_options
from PIL import Image

pytestmark = pytest.mark.integration

FIGURES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def test_a_run_ends_with_results_figures_and_pictures(first_run):
    cwd, printed = first_run
    metrics = json.loads((cwd / "out" / "metrics.json").read_text())
    assert list(metrics["bbox"]) == sorted(FIGURES)
    assert set(metrics) == {"bbox", "segm", "per_class"}
    assert set(metrics["per_class"]) == set(COLOURS)
    assert printed.count("Average Precision") == 12
    assert "coco_1shot, %" in printed
    predictions = json.loads((cwd / "out" / "predictions.json").read_text())
    assert predictions
    assert set(predictions[0]) == {"image_id", "category_id", "bbox", "segmentation", "score"}
    assert "published AP" in (cwd / "out" / "report.md").read_text()
    with Image.open(cwd / "out" / "references.png") as sheet:
        assert sheet.width > 200
    assert len(list((cwd / "out" / "overlays").glob("*.jpg"))) == 5


def test_maps_of_references_are_made_for_those_that_are_drawn_alone(first_run, coco, small_networks, tmp_path):
    cwd, _ = first_run
    undrawn = log_of(ntt(*run_options(coco, small_networks, "shots=2", "report.pictures=0"), cwd=tmp_path))
    assert "encoded here 4" in undrawn
    store = tmp_path / "outputs" / "store"
    assert not (store / "maps").exists()
    assert {file.name for file in store.glob("encodings/*/*")} == {"encoding.safetensors", "manifest.json"}
    assert max(file.stat().st_size for file in store.glob("encodings/*/encoding.safetensors")) < 300
    drawn = log_of(ntt(*run_options(coco, small_networks, "report.pictures=1"), cwd=tmp_path))
    assert len(list((store / "maps").iterdir())) == 2
    assert "memory: made" in drawn
    assert (tmp_path / "out" / "memory.png").read_bytes() == (cwd / "out" / "memory.png").read_bytes()


def test_pycocotools_agrees_with_the_saved_files(first_run, coco):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    cwd, _ = first_run
    truth = COCO(str(coco / "annotations" / "instances_val2017.json"))
    evaluation = COCOeval(truth, truth.loadRes(str(cwd / "out" / "predictions.json")), "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    metrics = json.loads((cwd / "out" / "metrics.json").read_text())
    assert [metrics["segm"][name] for name in FIGURES] == pytest.approx(evaluation.stats.tolist(), abs=1e-12)


def test_the_same_command_finds_everything_and_gives_the_same_bytes(first_run, coco, small_networks, tmp_path):
    cwd, _ = first_run
    again = ntt(*run_options(coco, small_networks, f"store.root={cwd}/outputs/store"), cwd=tmp_path)
    log = log_of(again)
    for stage in ("references", "memory", "match", "evaluate", "report"):
        assert f"{stage}: found" in log
    assert "proposals: shards 5, found 5, computed 0" in log
    assert "loading" not in log  # no network was needed
    for name in ("metrics.json", "predictions.json"):
        assert (tmp_path / "out" / name).read_bytes() == (cwd / "out" / name).read_bytes()


def test_matching_in_several_processes_gives_the_same_bytes(first_run, coco, small_networks, tmp_path):
    cwd, _ = first_run
    shutil.copytree(cwd / "outputs" / "store", tmp_path / "outputs" / "store")
    shutil.rmtree(tmp_path / "outputs" / "store" / "match")
    sweep = ["-m", *run_options(coco, small_networks, "workers=2", "seed=33,42", "hydra.sweep.dir=sweep")]
    log = log_of(ntt(*sweep, cwd=tmp_path))
    assert log.count("processes 2") == 2
    assert (tmp_path / "sweep/0/predictions.json").read_bytes() == (cwd / "out" / "predictions.json").read_bytes()


def test_a_killed_run_continues_and_ends_with_the_same_bytes(first_run, coco, small_networks, tmp_path):
    cwd, _ = first_run
    options = run_options(coco, small_networks)
    process = subprocess.Popen(
        [sys.executable, "-m", "ntt.run", *options],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    shards = tmp_path / "outputs" / "store" / "masks"
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and len(_complete(shards)) < 2:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done_before = len(_complete(shards))
    assert 2 <= done_before < 5, "the run was to be killed in the middle of its proposals"
    log = log_of(ntt(*options, cwd=tmp_path))
    assert f"proposals: shards 5, found {done_before}, computed {5 - done_before}" in log
    for name in ("metrics.json", "predictions.json"):
        assert (tmp_path / "out" / name).read_bytes() == (cwd / "out" / name).read_bytes()
    assert len(_complete(shards)) == 5
    assert list((tmp_path / "outputs" / "store" / "partial").iterdir()) == []


def _complete(shards: Path) -> list[Path]:
    return list(shards.glob("*"))


@pytest.mark.parametrize("kind", ["masks", "vectors"])
def test_a_damaged_shard_is_reported_and_computed_again(kind, first_run, coco, small_networks, tmp_path):
    cwd, _ = first_run
    shutil.copytree(cwd / "outputs" / "store", tmp_path / "outputs" / "store")
    shutil.rmtree(tmp_path / "outputs" / "store" / "match")
    shard = sorted((tmp_path / "outputs" / "store" / kind).glob("*/*.safetensors"))[0]
    before = shard.read_bytes()
    shard.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    log = log_of(ntt(*run_options(coco, small_networks), cwd=tmp_path))
    assert "is damaged" in log
    computed = "computed 1, damaged 1" if kind == "masks" else "computed 1, of stored masks 1, damaged 1"
    assert f"proposals: shards 5, found 4, {computed}" in log
    assert ("loading sam2" in log) == (kind == "masks")
    assert shard.read_bytes() == before
    assert (tmp_path / "out" / "metrics.json").read_bytes() == (cwd / "out" / "metrics.json").read_bytes()


def test_an_unreadable_image_is_reported_and_counted(first_run, coco, small_networks, tmp_path):
    cwd, _ = first_run
    root = tmp_path / "coco"
    shutil.copytree(coco, root)
    (root / "val2017" / "000002.png").write_bytes(b"not an image")
    (root / "val2017" / "000004.png").unlink()
    log = log_of(ntt(*run_options(root, small_networks, f"store.root={cwd}/outputs/store"), cwd=tmp_path))
    assert "found 3, computed 2, unreadable 2" in log
    assert "000002.png" in log
    listed = json.loads((tmp_path / "out" / "unreadable.json").read_text())
    assert [entry["image_id"] for entry in listed] == [2, 4]
    predicted = {row["image_id"] for row in json.loads((tmp_path / "out" / "predictions.json").read_text())}
    assert predicted <= {1, 3, 5}


def test_stages_run_alone_in_order(coco, small_networks, tmp_path):
    options = run_options(coco, small_networks)
    log = log_of(ntt(*options, "stages=[references,memory]", cwd=tmp_path))
    assert "memory: made" in log
    assert not {"masks", "vectors"} & {p.name for p in (tmp_path / "outputs" / "store").iterdir()}
    too_early = ntt(*options, "stages=[match]", cwd=tmp_path)
    assert_one_sentence(too_early, "proposals", "stages")


def test_sweep_points_share_the_proposals(first_run, coco, small_networks, tmp_path):
    cwd, _ = first_run
    options = [o for o in run_options(coco, small_networks) if not o.startswith("hydra.run.dir")]
    sweep = [
        "-m",
        *options,
        f"store.root={cwd}/outputs/store",
        "shots=1,2",
        "seed=33,42",
        "hydra.sweep.dir=sweep",
    ]
    log = log_of(ntt(*sweep, cwd=tmp_path))
    assert log.count("proposals: shards 5, found 5, computed 0") == 4
    assert len(list((tmp_path / "sweep").glob("*/metrics.json"))) == 4


def test_a_folder_of_images_needs_no_truth(coco, small_networks, tmp_path):
    options = [
        "+experiment=custom",
        *small_networks,
        f"dataset.references={coco}/annotations/instances_train2017.json",
        f"dataset.reference_images={coco}/train2017",
        f"dataset.targets={coco}/val2017",
        "hydra.run.dir=out",
    ]
    log = log_of(ntt(*options, cwd=tmp_path))
    assert "references 12" in log  # all annotations of the file, not a sample
    assert "evaluate: skipped" in log
    assert json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert len(list((tmp_path / "out" / "overlays").glob("*.jpg"))) == 5
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_wandb_watches_offline(first_run, coco, small_networks, tmp_path):
    cwd, _ = first_run
    options = run_options(coco, small_networks, f"store.root={cwd}/outputs/store")
    log = log_of(ntt(*options, "tracking=wandb", "tracking.mode=offline", cwd=tmp_path))
    assert "wandb sync" in log
    assert list((tmp_path / "out").rglob("*.wandb"))
    assert (tmp_path / "out" / "metrics.json").read_bytes() == (cwd / "out" / "metrics.json").read_bytes()


def test_real_photographs(tiny_coco, small_networks, tmp_path):
    classes = "split=[person,car,cat,dog,chair,clock]"
    options = ["+experiment=coco_30shot", f"dataset.root={tiny_coco}", "shots=1", classes, "dataset.limit=10"]
    done = ntt(*options, *small_networks, "hydra.run.dir=out", cwd=tmp_path)
    assert "memory: made" in log_of(done)
    assert "images 10" in done.stderr
    assert set(json.loads((tmp_path / "out" / "metrics.json").read_text())["per_class"]) >= {"person", "clock"}


def assert_one_sentence(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 2, done.stderr
    complaints = [line for line in done.stderr.splitlines() if " INFO " not in line]
    assert len(complaints) == 1, done.stderr
    assert complaints[0].startswith("ntt: ")
    for part in parts:
        assert part in complaints[0]


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("dataset.root=/nowhere", ["/nowhere/annotations", "dataset.root", "curl -L"]),
        ("backbone.weights=/nowhere.pth", ["/nowhere.pth", "backbone.weights", "curl -L", "dinov2_vits14"]),
        (
            "segmenter.weights=/nowhere.pt",
            ["/nowhere.pt", "segmenter.weights", "curl -L", "sam2_hiera_tiny.pt"],
        ),
        ("shotz=2", ["shotz", "shots"]),
        ("split=[disk]", ["disk", "disc", "instances_train2017.json"]),
        ("shots=7", ["disc", "6", "7", "memory.shortage"]),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(coco, small_networks, tmp_path, override, parts):
    assert_one_sentence(ntt(*run_options(coco, small_networks, override), cwd=tmp_path), *parts)


def test_a_checkpoint_of_another_network_is_refused(coco, small_networks, tmp_path):
    done = ntt(*run_options(coco, small_networks, "backbone.depth=3"), cwd=tmp_path)
    assert_one_sentence(done, "dinov2.pth", "blocks.2")


def test_the_traceback_is_there_for_who_asks(coco, small_networks, tmp_path):
    done = ntt(*run_options(coco, small_networks, "shots=7"), cwd=tmp_path, HYDRA_FULL_ERROR="1")
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("options", [["--help"], ["--cfg", "job"], ["--info", "defaults"], ["shotz=3"], []])
def test_answers_about_the_config_load_nothing_heavy(options, tmp_path):
    code = "import sys; from ntt.run import main\ntry: main()\nexcept SystemExit: pass\n"
    code += "print('heavy:', {'torch', 'transformers', 'sam2', 'wandb'} & set(sys.modules))"
    command = [sys.executable, "-c", code, *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "heavy: set()" in done.stdout, done.stderr


def test_the_wheel_carries_its_configs(tmp_path):
    repository = Path(__file__).resolve().parents[2]
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path / "dist"), str(repository)],
        check=True,
    )
    (wheel,) = (tmp_path / "dist").glob("ntt_segment-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(tmp_path / "site"), str(wheel)], check=True)
    done = ntt("+experiment=coco_30shot", "--cfg", "job", cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert "name: coco_30shot" in done.stdout, done.stderr
    shown = subprocess.run(
        [sys.executable, "-c", "import ntt.run; print(ntt.run.conf_folder())"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == str(tmp_path / "site" / "ntt" / "conf")
