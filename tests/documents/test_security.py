"""What SECURITY.md promises of the code, read off the code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Copies of what this very process composed: points of a sweep, sections of a config.
UNPICKLES = {"ntt/composition/parts.py", "ntt/sweeps/composition.py"}


def unsafe(source: str) -> list[str]:
    """Calls in the source that may run what a file says."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        options = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if name in ("eval", "exec", "pickle.load", "pickle.loads", "yaml.load", "yaml.unsafe_load", "joblib.load"):
            found.append(name)
        if name == "torch.load" and options.get("weights_only") != "True":
            found.append(name)
        if options.get("allow_pickle", "False") != "False" or options.get("trust_remote_code", "False") != "False":
            found.append(name)
        if options.get("shell", "False") != "False" or name.endswith(".extractall"):
            found.append(name)
    return found


def test_no_file_is_executed():
    found = {}
    for file in sorted([*(ROOT / "ntt").rglob("*.py"), *(ROOT / "hydra_plugins").rglob("*.py")]):
        calls = unsafe(file.read_text(encoding="utf-8"))
        if calls:
            found[str(file.relative_to(ROOT))] = calls
    assert set(found) <= UNPICKLES, found


@pytest.mark.parametrize(
    "call",
    ["torch.load(f)", "pickle.load(f)", "np.load(f, allow_pickle=True)", "run(c, shell=True)", "tar.extractall()"],
)
def test_unsafe_calls_are_seen(call):
    assert unsafe(call)


@pytest.mark.parametrize("call", ["torch.load(f, weights_only=True)", "np.load(f)", "network.eval()"])
def test_safe_calls_pass(call):
    assert not unsafe(call)


def test_the_licence_is_declared_and_whole():
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
