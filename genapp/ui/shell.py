"""Pages, navigation, theme, footer: everything around the tabs."""

import html
import json
import os
from pathlib import Path

import gradio as gr

from genapp import __version__, registry
from genapp.spec import Tab, resolve
from genapp.ui import live
from genapp.ui.context import Context
from genapp.ui.pages import PAGES, home, train
from genapp.ui.theme import theme

HERE = Path(__file__).parent
AT_ONCE = 4  # handlers that share a model's queue: a slider is not to wait behind two long stories


def build() -> gr.Blocks:
    """The whole app. Loads no model and imports no torch."""
    families = registry.all_families()
    tabs = {page: page.tabs(families.values()) for page in PAGES}
    pages = [page for page in PAGES if tabs[page]]
    links = [("Home", ""), *((page.title, page.route) for page in pages), ("Train", "train")]
    with gr.Blocks(title="Touch generative models", analytics_enabled=False) as demo:
        _frame(links, "")
        home.build(list(families.values()), {p.title: p.route for p in pages})
        _footer()
    for page in pages:
        with demo.route(page.title, page.route):
            _frame(links, page.route)
            gr.HTML(
                f"<h1>{html.escape(page.title)}</h1><p>{html.escape(page.line)}</p>",
                elem_classes="title",
            )
            _tabs(demo, page.route, tabs[page])
            _footer()
    with demo.route("Train", "train"):
        _frame(links, "train")
        train.build(Context(demo, "train", "train"))
        _footer()
    return demo


_REMEMBER_TAB = """() => {  // the first tab is also selected by itself, before the link is read
  if (navigator.userActivation.hasBeenActive) window.genapp.url.set('tab', '%s', %s);
}"""


def _tabs(demo: gr.Blocks, route: str, tabs: list[Tab]) -> None:
    with gr.Tabs():
        for tab in tabs:
            with gr.Tab(tab.title, id=tab.name) as item:
                resolve(tab.build)(Context(demo, route, tab.name))
            default = f"'{tabs[0].name}'"
            item.select(None, None, None, js=_REMEMBER_TAB % (tab.name, default))

    # Not as an output of the load: with the Tabs among the outputs of any event, the browser copies
    # the whole page at every streamed update.
    titles = {tab.name: tab.title for tab in tabs}
    demo.load(None, None, None, js=f"() => window.genapp.openTab({json.dumps(titles)})")


def _frame(links: list[tuple[str, str]], here: str) -> None:
    """The header with the navigation of our own; the style sheet hides Gradio's."""
    items = "".join(
        f'<a href="{route or "./"}"{" aria-current=page" if route == here else ""}>'
        f"{html.escape(title)}</a>"
        for title, route in links
    )
    gr.HTML(
        f'<a class="brand" href="./" aria-label="Home"><span aria-hidden="true">◑</span> touch</a>'
        f'<nav aria-label="Pages">{items}</nav>'
        f'<button data-theme-switch aria-label="Light or dark" title="Light or dark">◐</button>',
        elem_id="frame",
        apply_default_css=False,
        js_on_load=None,
    )


def _footer() -> None:
    gr.HTML(
        f"<span>touch {__version__}</span>"
        '<a href="?view=api">HTTP API</a>'
        '<a href="https://www.gradio.app">built with Gradio</a>'
        "<span>Every model here was trained by the code behind this page; its card names data,"
        " licence and measured quality.</span>",
        elem_id="foot",
        apply_default_css=False,
        js_on_load=None,
    )


def launch(demo: gr.Blocks, port: int | None = None, quiet: bool = False) -> str:
    """Starts the server in the background, adds the live routes; returns the local address."""
    script = "\n".join((HERE / name).read_text("utf-8") for name in ("shell.js", "live.js"))
    app, local, _ = demo.queue(max_size=40, default_concurrency_limit=AT_ONCE).launch(
        prevent_thread_lock=True,
        server_name=os.environ.get("GRADIO_SERVER_NAME"),
        server_port=port,
        quiet=quiet,
        theme=theme(),
        css_paths=[HERE / "shell.css"],
        head=f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<script>{script}</script>",
        footer_links=[],
        max_file_size="20mb",
        ssr_mode=False,
        run_history=False,
        show_error=True,
    )
    live.mount(app)
    return local
