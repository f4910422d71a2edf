"""RAPIDS cuDF and RMM: frames in managed memory, in pools and in the driver's; groups, joins, text, files."""

import io

import cudf
import cupy
import numpy as np
import rmm

for options in ({"managed_memory": True}, {"pool_allocator": True, "initial_pool_size": 1 << 26},
                {"pool_allocator": True, "managed_memory": True, "initial_pool_size": 1 << 26}):
    rmm.reinitialize(**options)
    frame = cudf.DataFrame({"a": np.arange(1000) % 7, "b": np.arange(1000, dtype=np.float64)})
    print(options, frame.groupby("a").b.agg(["sum", "mean", "max"]).sort_index().to_pandas().values.tolist()[:2])
rmm.mr.set_current_device_resource(rmm.mr.CudaAsyncMemoryResource())
frame = cudf.DataFrame({"a": np.arange(1000) % 7, "b": np.random.default_rng(0).random(1000)})
print(round(frame.b.sum(), 6), round(frame.b.quantile(0.5), 6))
file = io.BytesIO()
frame.to_parquet(file, compression=None)
file.seek(0)
again = cudf.read_parquet(file)
print(again.shape, float((again.b - frame.b).abs().sum()))
print(cudf.Series(["a1", "b2", "c3"]).str.extract(r"([a-z])(\d)").to_pandas().values.tolist())
print(cudf.to_datetime(cudf.Series(["2024-01-01", "2024-02-03"])).dt.day.to_pandas().tolist())
print(frame.sort_values(["a", "b"]).b.head(3).to_pandas().round(4).tolist())
print(frame.a.value_counts().sort_index().to_pandas().tolist(), frame.merge(frame, on="a").shape)
counted = rmm.mr.StatisticsResourceAdaptor(rmm.mr.CudaMemoryResource())
rmm.mr.set_current_device_resource(counted)
buffer = rmm.DeviceBuffer.to_device(b"hello")
print(buffer.tobytes(), counted.allocation_counts.current_bytes)
rmm.mr.set_current_device_resource(rmm.mr.PrefetchResourceAdaptor(rmm.mr.ManagedMemoryResource()))
print(rmm.DeviceBuffer.to_device(b"world").tobytes(), int(cupy.arange(5).sum()))
