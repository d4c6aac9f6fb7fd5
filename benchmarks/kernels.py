"""Which way of scoring a session in memory? Time, memory and error of each, beside faiss.

    pip install faiss-cpu
    python benchmarks/kernels.py

One probe against n templates of d components, in five turns of each. The templates are of n/100 people, rounded to
half precision first, so that all score the same values. Figures are the median and the 95th percentile of a
call, the median's ratio to faiss `IndexFlatIP` (its 100 best) at the same number of threads, the bytes that stay in
memory per face (templates only), and the largest error of a score. int8 kernels count the halves too, which the exact
score needs. `candidates` is FacePass all in: every face at or above a threshold, exact scores, each photo once, the 100
best; its bytes include ids and boxes, and it always runs on one thread.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

SIZES = (1_000, 10_000, 50_000, 200_000)
DIMENSIONS = (128, 512)
THREADS = (1, 2)
BEST = 100
LEAST_COSINE = 0.3
FACES_A_PHOTO = 3
BLOCK_BYTES = 1 << 20
TURNS = 5

Scores = npt.NDArray[np.floating]
Kernel = tuple[str, Callable[[], Any], float]
"""Name, one call, bytes per face. What a call returns is scores where it is an array `(n,)`."""


def people(n: int, d: int) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float32]]:
    """Templates, and a probe of somebody among them."""
    rng = np.random.default_rng(n + d)
    centres = rng.standard_normal((max(1, n // 100), d), dtype=np.float32)
    faces = centres[rng.integers(len(centres), size=n)]
    faces += 0.8 * rng.standard_normal((n, d), dtype=np.float32)
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    probe = centres[0] + 0.8 * rng.standard_normal(d, dtype=np.float32)
    return faces.astype(np.float16), probe / np.linalg.norm(probe)


def faiss_kernels(singles: npt.NDArray[np.float32], probe: npt.NDArray[np.float32], threads: int) -> list[Kernel]:
    """The yardstick first."""
    import faiss  # noqa: PLC0415 - not a dependency of FacePass

    faiss.omp_set_num_threads(threads)
    d = len(probe)
    flat = faiss.IndexFlatIP(d)
    halved = faiss.IndexScalarQuantizer(d, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    halved.train(singles)
    for index in (flat, halved):
        index.add(singles)
    return [
        ("faiss IndexFlatIP", lambda: flat.search(probe[np.newaxis], BEST), 4 * d),
        ("faiss QT_fp16", lambda: halved.search(probe[np.newaxis], BEST), 2 * d),
    ]


def numpy_kernels(
    halves: npt.NDArray[np.float16], singles: npt.NDArray[np.float32], probe: npt.NDArray[np.float32]
) -> list[Kernel]:
    """BLAS on float32, and on halves converted block by block."""
    n, d = halves.shape
    step = max(1, BLOCK_BYTES // (4 * d))
    buffer = np.empty((step, d), dtype=np.float32)
    scores = np.empty(n, dtype=np.float32)

    def blocks() -> Scores:
        for start in range(0, n, step):
            block = halves[start : start + step]
            np.copyto(buffer[: len(block)], block)
            np.dot(buffer[: len(block)], probe, out=scores[start : start + step])
        return scores

    return [("numpy float32", lambda: singles @ probe, 4 * d), ("numpy float16 blocks", blocks, 2 * d)]


def onnx_kernels(
    halves: npt.NDArray[np.float16], bytes_: npt.NDArray[np.int8], probe: npt.NDArray[np.float32], threads: int
) -> list[Kernel]:
    """Halves cast block by block, and int8 with the session as a constant, which is packed when it is loaded."""
    import onnx  # noqa: PLC0415 - slow to import
    import onnxruntime as ort  # noqa: PLC0415 - as above
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - as above

    n, d = halves.shape
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1

    def compiled(graph: onnx.GraphProto) -> ort.InferenceSession:
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    value = helper.make_tensor_value_info
    cast = compiled(
        helper.make_graph(
            [
                helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT),
                helper.make_node("MatMul", ["y", "p"], ["s"]),
            ],
            "halves",
            [value("x", TensorProto.FLOAT16, ["n", d]), value("p", TensorProto.FLOAT, [d, 1])],
            [value("s", TensorProto.FLOAT, ["n", 1])],
        )
    )
    # 7 bits for the probe: processors without VNNI add two products in 16 bits
    integers = compiled(
        helper.make_graph(
            [helper.make_node("MatMulInteger", ["p", "x", "zero"], ["s"])],
            "int8",
            [value("p", TensorProto.UINT8, [1, d])],
            [value("s", TensorProto.INT32, [1, n])],
            [
                numpy_helper.from_array(np.ascontiguousarray(bytes_.T), "x"),
                numpy_helper.from_array(np.array(64, np.uint8), "zero"),
            ],
        )
    )
    step = max(1, 4 * BLOCK_BYTES // (4 * d))
    scores = np.empty(n, dtype=np.float32)
    column = probe[:, np.newaxis]
    quantised = (np.round(probe / np.abs(probe).max() * 63) + 64).astype(np.uint8)[np.newaxis]

    def blocks() -> Scores:
        for start in range(0, n, step):
            scores[start : start + step] = cast.run(None, {"x": halves[start : start + step], "p": column})[0][:, 0]
        return scores

    return [
        ("onnxruntime float16", blocks, 2 * d),
        ("onnxruntime int8", lambda: integers.run(None, {"p": quantised})[0], 3 * d),
    ]


def numkong_kernels(
    halves: npt.NDArray[np.float16],
    singles: npt.NDArray[np.float32],
    bytes_: npt.NDArray[np.int8],
    probe: npt.NDArray[np.float32],
    threads: int,
) -> list[Kernel]:
    """The same function on three types."""
    import numkong  # noqa: PLC0415 - beside its rivals

    n, d = halves.shape
    quantised = np.round(probe / np.abs(probe).max() * 127).astype(np.int8)

    def scored(vectors: npt.NDArray[np.generic], one: npt.NDArray[np.generic], out: type) -> Callable[[], Scores]:
        scores = np.empty((n, 1), dtype=out)

        def call() -> Scores:
            numkong.cdist(vectors, one[np.newaxis], "dot", out=scores, threads=threads)
            return scores[:, 0]

        return call

    return [
        ("numkong float16", scored(halves, probe.astype(np.float16), np.float64), 2 * d),
        ("numkong float32", scored(singles, probe, np.float64), 4 * d),
        ("numkong int8", scored(bytes_, quantised, np.float64), 3 * d),
    ]


def all_in(halves: npt.NDArray[np.float16], probe: npt.NDArray[np.float32]) -> Kernel:
    """What a search takes once its session is in memory."""
    from facepass.adapters.pgvector.in_memory.matrix import FaceColumns, SessionMatrix  # noqa: PLC0415 - needs numkong
    from facepass.domain.embedding import ModelId  # noqa: PLC0415 - as above
    from facepass.domain.gallery import PhotoId  # noqa: PLC0415 - as above
    from facepass.domain.identification import Probe  # noqa: PLC0415 - as above

    n = len(halves)
    pks = np.arange(n, dtype=np.int64) // FACES_A_PHOTO
    snapshot = SessionMatrix.of(
        FaceColumns(
            photo_ids={pk: PhotoId(f"2026/event/IMG_{pk:06}.jpg") for pk in range(int(pks[-1]) + 1)},
            photo_pks=pks,
            face_nos=(np.arange(n) % FACES_A_PHOTO).astype(np.int32),
            boxes=np.ones((n, 4)),
            confidences=np.ones(n),
            vectors=halves,
        )
    )
    visitor = Probe(ModelId("benchmark"), probe.copy())
    return (
        "FacePass candidates",
        lambda: snapshot.candidates(visitor, least_cosine=LEAST_COSINE, limit=BEST),
        snapshot.nbytes / n,
    )


def measure(n: int, d: int, *, threads: int, calls: int) -> None:
    """One block of the table."""
    halves, probe = people(n, d)
    singles = halves.astype(np.float32)
    bytes_ = np.round(singles / np.abs(singles).max(axis=1, keepdims=True) * 127).astype(np.int8)
    kernels = [
        *faiss_kernels(singles, probe, threads),
        *numpy_kernels(halves, singles, probe),
        *onnx_kernels(halves, bytes_, probe, threads),
        *numkong_kernels(halves, singles, bytes_, probe, threads),
        all_in(halves, probe),
    ]
    truth = singles.astype(np.float64) @ probe.astype(np.float64)
    times: dict[str, list[float]] = {name: [] for name, *_ in kernels}
    for _ in range(TURNS):
        for name, call, _ in kernels:
            call()  # warms up, and lets the threads of the one before go to sleep
            for _ in range(max(1, calls // TURNS)):
                began = time.perf_counter()
                call()
                times[name].append(1e3 * (time.perf_counter() - began))
    yardstick = float(np.median(times[kernels[0][0]]))
    for name, call, size in kernels:
        p50, p95 = (float(np.quantile(times[name], at)) for at in (0.5, 0.95))
        found = call()
        floats = isinstance(found, np.ndarray) and found.shape == (n,)
        error = f"{np.abs(found - truth).max():.1e}" if floats and "int8" not in name else ""
        print(
            f"{n:7} {d:4} {threads:2}  {name:21} {p50:9.3f} {p95:9.3f} {p50 / yardstick:7.2f} {size:7.0f}  {error}",
            flush=True,
        )


def main() -> None:
    """One process for each number of threads, because BLAS reads it when it is loaded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--threads", type=int, help="be the process for this number of threads")
    chosen = parser.parse_args()
    if chosen.threads:
        for n in chosen.sizes:
            for d in DIMENSIONS:
                measure(n, d, threads=chosen.threads, calls=chosen.calls)
        return
    print("  faces  dim thr kernel                p50 ms    p95 ms   ratio  B/face  error", flush=True)
    for threads in THREADS:
        limited = {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
        subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, __file__, *sys.argv[1:], "--threads", str(threads)], check=True, env=limited
        )


if __name__ == "__main__":
    main()
