import json


def test_bench_measures_models_and_service(facepass, models_dir):
    run = facepass("bench", "--rounds", 1, "--seconds", 0.4, "--json", MODELS_DIR=models_dir, ML_THREADS=2)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    rows = [(row["part"], row["size"]) for row in found["models"]]
    embedded = [("embed", faces) for faces in (1, 8, 32)]
    assert rows == [("detect", side) for side in (640, 1024, 1920)] + embedded + embedded
    assert all(row[mode] > 0 for row in found["models"] for mode in ("one_thread_ms", "shared_ms", "side_by_side_ms"))
    assert found["device"] == "cpu"
    assert found["int8"]["least_cosine"] > 0.995
    assert found["int8"]["faster"].keys() == {"1", "8", "32"}
    assert found["end_to_end"]["ratio"] > 0


def test_bench_models_prints_both_figures(facepass, models_dir):
    run = facepass("bench", "models", "--rounds", 1, MODELS_DIR=models_dir)
    assert run.returncode == 0, run.stderr
    assert "times faster at 8 at once" in run.stdout
    assert "cosine 0.99" in run.stdout
    assert "a second over HTTP" not in run.stdout


def test_bench_refuses_a_device_that_is_not_there(facepass, models_dir):
    run = facepass("bench", "models", MODELS_DIR=models_dir, LOCAL_ML_DEVICE="cuda:0")
    assert run.returncode == 3
    assert "LOCAL_ML_ENABLE_CUDA" in run.stderr


def test_doctor_shows_the_device(facepass, models_dir):
    run = facepass("doctor", "--json", MODELS_DIR=models_dir)
    checks = {check["name"]: check for check in json.loads(run.stdout)["checks"]}
    assert checks["device"]["state"] == "ok"
    assert "CPUExecutionProvider" in checks["device"]["detail"]
