"""XGBoost: trees grown and used on the GPU."""

import numpy as np
import xgboost as xgb

random = np.random.default_rng(0)
features = random.random((2000, 10)).astype(np.float32)
target = (features[:, 0] + 2 * features[:, 1]).astype(np.float32)
options = {"tree_method": "hist", "device": "cuda", "max_depth": 4, "eta": 0.3}
model = xgb.train(options, xgb.QuantileDMatrix(features, target), 10)
print(np.round(model.predict(xgb.DMatrix(features))[:5], 4).tolist())
options["objective"] = "binary:logistic"
model = xgb.train(options, xgb.DMatrix(features, target > 1.5), 5)
print(np.round(model.predict(xgb.DMatrix(features))[:5], 4).tolist())
print(sorted(model.get_score(importance_type="weight"))[:3])
