"""What verification makes of files that are wrong, hostile, or the end of their runtime."""

from __future__ import annotations

import ast
import json
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

import neuralforge.export
from neuralforge.export import _onnx_child as child
from neuralforge.export.certificate import Certificate
from neuralforge.export.exporter import make
from neuralforge.export.measure import Runtime, certify
from neuralforge.export.onnx import OnnxExporter, OnnxOptions
from neuralforge.export.trained import TrainedModel

Alter = Callable[[onnx.ModelProto], None]

# The real child, in which files of some names do what no file can be relied on to do.
BAD_CHILD = """
    import importlib.util, os, signal, sys
    from pathlib import Path

    spec = importlib.util.spec_from_file_location("child", {child!r})
    child = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(child)
    sound = child.run_job

    def run_job(job, folder):
        name = Path(job["model"]).name
        if name == "crash.onnx":
            yield {{"stage": "opening it"}}
            print("last words.", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "exit.onnx":
            os._exit(3)
        if name == "endless.onnx":
            yield {{"stage": "opening it"}}
            signal.pause()
        if name == "chatty.onnx":
            print("not an answer", file=sys.stderr)
            os.write(1, b"nor is this\\n[1, 2]\\n")
        yield from sound(job, folder)

    child.run_job = run_job
    channel = os.fdopen(os.dup(1), "w")
    child.main(Path(sys.argv[1]), channel)
"""


@pytest.fixture
def file(model: TrainedModel, tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    OnnxExporter(OnnxOptions(way="legacy")).write(model, path)
    return path


def verify(model: TrainedModel, path: Path) -> Certificate:
    certificate = make("onnx").verify(model, path)
    json.dumps(certificate.to_json(), allow_nan=False)
    return certificate


def bad_runtime(tmp_path: Path, before: str = "") -> Runtime:
    script = tmp_path / "bad_child.py"
    script.write_text(before + textwrap.dedent(BAD_CHILD).format(child=child.__file__))
    return Runtime(target="onnx", script=script)


def named(file: Path, name: str) -> Path:
    copy = file.with_name(name)
    copy.write_bytes(file.read_bytes())
    return copy


def test_a_sound_file_passes(model: TrainedModel, file: Path) -> None:
    certificate = verify(model, file)
    assert certificate.passed, certificate.why
    assert certificate.samples == 100 and certificate.batch_sizes == (1, 7, 32)
    assert 0 <= certificate.mean_abs_difference <= certificate.max_abs_difference <= certificate.tolerance < 1e-3
    assert certificate.agreement == 1 and certificate.agreement_of == "classes"
    assert certificate.original_latency_ms > 0 and certificate.exported_latency_ms > 0
    assert certificate.runtime.startswith("onnxruntime ")
    assert certificate.file_bytes == file.stat().st_size and len(certificate.file_sha256) == 64
    text = "\n".join(certificate.lines())
    assert text.startswith(f"Passed: {file}\n") and "100.00% of classes, 100 samples, batches of 1, 7, 32" in text


def test_a_certificate_without_figures_can_be_read(model: TrainedModel, tmp_path: Path) -> None:
    certificate = verify(model, tmp_path / "missing.onnx")
    assert list(certificate.lines()) == [
        f"NOT PASSED: {tmp_path / 'missing.onnx'}",
        "  The file cannot be read: No such file or directory.",
    ]


def change_weight(proto: onnx.ModelProto) -> None:
    weight = next(item for item in proto.graph.initializer if item.name == "fc2.weight")
    values = numpy_helper.to_array(weight).copy()
    values[0, 0] += 0.01
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))


def negate(proto: onnx.ModelProto) -> None:
    for item in proto.graph.initializer:
        if item.name.startswith("fc2"):
            item.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(item), item.name))


def make_nan(proto: onnx.ModelProto) -> None:
    for item in proto.graph.initializer:
        item.CopyFrom(numpy_helper.from_array(np.full_like(numpy_helper.to_array(item), np.nan), item.name))


def fix_batch(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 7


def rename(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].name = proto.graph.node[0].input[0] = "other"


def widen(proto: onnx.ModelProto) -> None:
    last = proto.graph.node[-1]
    last.output[0] = "narrow"
    proto.graph.node.append(helper.make_node("Concat", ["narrow", "narrow"], ["classes"], axis=1))
    proto.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 6


def foreign_operator(proto: onnx.ModelProto) -> None:
    proto.opset_import.append(helper.make_opsetid("evil.example", 1))
    proto.graph.node[0].domain = "evil.example"


def outside(name: str = "stolen") -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../x")
    return tensor


def external_weight(proto: onnx.ModelProto) -> None:
    weight = proto.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../x")


def external_without_mark(proto: onnx.ModelProto) -> None:
    proto.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")


def external_constant(proto: onnx.ModelProto) -> None:
    proto.graph.node.insert(0, helper.make_node("Constant", [], ["stolen"], value=outside()))


def external_in_subgraph(proto: onnx.ModelProto) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["stolen"], ["same"])],
        "body",
        [],
        [helper.make_tensor_value_info("same", TensorProto.FLOAT, [1])],
        initializer=[outside()],
    )
    yes = numpy_helper.from_array(np.array(True), "yes")
    proto.graph.initializer.append(yes)
    proto.graph.node.append(helper.make_node("If", ["yes"], ["branch"], then_branch=body, else_branch=body))


def external_sparse(proto: onnx.ModelProto) -> None:
    indices = numpy_helper.from_array(np.array([0], np.int64), "places")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(outside(), indices, [4]))


def external_in_function(proto: onnx.ModelProto) -> None:
    node = helper.make_node("Constant", [], ["y"], value=outside())
    opset = helper.make_opsetid("", 20)
    proto.functions.append(helper.make_function("own", "F", [], ["y"], [node], [opset]))


def huge(proto: onnx.ModelProto) -> None:
    """Ask for 4 TiB: the file is small, what it makes is not."""
    size = numpy_helper.from_array(np.array([1 << 40], np.int64), "size")
    proto.graph.initializer.append(size)
    proto.graph.node.append(helper.make_node("ConstantOfShape", ["size"], ["huge"]))
    proto.graph.node.append(helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0))
    last = next(node for node in proto.graph.node if node.output[0] == "classes")
    last.output[0] = "almost"
    proto.graph.node.append(helper.make_node("Add", ["almost", "sum"], ["classes"]))


WRONG: list[tuple[Alter, str]] = [
    (change_weight, "beyond the tolerance"),
    (negate, "beyond the tolerance"),
    (make_nan, "not finite"),
    (fix_batch, "batch dimension of numbers is fixed"),
    (rename, "inputs other where numbers should be"),
    (widen, r"\[1, 6\] where the original returns float32 \[1, 3\]"),
    (foreign_operator, "'evil.example' is not part of ONNX"),
    (huge, "(?i)alloc"),
    (external_weight, r"another file \(\['../../x'\]\); that is refused"),
    (external_without_mark, "another file"),
    (external_constant, "another file"),
    (external_in_subgraph, "another file"),
    (external_sparse, "another file"),
    (external_in_function, "another file"),
]


@pytest.fixture
def one_child(model: TrainedModel, file: Path, tmp_path: Path) -> dict[str, Certificate]:
    """Verify all altered files in one go, with a sound one at the end."""
    pairs = []
    for alter, _ in WRONG:
        proto = onnx.load(file)
        alter(proto)
        path = tmp_path / f"{alter.__name__}.onnx"
        path.write_bytes(proto.SerializeToString())
        pairs.append((model, path))
    for name, content in (("empty", b""), ("text", b"hello"), ("half", file.read_bytes()[:200])):
        (tmp_path / f"{name}.onnx").write_bytes(content)
        pairs.append((model, tmp_path / f"{name}.onnx"))
    pairs += [(model, tmp_path / "missing.onnx"), (model, file)]
    found = OnnxExporter().verify_all(pairs, time_limit_secs=60)
    return {Path(certificate.file).stem: certificate for certificate in found}


def test_wrong_and_hostile_files_do_not_pass(one_child: dict[str, Certificate]) -> None:
    assert one_child["model"].passed
    for name in ("empty", "text", "half", "missing"):
        assert not one_child[name].passed
        assert one_child[name].why.startswith(("The file is no ONNX model", "The file cannot be read"))
    for alter, words in WRONG:
        certificate = one_child[alter.__name__]
        assert not certificate.passed, alter.__name__
        with pytest.raises(ValueError, match=words):
            raise ValueError(certificate.why)
    assert one_child["negate"].agreement < 0.5 and one_child["change_weight"].agreement > 0.9


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("crash", "The runtime crashed while opening it: SIGKILL (last words)."),
        ("exit", "The runtime crashed while starting: exit code 3"),
    ],
)
def test_a_crash_fails_one_file_alone(model: TrainedModel, file: Path, tmp_path: Path, name: str, words: str) -> None:
    bad, good, chatty = named(file, f"{name}.onnx"), named(file, "good.onnx"), named(file, "chatty.onnx")
    pairs = [(model, good), (model, bad), (model, chatty), (model, bad), (model, good)]
    found = certify(bad_runtime(tmp_path), pairs, time_limit_secs=60)
    assert [certificate.passed for certificate in found] == [True, False, True, False, True]
    assert found[1].why.startswith(words.rstrip(".")) and found[1].why == found[3].why
    assert found[1].max_abs_difference is None and found[1].exported_latency_ms is None


def test_an_endless_check_is_ended(model: TrainedModel, file: Path, tmp_path: Path) -> None:
    endless = named(file, "endless.onnx")
    (certificate,) = certify(bad_runtime(tmp_path), [(model, endless)], time_limit_secs=3)
    assert not certificate.passed
    assert certificate.why == "The check took longer than 3 s (while opening it) and was ended."


def test_no_time_at_all(model: TrainedModel, file: Path) -> None:
    certificate = make("onnx").verify(model, file, time_limit_secs=0)
    assert certificate.why == "The check took longer than 0 s (while starting) and was ended."


def test_a_runtime_that_is_not_there(model: TrainedModel, file: Path, tmp_path: Path) -> None:
    (certificate,) = certify(Runtime(target="onnx", script=tmp_path / "no.py"), [(model, file)], time_limit_secs=60)
    assert not certificate.passed and "No such file" in certificate.why


def test_a_network_that_is_not_finite(model: TrainedModel, file: Path) -> None:
    with torch.no_grad():
        next(model.module.parameters()).fill_(float("inf"))
    assert verify(model, file).why == "The network itself returns values that are not finite."


def test_fewer_samples_than_a_batch(model: TrainedModel, file: Path) -> None:
    few = replace(model, samples={"numbers": model.samples["numbers"][:5]})
    certificate = verify(few, file)
    assert certificate.passed and certificate.batch_sizes == (1, 5) and certificate.samples == 5


def test_numbers_agree_within_the_tolerance(model: TrainedModel, file: Path, tmp_path: Path) -> None:
    proto = onnx.load(file)
    change_weight(proto)
    onnx.save(proto, tmp_path / "changed.onnx")
    certificate = verify(replace(model, by_class=False), tmp_path / "changed.onnx")
    assert certificate.agreement_of == "numbers"
    assert 2 / 3 <= certificate.agreement < 1  # of three numbers, one comes from the changed weight


def test_a_single_column_tells_two_classes() -> None:
    y = np.array([[-1.0], [0.5], [0.0]])
    assert child.decisions(y).tolist() == [[False], [True], [False]]
    assert child.decisions(np.eye(3)).tolist() == [0, 1, 2]


def test_the_tolerance_follows_the_outputs() -> None:
    y = np.array([[1.0, 3.0], [1.0, 5.0]])
    assert child.bound_of(y, [0.1, 0.001, 1e-9]) == pytest.approx(0.1)
    assert child.bound_of(y[:1], [0.1, 0.001, 1e-9]) == pytest.approx(0.003)
    assert child.bound_of(0 * y, [0.1, 0.001, 1e-9]) == 1e-9


def test_nothing_reads_a_pickle(model: TrainedModel, file: Path, tmp_path: Path) -> None:
    hook = """import sys\ndef hook(event, args):\n    if event.startswith("pickle"): raise SystemExit("pickle")\n"""
    runtime = bad_runtime(tmp_path, before=f"{hook}sys.addaudithook(hook)\n")
    (certificate,) = certify(runtime, [(model, file)], time_limit_secs=60)
    assert certificate.passed, certificate.why
    for path in Path(neuralforge.export.__file__).parent.glob("*.py"):
        for part in ast.walk(ast.parse(path.read_text())):
            if isinstance(part, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in part.names} | {getattr(part, "module", "")}
                assert not names & {"pickle", "joblib", "dill", "cloudpickle"}, path
            if isinstance(part, ast.Call) and ast.unparse(part.func) in ("torch.load", "np.load", "torch.save"):
                assert ast.unparse(part.func) == "np.load" and "allow_pickle=False" in ast.unparse(part), path


def test_the_child_knows_nothing_of_us() -> None:
    text = Path(child.__file__).read_text()
    assert "import neuralforge" not in text and "from neuralforge" not in text and "import torch" not in text
