"""Wrong answers to neural-networks/backpropagation and what each must lose."""

from tests.support.answers import Answer

T_COST = ("test_cost_visible", "test_cost_hidden")


def step(name, formula, loses=None):
    return Answer(
        f"{name} = {formula}", {name.lower(): f"{name} = {formula}"}, loses or (f"test_{name.lower()}_visible",)
    )


def cost(why: str, naive: str, backprop: str, loses: tuple[str, ...] = T_COST) -> Answer:
    source = (
        f"def multiplications(widths):\n    w = [a * b for a, b in pairwise(widths)]\n    return {naive}, {backprop}"
    )
    return Answer(f"cost: {why}", {"cost": source}, loses)


ANSWERS = [
    # What SymPy derives, and the step before once more.
    step("dh_dhtilde", "tanh(htilde[i]).diff(htilde[i])"),
    step("d_log_sum_exp", "log(Sum(exp(ytilde[k]), (k, 1, ny))).diff(ytilde[i])"),
    step("dL_dytilde", "(log(Sum(exp(ytilde[k]), (k, 1, ny))) - Sum(y[k] * ytilde[k], (k, 1, ny))).diff(ytilde[i])"),
    step("dytilde_dWy", "(Sum(Wy[i, n] * h[n], (n, 1, nh)) + by[i]).diff(Wy[k, j])"),
    step("dh_dhtilde", "(tanh(htilde[i] + 1e-6) - tanh(htilde[i] - 1e-6)) / 2e-6"),
    step(
        "loss_sum_one",
        "-Sum(y[i] * ytilde[i], (i, 1, ny)) + Sum(y[i], (i, 1, ny)) * log(Sum(exp(ytilde[k]), (k, 1, ny)))",
    ),
    # Step b with all signs turned, and once more as step c.
    Answer(
        "c is b, whose signs are turned",
        {
            "loss_any_sum": "loss_any_sum = Sum(y[i] * (ytilde[i] - log(Sum(exp(ytilde[k]), (k, 1, ny)))), (i, 1, ny))",
            "loss_sum_one": "loss_sum_one = Sum(y[i] * (ytilde[i] - log(Sum(exp(ytilde[k]), (k, 1, ny)))), (i, 1, ny))",
        },
        ("test_loss_any_sum_visible", "test_loss_sum_one_visible"),
    ),
    # A right step that starts from a wrong earlier one earns its points.
    Answer(
        "b and c: the sum that lost its logarithm is carried on",
        {
            "log_yhat": "log_yhat = ytilde[i] - Sum(exp(ytilde[k]), (k, 1, ny))",
            "loss_any_sum": "loss_any_sum = -Sum(y[i] * ytilde[i], (i, 1, ny)) + "
            "Sum(y[i], (i, 1, ny)) * Sum(exp(ytilde[k]), (k, 1, ny))",
            "loss_sum_one": "loss_sum_one = -Sum(y[i] * ytilde[i], (i, 1, ny)) + Sum(exp(ytilde[k]), (k, 1, ny))",
        },
        ("test_log_yhat_visible",),
    ),
    Answer(
        "b and c: the derivative of the sum alone is carried on",
        {
            "d_log_sum_exp": "d_log_sum_exp = exp(ytilde[i])",
            "dl_dytilde": "dL_dytilde = d_log_sum_exp - y[i]",
            "g_entry": "G_entry = (exp(Ytilde[n, i]) - Y[n, i]) / N",
        },
        ("test_d_log_sum_exp_visible",),
    ),
    Answer(
        "weights and activation: htilde in the place of h is carried on",
        {
            "dytilde_dwy": "dytilde_dWy = KroneckerDelta(i, k) * htilde[j]",
            "dl_dwy": "dL_dWy = Sum(G[n, i] * Htilde[n, j], (n, 1, N))",
            "dh_dhtilde": "dh_dhtilde = 1 - htilde[i] ** 2",
            "dl_dhtilde": "dL_dhtilde = (1 - Htilde[n, j] ** 2) * dL_dh",
        },
        ("test_dytilde_dwy_visible", "test_dh_dhtilde_visible"),
    ),
    Answer(
        "c: agrees with a step b that is no mistake anybody makes",
        {"d_log_sum_exp": "d_log_sum_exp = 3 + y[i]", "dl_dytilde": "dL_dytilde = 3"},
        ("test_d_log_sum_exp_visible", "test_dl_dytilde_visible"),
    ),
    Answer(
        "c: the activation comes a step too early, and is carried on",
        {
            "dl_dh": "dL_dh = (1 - H[n, j] ** 2) * Sum(G[n, i] * Wy[i, j], (i, 1, ny))",
            "dl_dhtilde": "dL_dhtilde = (1 - H[n, j] ** 2) ** 2 * Sum(G[n, i] * Wy[i, j], (i, 1, ny))",
        },
        ("test_dl_dh_visible",),
    ),
    Answer(
        "c: agrees with an activation in the place of a gradient",
        {"dl_dh": "dL_dh = H[n, j]", "dl_dhtilde": "dL_dhtilde = H[n, j] * (1 - H[n, j] ** 2)"},
        ("test_dl_dh_visible", "test_dl_dhtilde_visible"),
    ),
    Answer(
        "b: no delta, so that all adds up to nothing",
        {"dytilde_dwy": "dytilde_dWy = h[j]", "dl_dwy": "dL_dWy = 0"},
        ("test_dytilde_dwy_visible", "test_dl_dwy_visible"),
    ),
    # Forward
    step("f_htilde", "Sum(Wh[i, j] * x[j], (j, 1, nx))"),
    step("f_htilde", "tanh(Sum(Wh[i, j] * x[j], (j, 1, nx)) + bh[i])"),
    step("f_htilde", "Sum(Wh[j, i] * x[j], (j, 1, nx)) + bh[i]"),
    step("f_h", "1 / (1 + exp(-htilde[i]))"),
    step("f_h", "htilde[i]"),
    step("f_h", "1 - tanh(htilde[i])**2"),
    step("f_ytilde", "Sum(Wy[i, j] * h[j], (j, 1, nh))"),
    step("f_ytilde", "Sum(Wy[i, j] * htilde[j], (j, 1, nh)) + by[i]"),
    step("f_ytilde", "tanh(Sum(Wy[i, j] * h[j], (j, 1, nh)) + by[i])"),
    step("f_yhat", "exp(ytilde[i])"),
    step("f_yhat", "1 / (1 + exp(ytilde[i]))"),
    step("f_yhat", "ytilde[i] / Sum(ytilde[k], (k, 1, ny))"),
    # The loss and its gradient
    step("log_yhat", "ytilde[i] - Sum(ytilde[k], (k, 1, ny))"),
    step("log_yhat", "ytilde[i] / log(Sum(exp(ytilde[k]), (k, 1, ny)))"),
    step("log_yhat", "log(yhat[i])"),
    step("loss_any_sum", "-Sum(y[i] * ytilde[i], (i, 1, ny)) + log(Sum(exp(ytilde[k]), (k, 1, ny)))"),
    step("loss_any_sum", "-Sum(y[i] * ytilde[i], (i, 1, ny))"),
    step(
        "loss_any_sum",
        "Sum(y[i] * ytilde[i], (i, 1, ny)) - Sum(y[i], (i, 1, ny)) * log(Sum(exp(ytilde[k]), (k, 1, ny)))",
    ),
    step("loss_sum_one", "-Sum(y[i] * ytilde[i], (i, 1, ny)) + ny * log(Sum(exp(ytilde[k]), (k, 1, ny)))"),
    step("loss_sum_one", "-Sum(y[i] * ytilde[i], (i, 1, ny)) + log(Sum(ytilde[k], (k, 1, ny)))"),
    step("loss_sum_one", "-Sum(y[i] * log(yhat[i]), (i, 1, ny))"),
    step("loss_sum_one", "-Sum(y[i] * log(exp(ytilde[i]) / Sum(exp(ytilde[k]), (k, 1, ny))), (i, 1, ny))"),
    step("d_log_sum_exp", "1 / Sum(exp(ytilde[k]), (k, 1, ny))"),
    step("d_log_sum_exp", "exp(ytilde[i])"),
    step("d_log_sum_exp", "1"),
    step("dL_dytilde", "-y[i] / yhat[i]"),
    step("dL_dytilde", "y[i] - yhat[i]"),
    step("dL_dytilde", "yhat[i] - 1"),
    step("dL_dytilde", "(yhat[i] - y[i]) * yhat[i] * (1 - yhat[i])"),
    step("G_entry", "Yhat[n, i] - Y[n, i]"),
    step("G_entry", "(Yhat[n, i] - Y[n, i]) / (N * ny)"),
    step("G_entry", "(Y[n, i] - Yhat[n, i]) / N"),
    # The layers
    step("dytilde_dWy", "h[j]"),
    step("dytilde_dWy", "KroneckerDelta(i, k)"),
    step("dytilde_dWy", "KroneckerDelta(i, k) * htilde[j]"),
    step("dL_dWy", "G[n, i] * H[n, j]"),
    step("dL_dWy", "Sum(G[n, i] * H[n, j], (n, 1, N)) / N"),
    step("dL_dWy", "Sum(G[n, i] * Htilde[n, j], (n, 1, N))"),
    step("dL_dby", "G[1, i]"),
    step("dL_dby", "Sum(G[n, i], (n, 1, N)) / N"),
    step("dL_dby", "Sum(Sum(G[n, k], (k, 1, ny)), (n, 1, N))"),
    step("dL_dh", "Sum(G[n, i] * Wy[j, i], (i, 1, ny))"),
    step("dL_dh", "Sum(G[n, i], (i, 1, ny))"),
    step("dL_dh", "Sum(G[n, i] * Wy[i, j], (n, 1, N))"),
    step("dh_dhtilde", "1 - htilde[i]**2"),
    step("dh_dhtilde", "1 - tanh(h[i])**2"),
    step("dh_dhtilde", "h[i] * (1 - h[i])"),
    step("dh_dhtilde", "(1 - h[i])**2"),
    step("dL_dhtilde", "Sum(G[n, i] * Wy[i, j], (i, 1, ny))"),
    step("dL_dhtilde", "(1 - Htilde[n, j]**2) * Sum(G[n, i] * Wy[i, j], (i, 1, ny))"),
    step("dL_dhtilde", "(1 - H[n, j]**2) * Sum(G[n, i], (i, 1, ny))"),
    step("dL_dWh", "Sum(D[n, j], (n, 1, N))"),
    step("dL_dWh", "Sum(D[n, j] * X[n, k], (n, 1, N)) / N"),
    step("dL_dWh", "Sum(Sum(G[n, i] * Wy[i, j], (i, 1, ny)) * X[n, k], (n, 1, N))"),
    step("dL_dbh", "D[1, j]"),
    step("dL_dbh", "Sum(D[n, j], (n, 1, N)) / N"),
    step("dL_dbh", "Sum(Sum(D[n, k], (k, 1, nh)), (n, 1, N))"),
    # The cost of a gradient
    cost("the visible numbers", "162", "21"),
    cost("one pass for each weight", "sum(w) ** 2", "2 * sum(w) + sum(w[1:])"),
    cost("no forward pass", "2 * sum(w) ** 2", "sum(w) + sum(w[1:])"),
    cost("the first map hands on", "2 * sum(w) ** 2", "3 * sum(w)"),
    cost("the last map does not hand on", "2 * sum(w) ** 2", "2 * sum(w) + sum(w[:-1])"),
    cost("no errors handed on", "2 * sum(w) ** 2", "2 * sum(w)"),
    cost("each layer by itself", "2 * sum(x * x for x in w)", "2 * sum(w) + sum(w[1:])"),
]
