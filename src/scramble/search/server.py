"""How workers reach the chief of a search: Keras Tuner's own protocol.

What its messages mean beyond it: the step of a metric is a replicate, an UpdateTrial brings one finished training, and
a GetTrial tells that a worker is still alive.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import keras_tuner
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer
from keras_tuner.src.engine.trial import Trial as Message

from scramble.errors import UserError
from scramble.search.chief import SEPARATOR, Chief, StrangerError, UnknownTrialError


class Servicer(OracleServicer):
    """Answers Keras Tuner's messages from a chief; what goes wrong ends the search, and not this thread alone."""

    def __init__(self, chief: Chief) -> None:
        super().__init__(oracle=None)
        self._chief = chief

    def CreateTrial(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._failures_told(context):
            worker, _, cell = request.tuner_id.partition(SEPARATOR)
            if cell != self._chief.job.cell:
                context.abort(grpc.StatusCode.UNAVAILABLE, f"this is the search for {self._chief.job.cell}")
            status, trial = self._chief.next_for(worker)
            if trial:
                return protos.get_service().CreateTrialResponse(trial=self._chief.message(trial))
            nothing = Message(keras_tuner.HyperParameters(), "nothing", status)
            return protos.get_service().CreateTrialResponse(trial=nothing.to_proto())

    def GetTrial(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._failures_told(context):
            trial = self._chief.hear(request.trial_id)
            return protos.get_service().GetTrialResponse(trial=self._chief.message(trial))

    def UpdateTrial(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._failures_told(context):
            trial = self._chief.record(request.trial_id, request.step, dict(request.metrics))
            return protos.get_service().UpdateTrialResponse(trial=self._chief.message(trial))

    def EndTrial(self, request: Any, context: grpc.ServicerContext) -> Any:
        """A trial ends with its last training, here."""
        return protos.get_service().EndTrialResponse()

    @contextmanager
    def _failures_told(self, context: grpc.ServicerContext) -> Iterator[None]:
        try:
            yield
        except UnknownTrialError as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        except Exception as error:
            if context.code() is None:  # else it is how `abort` leaves
                if not isinstance(error, StrangerError):
                    self._chief.failure = self._chief.failure or error
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
            raise


@contextmanager
def served(chief: Chief, address: str) -> Iterator[int]:
    """Answers workers at an address host:port while the block runs; gives the port, chosen where it was 0.

    Raises:
        UserError: the address is not this machine's, or taken.
    """
    server = grpc.server(ThreadPoolExecutor(), options=[("grpc.so_reuseport", 0)])
    protos.get_service_grpc().add_OracleServicer_to_server(Servicer(chief), server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        raise UserError(f"nobody can listen at {address}: is it an address of this machine, and free?") from None
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()
