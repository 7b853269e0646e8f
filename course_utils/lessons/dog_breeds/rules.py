"""Names that the exercise on the log loss forbids, for `checks.assert_no_calls`."""

from __future__ import annotations

__all__ = ["READY_LOSSES"]

# The last part of a name decides, whatever it is imported as: "torch.ops" forbids everything that is reached by it.
READY_LOSSES = (
    "sklearn_log_loss", "log_loss", "F.cross_entropy", "F.nll_loss", "F.kl_div", "F.binary_cross_entropy",
    "F.binary_cross_entropy_with_logits", "F.poisson_nll_loss", "F.gaussian_nll_loss", "torch.kl_div",
    "torch.binary_cross_entropy_with_logits", "torch.poisson_nll_loss", "nn.CrossEntropyLoss", "nn.NLLLoss",
    "nn.NLLLoss2d", "nn.KLDivLoss", "nn.BCELoss", "nn.BCEWithLogitsLoss", "nn.PoissonNLLLoss", "nn.GaussianNLLLoss",
    "nn.AdaptiveLogSoftmaxWithLoss", "nn.modules", "nll_loss_nd", "cross_entropy_loss", "torch.distributions",
    "torch.ops", "torch._C", "torch._VF", "_nn", "aten",
)  # fmt: skip
