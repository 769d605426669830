import pytest

from neuralforge.errors import UserError
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog
from neuralforge.templates.builder import Builder


def test_a_graph_is_written_straight_down() -> None:
    b = Builder("tiny")
    x = b.input((20,))
    y = b.add("fc1", "linear", x, out_features=8)
    z = b.add("fc2", "bilinear", y, x, out_features=3)
    b.output(z)
    b.note("First.")
    document = b.document(notes=("Second.",))
    assert document.name == "tiny"
    assert document.notes == ("First.", "Second.")
    assert list(document.graph.nodes) == ["input", "fc1", "fc2", "output"]
    assert document.graph.feeds("fc2") == {"left": ("fc1", "output"), "right": ("input", "output")}
    assert infer_all(document.graph, catalog()).issues == ()


def test_shapes_are_known_on_the_way() -> None:
    b = Builder("tiny")
    x = b.input((12,), "int64")
    assert (x.shape, x.type.dtype) == ((12,), "int64")
    y = b.add("embedding", "embedding", x, num_embeddings=50, embedding_dim=8)
    assert (y.shape, y.type.dtype) == ((12, 8), "float32")


def test_another_output_is_chosen_by_name() -> None:
    b = Builder("tiny")
    x = b.add("lstm", "lstm", b.input((7, 3)), hidden_size=5)
    assert x.shape == (7, 5)
    assert x.out("last").shape == (5,)
    b.output(x.out("last"))
    assert b.document().graph.feeds("output") == {"input": ("lstm", "last")}
    with pytest.raises(AssertionError, match="no output 'first'"):
        x.out("first")


def test_the_number_of_inputs_of_a_merge_is_filled_in() -> None:
    b = Builder("tiny")
    x = b.input((4,))
    y = b.add("cat", "concat", x, x, x, dim=1)
    assert y.shape == (12,)
    assert dict(b.add("plus", "add", y, y).outputs)["output"].shape == ("B", 12)
    b.output(y)
    document = b.document()
    assert document.graph.nodes["cat"].param("inputs") == 3


@pytest.mark.parametrize(
    ("layer", "params", "words"),
    [
        ("conv2d", {}, "tiny: bad.input expected"),
        ("linear", {"out_features": 0}, "tiny: bad.out_features expected a whole number"),
        ("linear", {"size": 3}, "tiny: bad.size expected one of"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_line(layer: str, params: dict[str, int], words: str) -> None:
    b = Builder("tiny")
    x = b.input((20,))
    with pytest.raises(UserError, match=words):
        b.add("bad", layer, x, **params)


def test_wrong_number_of_wires_is_our_own_fault() -> None:
    b = Builder("tiny")
    with pytest.raises(AssertionError, match="fc"):
        b.add("fc", "bilinear", b.input((20,)))


def test_a_duplicate_id_is_refused() -> None:
    b = Builder("tiny")
    b.add("fc", "linear", b.add("fc", "linear", b.input((20,))))
    with pytest.raises(UserError, match="Two nodes have the id 'fc'"):
        b.document()
