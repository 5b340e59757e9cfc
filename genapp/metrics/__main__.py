"""``python -m genapp.metrics``: trains the digit classifier that judges samples, 1–2 minutes."""

from genapp import checkpoints, runtime


def main() -> None:
    """Trains under ``runs/metrics`` and puts the result where :func:`checkpoints.find` looks."""
    runtime.configure()
    runtime.best_device()  # sets the threads
    from genapp.metrics import digits

    best = digits.train(checkpoints.home() / "metrics")
    target = checkpoints.home() / "checkpoints" / "metrics" / "digits"
    checkpoints.write_folder(target, {p.name: p.read_bytes() for p in best.iterdir()})
    print(f"test accuracy {checkpoints.read_meta(target).metrics['test_accuracy']:.2%} → {target}")


if __name__ == "__main__":
    main()
