"""ONNX Runtime: a model by its CUDA provider, also as a CUDA graph."""

import numpy as np
import onnxruntime
import torch  # noqa: F401 (brings the libraries that the provider loads)
from onnx import TensorProto, helper

weights = np.arange(64, dtype=np.float32).reshape(8, 8) / 64
graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
     helper.make_node("Softmax", ["b"], ["y"])],
    "graph", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 8])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 8])],
    [helper.make_tensor("w", TensorProto.FLOAT, [8, 8], weights.tobytes(), raw=True)])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 9
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CUDAExecutionProvider"])
print(session.get_providers())
print(session.run(None, {"x": np.ones((2, 8), dtype=np.float32)})[0].shape)
captured = ("CUDAExecutionProvider", {"enable_cuda_graph": True})
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=[captured])
x = onnxruntime.OrtValue.ortvalue_from_numpy(np.ones((2, 8), dtype=np.float32), "cuda", 0)
y = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros((2, 8), dtype=np.float32), "cuda", 0)
binding = session.io_binding()
binding.bind_ortvalue_input("x", x)
binding.bind_ortvalue_output("y", y)
for _ in range(4):
    session.run_with_iobinding(binding)
print(y.numpy().shape)
