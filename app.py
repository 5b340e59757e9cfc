"""Starts the app: ``python app.py``, or on a Hugging Face Space as it stands."""

from genapp import runtime


def main() -> None:
    """Settings first, then the page; torch is imported once the page is up."""
    runtime.configure()
    from genapp.ui import shell

    demo = shell.build()
    shell.launch(demo)
    runtime.warm_up()
    demo.block_thread()


if __name__ == "__main__":
    main()
