"""The reader's language and theme.

Russian is the source language. A signed-in person's choice is stored with the person; a stranger's is in a
cookie; before any choice the browser's Accept-Language is a first guess.
"""

from pathlib import Path

from flask import Flask, g, has_request_context, request
from flask_babel import Babel

LANGUAGES = {"ru": "Русский", "kk": "Қазақша", "be": "Беларуская", "en": "English"}
THEMES = ("auto", "light", "dark")
SOURCE_LANGUAGE = "ru"
TRANSLATIONS = Path(__file__).resolve().parent.parent / "translations"


def init_app(app: Flask) -> None:
    """Choose the language of every answer, and let templates ask for it."""
    Babel(
        app,
        default_locale=SOURCE_LANGUAGE,
        default_translation_directories=str(TRANSLATIONS),
        locale_selector=language,
    )
    app.jinja_env.globals.update(language=language, theme=theme, languages=LANGUAGES, themes=THEMES)


def prefer(chosen_language: str, chosen_theme: str) -> None:
    """Let this request be answered in a person's own language and theme."""
    g.language = chosen_language
    g.theme = chosen_theme


def language() -> str:
    """The language this answer is written in."""
    if not has_request_context():
        return SOURCE_LANGUAGE
    if "language" not in g:
        g.language = _guess_language()
    chosen: str = g.language
    return chosen


def theme() -> str:
    """The theme this answer is drawn in."""
    if not has_request_context():
        return THEMES[0]
    if "theme" not in g:
        cookie = request.cookies.get("theme", "")
        g.theme = cookie if cookie in THEMES else THEMES[0]
    chosen: str = g.theme
    return chosen


def _guess_language() -> str:
    cookie = request.cookies.get("language", "")
    if cookie in LANGUAGES:
        return cookie
    return request.accept_languages.best_match(list(LANGUAGES)) or SOURCE_LANGUAGE
