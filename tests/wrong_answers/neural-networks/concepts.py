"""Wrong answers to neural-networks/concepts and what each must lose."""

from tests.support.answers import Answer

T_LEAK = ("test_num_leaked_visible", "test_num_leaked_hidden")
T_MERGE = ("test_merge_visible", "test_merge_hidden")
T_SIZES = ("test_num_parameters_visible", "test_num_parameters_hidden")
T_SLOPES = ("test_slopes_visible", "test_slopes_hidden")


def leak(why: str, value: str, loses: tuple[str, ...] = T_LEAK) -> Answer:
    return Answer(
        f"leak: {why}", {"num_leaked": f"def num_leaked(train_groups, test_groups):\n    return {value}"}, loses
    )


def merged(why: str, value: str, loses: tuple[str, ...] = T_MERGE) -> Answer:
    return Answer(f"merge: {why}", {"merge": f"def as_one_map(W1, b1, W2, b2):\n    return {value}"}, loses)


def sizes(
    why: str,
    count: str = "n_h * n_x + n_h + n_y * n_h + n_y",
    drawn: str = "(5, 7, 4)",
    loses: tuple[str, ...] = T_SIZES,
) -> Answer:
    source = f"def num_parameters(n_x, n_h, n_y):\n    return {count}\n\ndrawn = {drawn}"
    return Answer(f"sizes: {why}", {"num_parameters": source}, loses)


def slopes(why: str, ce: str = "-y / yhat", se: str = "2 * (yhat - y)", loses: tuple[str, ...] = T_SLOPES) -> Answer:
    source = f"def ce_slope(y, yhat):\n    return {ce}\n\ndef se_slope(y, yhat):\n    return {se}"
    return Answer(f"slopes: {why}", {"slopes": source}, loses)


ANSWERS = [
    # What stands in the visible checks.
    leak("the visible number", "3"),
    merged("the visible numbers", "np.array([[11.0]]), np.array([115.0])"),
    sizes("the visible number", "4"),
    slopes("the visible numbers", ce="np.array([-2.0, 0.0])", se="np.array([-1.0, 1.0])"),
    leak("groups in both", "len(np.intersect1d(train_groups, test_groups))"),
    leak("pairs", "int((train_groups[:, None] == test_groups).sum())"),
    leak("training examples", "int(np.isin(train_groups, test_groups).sum())"),
    leak("no value", "None"),
    leak("at the same place", "int(sum(a == b for a, b in zip(train_groups, test_groups)))"),
    leak("whether there is one", "int(bool(np.isin(test_groups, train_groups).any()))"),
    merged("biases added", "W2 @ W1, b1.sum() + b2"),
    merged("the second bias forgotten", "W2 @ W1, W2 @ b1"),
    merged("matrices added up", "W2 * W1.T, W2 @ b1 + b2"),
    merged("the other order", "W1 @ W2, W2 @ b1 + b2"),
    merged("one value", "W2 @ W1"),
    merged("in rows", "(W2 @ W1).T, W2 @ b1 + b2", ("test_merge_hidden",)),
    sizes("only weights", "n_h * n_x + n_y * n_h"),
    sizes("inputs have biases", "n_h * n_x + n_x + n_h + n_y * n_h + n_y"),
    sizes("one bias for a layer", "n_h * n_x + 1 + n_y * n_h + 1", loses=("test_num_parameters_hidden",)),
    sizes("no way through the hidden layer", "n_x * n_y + n_h * n_x + n_h + n_y"),
    sizes("outputs first", drawn="(4, 7, 5)", loses=("test_num_parameters_hidden",)),
    sizes("miscounted", drawn="(5, 6, 4)", loses=("test_num_parameters_hidden",)),
    sizes("half a circle", drawn="(5, 6.5, 4)"),
    slopes("cross-entropy upside down", ce="y / yhat"),
    slopes("by the logits", ce="yhat - y"),
    slopes("the loss itself", ce="-y * np.log(yhat)"),
    slopes("the 2 forgotten", se="yhat - y"),
    slopes("y minus yhat", se="2 * (y - yhat)"),
    slopes("a mean", se="2 * (yhat - y) / len(y)"),
    slopes("the right class only", se="2 * (yhat - y) * y"),
]
