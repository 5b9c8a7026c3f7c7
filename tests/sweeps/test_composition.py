"""A copy with other values is what Hydra composes for the point."""

from __future__ import annotations

import importlib
import pickle

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import OmegaConf

from ntt.run import conf_folder
from ntt.sweeps.composition import share_composition


@pytest.fixture
def loaders(monkeypatch):
    """A sweep, Hydra's own way to compose a point of it, ours, and how often ours asked Hydra."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        sweep = loader.load_configuration("config", ["name=x", "hydra.mode=MULTIRUN"], run_mode=RunMode.MULTIRUN)
        plain = loader.load_sweep_config
        asked = []
        original = type(loader).load_sweep_config

        def counted(*arguments):
            asked.append(arguments)
            return original(*arguments)

        monkeypatch.setattr(type(loader), "load_sweep_config", counted)
        share_composition(loader)
        yield sweep, lambda overrides: original(plain.__self__, sweep, overrides), loader, asked


def test_points_that_differ_in_values_are_composed_once_and_equal_hydras(loaders):
    sweep, plain, loader, asked = loaders
    base = ["matcher=hard", "hydra.sweep.dir=/s", "+experiment=demo"]
    for values in (["shots=1", "dataset.limit=3"], ["shots=5", "dataset.limit=3"], ["shots=5", "dataset.limit=4"]):
        ours = loader.load_sweep_config(sweep, [*base, *values])
        hydras = plain([*base, *values])
        assert ours == hydras
        assert OmegaConf.to_yaml(ours) == OmegaConf.to_yaml(hydras)
        assert (ours.shots, OmegaConf.is_struct(ours)) == (hydras.shots, True)
        ours.hydra.job.num = 7  # what a launcher writes into it does not reach the next one
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["matcher=hard"], ["matcher=soft"]),
        (["+more=1"], ["+more=2"]),
        (["dataset.limit=1", "dataset={limit: 9}"], ["dataset.limit=2", "dataset={limit: 9}"]),
        (["split=[a]"], ["split=[b]"]),
        (["shots=1"], ["shots=1", "seed=3"]),
        (["hydra.job.name=a"], ["hydra.job.name=b"]),
    ],
)
def test_others_are_composed_by_hydra(loaders, one, other):
    sweep, plain, loader, asked = loaders
    loader.load_sweep_config(sweep, one)
    assert OmegaConf.to_yaml(loader.load_sweep_config(sweep, other)) == OmegaConf.to_yaml(plain(other))
    assert len(asked) == 2


def test_an_unknown_key_is_refused_as_by_hydra(loaders):
    sweep, plain, loader, _ = loaders
    for compose in (plain, lambda overrides: loader.load_sweep_config(sweep, overrides)):
        with pytest.raises(ConfigCompositionException, match="Could not override 'shot'"):
            compose(["shot=1"])


def test_a_value_of_a_wrong_type_is_refused_also_in_a_later_point(loaders):
    sweep, _, loader, _ = loaders
    loader.load_sweep_config(sweep, ["hydra.verbose=false", "shots=1", "hydra.job.chdir=false"])
    with pytest.raises(ConfigCompositionException):
        loader.load_sweep_config(sweep, ["hydra.verbose=false", "shots.more=1", "hydra.job.chdir=false"])


def test_another_host_reads_conf_anew(loaders):
    sweep, plain, loader, asked = loaders
    loader.load_sweep_config(sweep, ["shots=1"])
    travelled = pickle.loads(pickle.dumps(loader.load_sweep_config))
    assert travelled(sweep, ["shots=2"]) == plain(["shots=2"])
    assert len(asked) == 2


def test_a_launcher_whose_options_cannot_be_pickled_is_composed_by_hydra(loaders, monkeypatch):
    """As in a job that submitit started: Hydra has imported the plugin a second time there."""
    sweep, _, loader, asked = loaders
    loader.load_sweep_config(sweep, ["shots=3"])
    slurm = loader.load_configuration("config", ["name=x", "hydra/launcher=slurm"], run_mode=RunMode.MULTIRUN)
    imported = importlib.import_module("hydra_plugins.hydra_submitit_launcher.config")
    monkeypatch.setattr(imported, "SlurmQueueConf", type("SlurmQueueConf", (), {}))
    for shots in (1, 2):
        ours = loader.load_sweep_config(slurm, [f"shots={shots}"])
        assert (ours.shots, ours.hydra.launcher.timeout_min) == (shots, 240)
    assert len(asked) == 3
