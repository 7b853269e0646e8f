"""Names that the exercises on depthwise and pointwise convolutions forbid, for `checks.assert_no_calls`."""

from __future__ import annotations

__all__ = ["READY_CONVOLUTIONS", "READY_LINEAR", "WINDOWS"]

# The last part of a name decides, whatever it is imported as: "torch.ops" forbids everything that is reached by it.
READY_CONVOLUTIONS = (
    *(f"{kind}{axes}d" for kind in ("F.conv", "F.conv_transpose", "nn.Conv", "nn.ConvTranspose", "nn.LazyConv",
                                    "nn.LazyConvTranspose") for axes in (1, 2, 3)),
    "conv_tbc", "torch.convolution", "torch._convolution", "torch.mkldnn_convolution", "torch.cudnn_convolution",
    "torch.miopen_convolution", "miopen_depthwise_convolution", "conv2d_input", "conv2d_weight", "conv1d_input",
    "conv1d_weight", "thnn_conv2d", "_conv_depthwise2d", "conv_depthwise3d", "convolve", "torch.ops", "torch._C",
    "torch._VF", "_C", "_nn", "nn.modules", "aten",
)  # fmt: skip
READY_LINEAR = ("F.linear", "nn.Linear", "nn.LazyLinear", "F.bilinear", "nn.Bilinear", "mkldnn_linear")
WINDOWS = ("F.unfold", "nn.Unfold", "torch.as_strided", "unfold_copy", "as_strided_copy")
