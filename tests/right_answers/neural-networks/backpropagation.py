"""Right answers to neural-networks/backpropagation in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "steps in other forms",
        {
            "f_htilde": "f_htilde = bh[i] + Sum(x[k] * Wh[i, k], (k, 1, nx))",
            "f_h": "f_h = (exp(htilde[i]) - exp(-htilde[i])) / (exp(htilde[i]) + exp(-htilde[i]))",
            "f_yhat": "f_yhat = 1 / Sum(exp(ytilde[k] - ytilde[i]), (k, 1, ny))",
            "log_yhat": "log_yhat = log(exp(ytilde[i]) / Sum(exp(ytilde[k]), (k, 1, ny)))",
            "loss_any_sum": "loss_any_sum = Sum(y[i] * (log(Sum(exp(ytilde[k]), (k, 1, ny))) - ytilde[i]), (i, 1, ny))",
            "d_log_sum_exp": "d_log_sum_exp = exp(ytilde[i]) / Sum(exp(ytilde[k]), (k, 1, ny))",
            "dl_dytilde": "dL_dytilde = -(y[i] - yhat[i])",
            "dl_dwy": "dL_dWy = Sum((Yhat[n, i] - Y[n, i]) * H[n, j], (n, 1, N)) / N",
            "dl_dh": "dL_dh = Sum(Wy[k, j] * G[n, k], (k, 1, ny))",
            "dh_dhtilde": "from sympy import cosh\ndh_dhtilde = 1 / cosh(htilde[i]) ** 2",
            "dl_dhtilde": "dL_dhtilde = (1 - tanh(Htilde[n, j]) ** 2) * dL_dh",
            "dl_dwh": "dL_dWh = Sum(X[n, k] * (1 - H[n, j]**2) * Sum(G[n, i] * Wy[i, j], (i, 1, ny)), (n, 1, N))",
        },
    ),
    Answer(
        "the derivative of tanh as tables have it",
        {
            "f_h": "from sympy import coth\nf_h = 1 / coth(htilde[i])",
            "dh_dhtilde": "from sympy import sech\ndh_dhtilde = sech(htilde[i]) ** 2",
            "dl_dhtilde": "dL_dhtilde = sech(Htilde[n, j]) ** 2 * Sum(G[n, i] * Wy[i, j], (i, 1, ny))",
        },
    ),
    Answer(
        "costs layer by layer",
        {
            "cost": "def multiplications(widths):\n    count = forward = 0\n"
            "    for layer in range(1, len(widths)):\n        here = widths[layer - 1] * widths[layer]\n"
            "        forward += here\n        count += 2 * here if layer == 1 else 3 * here\n"
            "    return [2 * forward ** 2, count]"
        },
    ),
]
