"""Writes a Keras model as ONNX, by way of PyTorch: torch_to_onnx.py MODEL.keras ROWS.npy TO.onnx
Says why and exits with 1 where it cannot."""

import sys
import warnings

import torch

import torch_model
import torch_peer

warnings.simplefilter("ignore")


def main():
    model, rows, to = sys.argv[1:]
    try:
        module = torch_model.KerasModel(model).eval()
    except torch_model.Unsupported as error:
        sys.exit(f"not supported: {error}")
    with torch.no_grad():
        torch.onnx.export(module, (torch_peer.load_rows(rows, 2),), to, opset_version=17,
                          input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "rows"}, "y": {0: "rows"}})


main()
