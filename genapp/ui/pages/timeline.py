"""The papers behind the app, 1997 to 2019, on Home: a dot leads to where one can touch its idea.

Dates are those of the first version on arXiv, where there is one.
"""

from collections.abc import Mapping
from itertools import groupby

from genapp.ui.places import link

PAPERS = (  # (year, day, what, place)
    (1997, "", "LSTM", "Text/recurrent"),
    (2014, "3 Jun", "GRU", "Attention/translator"),
    (2014, "10 Jun", "GAN", "GANs"),
    (2014, "1 Sep", "Attention", "Attention/translator"),
    (2015, "18 May", "U-Net", "Diffusion & graphs"),
    (2015, "9 Jun", "Pointer networks", "Text/questions"),
    (2015, "26 Aug", "Neural style transfer", "Restyle"),
    (2015, "10 Dec", "ResNet", "Vision"),
    (2016, "27 Jul", "Instance norm", "Attention/mechanics"),
    (2016, "21 Nov", "pix2pix", "Restyle"),
    (2017, "20 Mar", "AdaIN", "Restyle"),
    (2017, "30 Mar", "CycleGAN", "Restyle"),
    (2017, "5 Jun", "Joint question answering and asking", "Text/questions"),
    (2017, "12 Jun", "Transformer", "Attention/mechanics"),
    (2017, "19 Sep", "MuseGAN", "Music"),
    (2017, "27 Oct", "ProGAN", "GANs"),
    (2018, "22 Mar", "Group norm", "Attention/mechanics"),
    (2018, "27 Mar", "World Models", "Worlds"),
    (2018, "21 May", "SAGAN", "GANs"),
    (2018, "28 Sep", "BigGAN", "GANs"),
    (2018, "11 Oct", "BERT", "Attention/bert"),
    (2018, "12 Dec", "StyleGAN", "GANs"),
    (2019, "25 Apr", "MuseNet", "Music"),
)


def timeline(known: Mapping[str, str]) -> str:
    """HTML: a column per year under one line. ``known``: :func:`genapp.ui.places.places`."""
    years = "".join(
        f"<li><b>{year}</b><ul>{''.join(_dot(day, what, at, known) for _, day, what, at in group)}"
        "</ul></li>"
        for year, group in groupby(PAPERS, key=lambda paper: paper[0])
    )
    return (
        '<section class="timeline" aria-label="Timeline"><h2>Twenty-two years in dots</h2>'
        "<p>A filled dot opens the tab where its idea is yours to touch.</p>"
        f"<ol>{years}</ol></section>"
    )


def _dot(day: str, what: str, place: str, known: Mapping[str, str]) -> str:
    return f"<li>{link(what, place, known)}{f' <small>{day}</small>' if day else ''}</li>"
