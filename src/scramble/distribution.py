"""tf.distribute strategies by name, and the settings of TensorFlow that decide the bits of a result."""

import tensorflow as tf

from scramble import params
from scramble.errors import UserError


def configure(compute: params.Compute) -> tf.distribute.Strategy:
    """Pins the threads, makes GPU kernels deterministic and returns the strategy.

    To be called once per process, before TensorFlow has run anything.

    Raises:
        UserError: `mirrored` asks for more GPUs than there are.
    """
    tf.config.threading.set_intra_op_parallelism_threads(compute.threads)
    tf.config.threading.set_inter_op_parallelism_threads(compute.devices)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if gpus:
        tf.config.experimental.enable_op_determinism()
    if compute.strategy == "one_device":
        return tf.distribute.OneDeviceStrategy("/gpu:0" if gpus else "/cpu:0")
    if gpus:
        if len(gpus) < compute.devices:
            raise UserError(f"compute.devices is {compute.devices}, but TensorFlow sees {len(gpus)} GPUs")
        return tf.distribute.MirroredStrategy([f"/gpu:{device}" for device in range(compute.devices)])
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * compute.devices)
    return tf.distribute.MirroredStrategy([f"/cpu:{device}" for device in range(compute.devices)])
