from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import neuralforge.templates as package
from neuralforge.errors import UserError
from neuralforge.templates import registry
from neuralforge.templates.registry import find, templates

SOURCE = """
from dataclasses import dataclass

from neuralforge.templates.template import Template


@dataclass(frozen=True, kw_only=True)
class NoOptions:
    pass


def _write(b, options, x, goal):
    return b.add("fc", "linear", x, out_features=goal.outputs)


ONE = Template(
    key="{key}", title="Line", summary="One layer.", reference="None.", options=NoOptions, write=_write,
    input_shape=(4,), outputs=1, kinds=("table",), tasks=("regression",),
)
TEMPLATES = (ONE,)
"""


@pytest.fixture
def fresh() -> Any:
    """The registry forgets what it found, before and after."""
    templates.cache_clear()
    yield
    templates.cache_clear()


def test_find() -> None:
    assert find("small_cnn").key == "small_cnn"
    assert find(" Small-CNN ").key == "small_cnn"


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UserError, match=r"There is no template 'resnet1'; did you mean .*resnet18.*\?"):
        find("resnet1")
    with pytest.raises(UserError, match=r"There is no template 'zzz'; there are .*mlp.*vgg16\."):
        find("zzz")


def test_a_file_is_all_that_a_template_needs(fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "line_of_tests.py").write_text(SOURCE.format(key="line"))
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    assert find("line").build().graph.nodes["fc"].param("out_features") == 1


def test_two_of_one_key_are_our_own_fault(fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mlp_of_tests.py").write_text(SOURCE.format(key="mlp"))
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match="Two templates have the key 'mlp'"):
        templates()


def test_plug_ins(fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "good_plugin_of_tests.py").write_text(SOURCE.format(key="plugged"))
    (tmp_path / "rival_plugin_of_tests.py").write_text(SOURCE.format(key="mlp"))
    monkeypatch.syspath_prepend(str(tmp_path))
    group = registry.ENTRY_POINT_GROUP
    points = [
        EntryPoint("good", "good_plugin_of_tests:ONE", group),
        EntryPoint("missing", "no_such_module_of_tests:ONE", group),
        EntryPoint("rival", "rival_plugin_of_tests:ONE", group),
        EntryPoint("wrong", "good_plugin_of_tests:NoOptions", group),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    with pytest.warns(UserWarning) as caught:
        found = templates()
    assert "plugged" in found
    assert found["mlp"].title == "MLP"
    texts = [str(item.message) for item in caught]
    assert len(texts) == 3
    assert "'missing'" in texts[0] and "left out" in texts[0]
    assert "'mlp' is taken" in texts[1]
    assert "is no Template" in texts[2]
