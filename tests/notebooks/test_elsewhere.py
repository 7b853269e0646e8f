"""What asks for a graphics card or a newer Python is found, and nothing else is."""

import pytest

from course_utils.notebooks.elsewhere import asks_for_card, newer_syntax


@pytest.mark.parametrize(
    ("code", "minor"),
    [
        ("x = f'{d['a']}'", 12),
        ('sizes = 1\nlabel = f"{sizes["h"]:>{n["w"]}}"', 12),
        ("f'{chr(10).join(x) + '\\n'}'", 12),
        ('f"{x:{"a"}}"', 12),
        ("f'''{\n'''a'''\n}'''", 12),
        ("f'{1 +\n2}'", 12),
        ("f'''{1  # one\n}'''", 12),
        ("type Pair = tuple[int, int]", 12),
        ("type Pair[T] = tuple[T, T]", 12),
        ("def first[T](x: list[T]) -> T:\n    return x[0]", 12),
        ("class Box[T]:\n    pass", 12),
        ("x = t'{a}'", 14),
        ("try:\n    a\nexcept ValueError, TypeError:\n    pass", 14),
    ],
)
def test_newer_syntax_is_named(code, minor):
    (found,) = newer_syntax(code, (3, 11))
    assert found[2] == (3, minor) and newer_syntax(code, (3, minor)) == []


@pytest.mark.parametrize(
    "code",
    [
        "f\"{d['a']:>{n}} {{x}} {y!r:{'>'}5}\" + f'{x}' 'y'",
        "f'''{d[\"a\"]} {d['a']}''' # f'{d['a']}'",
        'rf\'\\d{x}\' + \'f"{a["b"]}"\' + """def f[T](x): f\'{a[\'b\']}\'\n type X = 3\n"""',
        "type = 3\ntype(x) == y\ntype.x = 4\nclass A(B[int]): pass\ndef f(x=[1]): return {'f': 'g'}['f']",
        "print(f'{x:%Y-%m}', f'{lambda_}', f'{(lambda: 1)()}', 'it''s', f'{x=}', b't', rt)",
        "try:\n    a\nexcept (ValueError, TypeError):\n    pass",
        "f'{",
        "'''",
    ],
)
def test_older_syntax_and_broken_text_is_not(code):
    assert newer_syntax(code, (3, 11)) == []


@pytest.mark.parametrize(
    "code",
    ["x.cuda()", "net = Net().to('cuda')", "torch.zeros(3, device='cuda:1')", "%time x\nx.to(device='mps')",
     "d = torch.device('cuda')", "def f(x):\n    return x.cuda()",
     "print(torch.cuda.get_device_name(0))", "x.type(torch.cuda.FloatTensor)",
     "torch.set_default_tensor_type('torch.cuda.FloatTensor')", "torch.cuda.HalfTensor(3)"],
)  # fmt: skip
def test_a_card_is_named(code):
    assert len(asks_for_card(code)) == 1


@pytest.mark.parametrize(
    "code",
    ["device = 'cuda' if torch.cuda.is_available() else 'cpu'\nx.to(device)", "# x.cuda()", "print('no cuda')",
     "x.cuda(", "x.to(device)", "x.type(torch.FloatTensor)", "print('torch.cuda.FloatTensor is a type')"],
)  # fmt: skip
def test_a_look_whether_there_is_one_is_not(code):
    assert asks_for_card(code) == []


@pytest.mark.parametrize("code", ["f'{" * 3000, "f'{x:{" * 3000, 'f"""{' * 2000 + "}", "'" * 9999, "{" * 9999])
def test_any_text_is_read_to_its_end(code):
    newer_syntax(code, (3, 11))
    asks_for_card(code + ".cuda()")
