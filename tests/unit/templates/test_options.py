import pytest

from neuralforge.errors import UserError
from neuralforge.templates.options import option_fields, parse_options
from neuralforge.templates.registry import find


def test_texts_become_options() -> None:
    options = parse_options(find("mlp"), {"hidden": "256,128", "dropout": "0.2", "activation": "tanh"})
    assert (options.hidden, options.dropout, options.activation) == ((256, 128), 0.2, "tanh")
    assert parse_options(find("mlp"), {"hidden": "32"}).hidden == (32,)
    assert parse_options(find("lstm_classifier"), {"bidirectional": "yes"}).bidirectional is True


def test_the_rest_keeps_its_defaults() -> None:
    template = find("lstm_classifier")
    assert parse_options(template, {}) == template.options()
    assert parse_options(template, {"num_layers": "2"}) == template.options(num_layers=2)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("dropout", "lots", "Option 'dropout' of mlp must be a number from 0 to 0.95. Received: 'lots'"),
        ("dropout", "0.99", "Option 'dropout' of mlp must be a number from 0 to 0.95. Received: '0.99'"),
        ("hidden", "128,0", "Option 'hidden' of mlp must be some whole numbers from 1 to 65536. Received: '128,0'"),
        ("hidden", "", "Option 'hidden' of mlp must be some whole numbers from 1 to 65536. Received: ''"),
        ("hiden", "1", "There is no option 'hiden' (did you mean 'hidden'?) of mlp; its options: hidden, activation,"),
    ],
)
def test_what_does_not_fit_gets_one_sentence(name: str, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_options(find("mlp"), {name: text})
    assert str(caught.value).startswith(message)


def test_fields_say_what_there_is() -> None:
    fields = {field.name: field for field in option_fields(find("mlp"))}
    assert fields["hidden"].default == (128, 64)
    assert "relu" in fields["activation"].choices


def test_options_made_by_hand_are_checked_too() -> None:
    template = find("mlp")
    with pytest.raises(UserError, match=r"Option 'dropout' of mlp must be .* Received: 2.0"):
        template.build(template.options(dropout=2.0))
    with pytest.raises(UserError, match="mlp takes options of MlpOptions"):
        template.build(find("unet").options())
