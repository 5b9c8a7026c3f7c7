from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from ntt.errors import InputError
from ntt.matching.settings import MERGES, MatchSettings

CONF = Path(__file__).resolve().parents[2] / "conf"


@pytest.mark.parametrize("merge", MERGES)
def test_every_merge_has_a_yaml_with_the_default_values(merge):
    with initialize_config_dir(str(CONF / "matcher"), version_base="1.3"):
        values = OmegaConf.to_container(compose(merge))
    assert MatchSettings(**values) == MatchSettings(merge=merge)
    assert set(values) == set(MatchSettings.__dataclass_fields__)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("merge", "sofft"),
        ("nms_iou", 1.5),
        ("nms_iou", float("nan")),
        ("max_proposals", 0),
        ("max_detections", -1),
        ("hard_coverage", 0.0),
        ("diffusion_alpha", -0.1),
        ("diffusion_steps", 0),
        ("diffusion_tolerance", -1e-6),
    ],
)
def test_values_out_of_range_are_named(key, value):
    with pytest.raises(InputError, match=rf"matcher\.{key} is {value!r}; .+"):
        MatchSettings(**{key: value})
