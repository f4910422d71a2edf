"""TensorFlow: operations, XLA, a model that is trained, cuDNN's recurrent layers."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

print(tf.config.list_physical_devices("GPU"))
a = tf.constant(np.arange(64, dtype=np.float32).reshape(8, 8))
print(tf.matmul(a, a).device, tf.nn.conv2d(tf.ones((1, 8, 8, 3)), tf.ones((3, 3, 3, 4)), 1, "SAME").shape)


@tf.function(jit_compile=True)
def compiled(x):
    return tf.reduce_sum(tf.sin(x) * x)


print(compiled(a).shape)
model = tf.keras.Sequential([tf.keras.layers.Dense(16, activation="relu"), tf.keras.layers.Dense(1)])
model.compile("adam", "mse")
history = model.fit(np.ones((64, 8), np.float32), np.ones((64, 1), np.float32), epochs=2, verbose=0)
print(len(history.history["loss"]))
print(tf.keras.layers.LSTM(8)(tf.ones((2, 5, 4))).shape)
