"""The pages: title, route, the line under the title, and the order of their tabs.

Most tabs belong to a family. A *lab* belongs to none: it shows several families side by side, or
no model at all. Home and Train are pages of their own kind.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from genapp.spec import FamilySpec, Tab


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One route. It appears with its first tab; tabs not named in ``order`` come last."""

    title: str
    route: str
    line: str
    order: tuple[str, ...] = ()
    labs: tuple[Tab, ...] = ()

    def tabs(self, families: Iterable[FamilySpec]) -> list[Tab]:
        """The labs' and the families' tabs, in reading order."""
        found = [*self.labs, *(t for f in families if f.page == self.title for t in f.tabs)]
        rank = {name: i for i, name in enumerate(self.order)}
        return sorted(found, key=lambda tab: rank.get(tab.name, len(rank)))


PAGES = (
    Page(
        title="Attention",
        route="attention",
        line="Where GPT, BERT, a translator and a vision transformer look.",
        order=(
            "viewer",
            "patches",
            "translator",
            "mechanics",
            "bert",
            "bart",
            "measures",
            "sound",
        ),
        labs=(
            Tab(name="viewer", title="Viewer", build="genapp.ui.pages.attention_viewer:build"),
            Tab(name="mechanics", title="Mechanics", build="genapp.ui.pages.mechanics:build"),
            Tab(name="measures", title="Measures", build="genapp.ui.pages.measures:build"),
        ),
    ),
    Page(
        title="Text",
        route="text",
        line="Write with a language model and see every choice it makes.",
        order=("studio", "tokens"),
        labs=(Tab(name="tokens", title="Tokens", build="genapp.ui.pages.tokens:build"),),
    ),
    Page(
        title="Vision",
        route="vision",
        line="Classifiers, convolution, attention over pictures.",
    ),
    Page(
        title="Latent",
        route="latent",
        line="Drag a point through the space of digits and watch a decoder draw.",
    ),
    Page(title="GANs", route="gans", line="Two networks in a contest, from 2-D points to faces."),
    Page(
        title="Restyle",
        route="restyle",
        line="Photographs into paintings, drawings into pictures.",
    ),
    Page(title="Music", route="music", line="Bach by LSTM, four voices by MuseGAN."),
    Page(title="Worlds", route="worlds", line="Drive inside a model's dream."),
    Page(
        title="Diffusion & graphs",
        route="diffusion",
        line="Pictures out of noise, networks on networks.",
    ),
)
