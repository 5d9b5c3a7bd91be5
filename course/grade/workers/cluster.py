"""Grade on a Dask cluster: the same work, done by other processes.

Workers need this repository: start them in its folder, with the package's extra
`cluster` installed (`dask worker ADDRESS --nthreads 1`). Each worker makes its own copy
of what students were handed out, and tests its own sandbox before it runs a submission.
"""

from concurrent.futures import Executor

from course.grade.errors import GradingError

__all__ = ["connect"]

PATIENCE = 30  # seconds until a scheduler has answered


def connect(address: str) -> Executor:
    """Return an executor that works on the cluster of a scheduler.

    Raises:
        GradingError: there is no such scheduler, or Dask is not installed.
    """
    try:
        from distributed import Client
    except ImportError:
        message = "grading on a cluster takes dask: pip install 'ece662[cluster]'"
        raise GradingError(message) from None
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise GradingError(f"no scheduler answers at {address}: {error}") from None
    return _ClusterExecutor(client)


class _ClusterExecutor(Executor):
    """Dask's executor, which closes its client when it is done."""

    def __init__(self, client):
        """Wrap a client."""
        self._client = client
        # pure=False: the same call twice is computed twice, without Dask's cache.
        self._inner = client.get_executor(pure=False)

    def submit(self, function, /, *args, **kwargs):
        """Submit a call, as in `concurrent.futures.Executor`."""
        return self._inner.submit(function, *args, **kwargs)

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Disconnect from the cluster; results of calls still running are dropped."""
        self._inner.shutdown(wait=False)
        self._client.close()
