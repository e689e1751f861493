"""Prepares this machine: Qt's system libraries, .venv from constraints.txt, compiled kernels.

Runs before anything is installed, so it needs nothing but the standard library. When all is
there it only looks, which takes a fraction of a second. What it does takes minutes the first
time, so it says which step goes on, and what is downloaded.
"""

import argparse
import ctypes
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

# Shared library → the Debian and Ubuntu package that brings it. Read from what the Qt 6.9
# libraries name as needed; what those packages depend on comes along by itself.
QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libz.so.1": "zlib1g",
    "libzstd.so.1": "libzstd1",
}
WINDOW_LIBRARIES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
FONT_PACKAGE = "fonts-dejavu-core"
KERNELS = ROOT / "maml_explorer" / "core" / "kernels"
COMPILER_PACKAGES = ["gcc", "libc6-dev"]
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
FONT_SUFFIXES = {".ttf", ".ttc", ".otf", ".pfb"}


def loads(library: str) -> bool:
    """Whether the dynamic loader finds and opens this shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def has_font() -> bool:
    """Whether any scalable font is installed."""
    return any(
        Path(name).suffix.lower() in FONT_SUFFIXES
        for folder in FONT_FOLDERS
        for _, _, names in os.walk(Path(folder).expanduser(), followlinks=True)
        for name in names
    )


def missing_packages(libraries: dict[str, str]) -> list[str]:
    """Packages of those libraries that do not load here."""
    return [package for library, package in libraries.items() if not loads(library)]


def venv_package() -> list[str]:
    """The package Debian keeps `python -m venv` in, where this is Debian's Python without it."""
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return []
    if shutil.which("apt-get") and Path(sys.executable).resolve().parent == Path("/usr/bin"):
        return [f"python{sys.version_info.major}.{sys.version_info.minor}-venv"]
    raise SystemExit(
        f"error: {sys.executable} has no venv module. Install it, or name another Python:"
        " make PYTHON=python3.12"
    )


def administrator() -> list[str] | None:
    """Words before a command that run it as administrator; None where that needs a password."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
        if asked.returncode == 0:
            return ["sudo", "-n"]
    return None


def install(packages: list[str]) -> bool:
    """Whether apt could install these packages."""
    prefix = administrator()
    if prefix is None:
        return False
    print(f"Set-up, system packages: {' '.join(packages)}", flush=True)
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive"]
    apt += ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    subprocess.run([*apt, "update"], check=False)
    command = [*apt, "install", "-y", "--no-install-recommends", *packages]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.stderr.buffer.write(done.stdout)
    return done.returncode == 0


def prepare_system(display: bool) -> None:
    """Install what Qt needs and does not find.

    Without a display the libraries of the window are installed where that is possible, and
    their absence is no error.
    """
    if not sys.platform.startswith("linux"):
        return
    venv = [] if os.access(PYTHON, os.X_OK) else venv_package()
    needed = venv + missing_packages(QT_LIBRARIES) + ([] if has_font() else [FONT_PACKAGE])
    window = missing_packages(WINDOW_LIBRARIES)
    if not needed and not window:
        return
    if not shutil.which("apt-get"):
        names = [n for n in (QT_LIBRARIES | WINDOW_LIBRARIES) if not loads(n)]
        hint = ", ".join(names) or "a font"
        print(f"note: if Qt cannot start, install what provides {hint}", file=sys.stderr)
        return
    if install(needed + window):
        return
    command = "sudo apt-get install -y --no-install-recommends " + " ".join(needed + window)
    if needed or display:
        raise SystemExit(
            "error: system packages are missing and could not be installed from here."
            f" Run this once, then repeat:\n    {command}"
        )
    print(f"note: before opening a window, run: {command}", file=sys.stderr)


def fingerprint(extra: str) -> str:
    """What an environment depends on, in one line: the files it is built from, and its place."""
    files = [ROOT / name for name in ("constraints.txt", "pyproject.toml", "setup.py")]
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
    return f"{digest} {extra} {ROOT}"


def usable(python: Path) -> bool:
    """Whether this interpreter starts, is recent enough and has pip."""
    if not os.access(python, os.X_OK):
        return False
    code = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0


def prepare_environment(extra: str) -> None:
    """Bring .venv up to constraints.txt, with this extra of pyproject.toml.

    Raises:
        SystemExit: the environment cannot be made, or a package cannot be installed.
    """
    stamp = ENVIRONMENT / f"set-up-{extra}"
    wanted = fingerprint(extra)
    if os.access(PYTHON, os.X_OK) and stamp.exists() and stamp.read_text() == wanted:
        return
    print("Set-up, Python packages into .venv (once, some minutes):", flush=True)
    if not usable(PYTHON):
        made = subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=False)
        if made.returncode:
            raise SystemExit(f"error: {sys.executable} -m venv could not make {ENVIRONMENT}")
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--constraint", "constraints.txt", "--editable", f".[{extra},cluster,search]"]
    if run_pip(command):
        raise SystemExit("error: pip could not install what constraints.txt names (see above)")
    stamp.write_text(wanted)
    print("Set-up, Python packages: done", flush=True)


def run_pip(command: list[str]) -> int:
    """pip's exit status; in a terminal it draws its progress, elsewhere large steps are said."""
    if sys.stdout.isatty():
        return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            if said := large_step(line):
                print(said, flush=True)
    return pip.returncode


def large_step(line: str) -> str:
    """A line of pip's where it tells of megabytes or of the end; else empty."""
    words = line.split()
    if line.startswith("Installing collected packages"):
        return f"  installing {line.count(',') + 1} packages"
    if words[:1] in (["Downloading"], ["Using"]) and words[-1:] == ["MB)"]:
        name = next((word for word in words if word.endswith(".whl")), words[1])
        return f"  {words[0].lower()} {name.rpartition('/')[2]} {' '.join(words[-2:])}"
    return ""


def prepare_kernels() -> None:
    """Build the compiled kernels where there is a C compiler, or one can be installed.

    Without them the program runs on torch's kernels: slower, and nothing else.
    """
    library, sources = KERNELS / "_kernels.library", [*KERNELS.glob("*.[ch]"), ROOT / "setup.py"]
    if library.exists() and library.stat().st_mtime > max(s.stat().st_mtime for s in sources):
        return
    library.unlink(missing_ok=True)  # an old one would be another version
    tried = ENVIRONMENT / "set-up-no-compiler"
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        if tried.exists():  # said and tried once
            return
        tried.touch()
        if not shutil.which("apt-get") or not install(COMPILER_PACKAGES):
            print("note: without a C compiler, training takes two to three times as long")
            return
    print("Set-up, compiled kernels (once, a quarter of a minute)", flush=True)
    command = [PYTHON, "setup.py", "--quiet", "build_ext", "--inplace"]
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if not library.exists():
        sys.stderr.buffer.write(done.stderr[-2000:])
        print("note: the kernels could not be built; training takes two to three times as long")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Waits while another set-up of this folder goes on, on every system."""
    with (ROOT / "constraints.txt").open("r+b") as lock:
        if os.name == "nt":
            import msvcrt

            while True:
                try:
                    msvcrt.locking(lock.fileno(), msvcrt.LK_LOCK, 1)  # gives up after 10 s
                    break
                except OSError:
                    continue
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield  # closing the file gives the lock back


def main() -> None:
    """Prepare this machine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--window", action="store_true", help="a window will be opened")
    parser.add_argument("--peers", action="store_true", help="and what benchmarks compare with")
    arguments = parser.parse_args()
    display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    with one_at_a_time():
        prepare_system(display or arguments.window)
        prepare_environment("dev")
        prepare_kernels()
        if arguments.peers:
            try:
                prepare_environment("peers")
            except SystemExit as failure:
                print(f"note: measuring without the peers ({failure})", file=sys.stderr)


if __name__ == "__main__":
    main()
