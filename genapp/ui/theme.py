"""One calm theme, light and dark: paper, ink and a single violet."""

import gradio as gr
from gradio.themes import Base, Color, Size

INK = Color(
    name="ink",
    c50="#f8f7f4", c100="#efeee9", c200="#e0ded7", c300="#c6c3ba", c400="#9b988f",
    c500="#75726b", c600="#55534e", c700="#3b3a37", c800="#262524", c900="#191918", c950="#111110",
)  # fmt: skip
VIOLET = Color(
    name="violet",
    c50="#f4f2ff", c100="#e9e5ff", c200="#d4ccff", c300="#b5a8ff", c400="#9180fb",
    c500="#6f5bf0", c600="#5a45db", c700="#4a38b8", c800="#3d3093", c900="#322a73", c950="#1f1a4a",
)  # fmt: skip
ROUND = Size(
    name="round", xxs="3px", xs="5px", sm="7px", md="10px", lg="14px", xl="18px", xxl="24px"
)


def theme() -> gr.Theme:
    """Fonts are the reader's own: nothing is fetched."""
    return Base(
        primary_hue=VIOLET,
        secondary_hue=VIOLET,
        neutral_hue=INK,
        radius_size=ROUND,
        font=["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_border_width="0",
        block_label_text_weight="500",
        block_title_text_weight="500",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_500",
        button_primary_text_color="white",
        button_secondary_background_fill="*neutral_100",
        button_secondary_background_fill_dark="*neutral_800",
        slider_color="*primary_500",
        input_background_fill="*neutral_50",
        input_background_fill_dark="*neutral_950",
    )
