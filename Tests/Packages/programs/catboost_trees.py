"""CatBoost: its threads ask for events without a context of their own."""

import numpy as np
from catboost import CatBoostClassifier, CatBoostRegressor

random = np.random.default_rng(0)
features = random.random((2000, 10)).astype(np.float32)
target = features[:, 0] + 2 * features[:, 1]
options = {"iterations": 10, "task_type": "GPU", "devices": "0", "verbose": False, "random_seed": 0,
           "allow_writing_files": False}
model = CatBoostRegressor(**options).fit(features, target)
print(np.round(model.predict(features)[:5], 3).tolist())
model = CatBoostClassifier(**options).fit(features, target > 1.5)
print(model.predict(features)[:8].tolist())
