"""FAISS: an index on the GPU, given vectors and asked."""

import faiss
import numpy as np

vectors = np.random.default_rng(0).random((5000, 32)).astype(np.float32)
print(faiss.get_num_gpus())
resources = faiss.StandardGpuResources()
index = faiss.GpuIndexFlatL2(resources, 32)
index.add(vectors)
distances, found = index.search(vectors[:8], 4)
print(index.ntotal, distances.shape, found.shape)
print(faiss.index_gpu_to_cpu(index).ntotal)
