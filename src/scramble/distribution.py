"""tf.distribute strategies by name, and the settings of TensorFlow that decide the bits of a result."""

import io
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from scramble import clusters, params
from scramble.errors import UserError

CONNECT_SECONDS = 10
LOST_PEER = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
"""What a collective operation raises when one of its processes is gone."""


def configure(compute: params.Compute) -> tf.distribute.Strategy:
    """Pins the threads, makes GPU kernels deterministic and returns the strategy.

    To be called once per process, before TensorFlow has run anything. With multi_worker it returns when all workers
    have come.

    Raises:
        UserError: the devices or the other workers are missing, or the combination cannot work.
    """
    tf.config.threading.set_intra_op_parallelism_threads(compute.threads)
    tf.config.threading.set_inter_op_parallelism_threads(compute.devices)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if gpus:
        tf.config.experimental.enable_op_determinism()
        # Else float32 would be multiplied with the ten bits of TF32's mantissa.
        tf.config.experimental.enable_tensor_float_32_execution(False)
    _check_devices(compute, len(gpus))
    match compute.strategy:
        case "one_device":
            return tf.distribute.OneDeviceStrategy("/gpu:0" if gpus else "/cpu:0")
        case "mirrored":
            return _mirrored(compute, "gpu" if gpus else "cpu")
        case "multi_worker":
            return _multi_worker(compute, "gpu" if gpus else "cpu")
        case "tpu":
            return _tpu(compute)


def caveats(compute: params.Compute, num_gpus: int) -> list[str]:
    """What decides the bytes of a training in this mode, beside its parameters and the kind of processor: sentences."""
    found = []
    if compute.threads > 1:
        found.append(f"{compute.threads} threads: another number of threads rounds convolutions differently")
    if num_gpus:
        found.append(
            "GPU: operations are made deterministic; GPUs of another model, or with other libraries, round differently"
        )
    if compute.jit:
        found.append("jit: XLA rounds differently from TensorFlow without it, and its dropout draws other masks")
    if compute.num_replicas > 1:
        same = "" if num_gpus or compute.strategy == "tpu" else "; as many mirrored CPUs or workers give the same bytes"
        found.append(
            f"{compute.num_replicas} replicas: sums of gradients round differently from one device, losses agree to "
            f"about 1e-6 after an epoch of SGD{same}"
        )
    if compute.strategy == "tpu":
        found.append("TPU: it multiplies in bfloat16, and nothing here was ever measured on one")
    return found


def _check_devices(compute: params.Compute, num_gpus: int) -> None:
    """Refuses what cannot work with these devices."""
    if compute.strategy in {"one_device", "tpu"}:
        return
    if num_gpus:
        if num_gpus < compute.devices:
            raise UserError(f"compute.devices is {compute.devices}, but TensorFlow sees {num_gpus} GPUs")
        return
    if compute.jit:
        raise UserError(
            f"compute.jit is true, but XLA cannot add up what {compute.num_replicas} replicas on CPUs compute: "
            "set jit to false, or the strategy to one_device"
        )
    if compute.strategy == "multi_worker" and compute.devices > 1:
        raise UserError(
            f"compute.devices is {compute.devices}, but a worker without GPUs has one device: set devices to 1 and "
            f"workers to {compute.num_replicas}, or the strategy to mirrored"
        )


def _mirrored(compute: params.Compute, kind: str) -> tf.distribute.Strategy:
    if kind == "cpu":
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * compute.devices)
    return tf.distribute.MirroredStrategy([f"/{kind}:{device}" for device in range(compute.devices)])


def _multi_worker(compute: params.Compute, kind: str) -> tf.distribute.Strategy:
    member = clusters.member(compute)
    implementations = tf.distribute.experimental.CommunicationImplementation
    # Of two workers the ring adds what MirroredStrategy adds, bit for bit.
    implementation = implementations.NCCL if kind == "gpu" else implementations.RING
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(
            _resolver(member, {"GPU": compute.devices} if kind == "gpu" else {}),
            tf.distribute.experimental.CommunicationOptions(implementation=implementation),
        )
    except tf.errors.OpError as error:
        raise UserError(
            f"{member} cannot join the others ({error.message.splitlines()[0]}): is its port free, and are all started?"
        ) from error


def _resolver(member: clusters.Member, accelerators: dict[str, int]) -> Any:
    """Who trains together, as TensorFlow's resolvers tell it, with the devices that this worker uses."""
    if os.environ.get("TF_CONFIG"):
        found = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        spec, job, index = found.cluster_spec(), found.task_type, found.task_id
    else:
        # It would divide the GPUs that nvidia-smi finds; Slurm has given every worker its own already.
        found = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=clusters.slurm_port(), gpus_per_node=member.size, gpus_per_task=1, auto_set_gpu=False
        )
        # It sorts the nodes by name, where Slurm need not: a worker is found by its address, not by its rank.
        spec, job = found.cluster_spec(), "worker"
        index = spec.job_tasks(job).index(member.address)
    return tf.distribute.cluster_resolver.SimpleClusterResolver(
        spec, task_type=job, task_id=index, num_accelerators=accelerators, rpc_layer="grpc"
    )


def _tpu(compute: params.Compute) -> tf.distribute.Strategy:
    name = os.environ.get("TPU_NAME", "local")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(name)
        for address in resolver.cluster_spec().as_dict().get("worker", []):
            # TensorFlow would wait for a TPU that is not there.
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (tf.errors.OpError, OSError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"compute.strategy is tpu, but there is no TPU {name!r} ({reason}): set TPU_NAME to the name or address of "
            "one, or choose another strategy"
        ) from error
    strategy = tf.distribute.TPUStrategy(resolver)
    if strategy.num_replicas_in_sync != compute.devices:
        raise UserError(
            f"compute.devices is {compute.devices}, but the TPU {name!r} has {strategy.num_replicas_in_sync} cores: "
            "both have to agree"
        )
    return strategy


def broadcast(strategy: tf.distribute.Strategy, arrays: dict[str, NDArray[Any]] | None) -> dict[str, NDArray[Any]]:
    """The chief's arrays in every process of the strategy, bit for bit.

    All processes have to call it. It sums whole numbers that are 0 everywhere but at the chief.

    Args:
        arrays: by name, of any shape and type; None in every process but the chief.
    """
    buffer = io.BytesIO()
    if arrays is not None:
        np.savez(buffer, allow_pickle=False, **arrays)
    size = int(_sum(strategy, np.array([buffer.tell()]))[0])
    content = np.frombuffer(buffer.getvalue().ljust(-(-size // 4) * 4, b"\0"), np.int32)
    with np.load(io.BytesIO(_sum(strategy, content).tobytes()[:size]), allow_pickle=False) as received:
        return dict(received)


def _sum(strategy: tf.distribute.Strategy, values: NDArray[Any]) -> NDArray[Any]:
    """The sum of `values` over all processes."""
    num_local = len(strategy.extended.worker_devices)

    def on_replica(context: Any) -> tf.Tensor:
        return tf.constant(values if context.replica_id_in_sync_group % num_local == 0 else np.zeros_like(values))

    per_replica = strategy.experimental_distribute_values_from_function(on_replica)
    return strategy.reduce("SUM", per_replica, axis=None).numpy()


@contextmanager
def cluster_errors_told(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Makes the loss of another worker a `UserError` that names it.

    TensorFlow notices at once when a process ends, and in about 10 seconds when it or the network stands still.
    """
    try:
        yield
    except LOST_PEER as error:
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            raise
        raise UserError(
            f"{_lost(strategy.cluster_resolver, error.message)} is gone (its own messages say why), and a batch needs "
            "all: start all workers again; training goes on from the last saved epoch"
        ) from error


def _lost(resolver: Any, message: str) -> str:
    """The worker, other than this one, whose loss TensorFlow's message tells."""
    spec = resolver.cluster_spec()
    tasks = [(job, index) for job in clusters.JOBS if job in spec.jobs for index in range(spec.num_tasks(job))]
    named = [(job, int(index)) for job, index in re.findall(r"/job:(\w+)/(?:replica:\d+/)?task:(\d+)", message)]
    # The first of all answers heartbeats; that those to it fail names nobody.
    for task in [*named, tasks[0]]:
        if task in tasks and task != (resolver.task_type, resolver.task_id):
            member = clusters.Member(tasks.index(task), len(tasks), spec.task_address(*task))
            return str(member)
    return "another worker"
