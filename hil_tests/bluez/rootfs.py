# SPDX-License-Identifier: MIT
"""The guest's root file system, built once by debootstrap and cached by a hash of its inputs."""

import hashlib
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import BinaryIO

from .errors import CannotRunError

HERE = Path(__file__).parent
# file in guest/ -> its path in the root file system
INSTALLED = {
    "first-init": "sbin/first-init",
    "initramfs-hook": "etc/initramfs-tools/hooks/crowdcharge",
}
MIRROR_SCHEMES = ("http://", "https://", "file:")  # what debootstrap can read
INDEX_FORM = "$(RELEASE)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)"
MOUNT_POINTS = ("project", "venv", "results")
# The modules that first-init needs; Debian's hundreds of others take seconds to unpack.
INITRAMFS_MODULES = ("9p", "9pnet_virtio", "overlay", "virtio_pci")


def packages(text: str) -> list[str]:
    """Return the package names in the text of `packages.txt`: one a line, `#` starts a comment."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return sorted(line for line in lines if line)


def mirror(index_targets: str, codename: str) -> str:
    """Return the first archive of this release that apt is configured for.

    `index_targets` are lines of `apt-get indextargets` in the form of INDEX_FORM.
    """
    for line in index_targets.splitlines():
        release, known_as, component, uri = line.split("|")
        wanted = codename in (release, known_as) and component == "main"
        if wanted and uri.startswith(MIRROR_SCHEMES):
            return uri
    raise CannotRunError(f"apt knows no archive for {codename}: check /etc/apt/sources.list.d")


def configured_mirror(codename: str) -> str:
    command = ["apt-get", "indextargets", "--format", INDEX_FORM, "Created-By: Packages"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return mirror(out, codename)


def debian_codename() -> str:
    path = Path("/etc/os-release")
    release = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    if release.get("ID") != "debian" or "VERSION_CODENAME" not in release:
        raise CannotRunError(
            "the guest is built from Debian's archive: run this on a Debian release"
        )
    return release["VERSION_CODENAME"].strip('"')


def cache_key(codename: str, names: list[str]) -> str:
    made_of = [codename, *names, *INITRAMFS_MODULES, *MOUNT_POINTS]
    made_of += [(HERE / "guest" / name).read_text() for name in INSTALLED]
    return hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]


def cache_root() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "crowdcharge" / "bluez"


def ensure(log: Path) -> Path:
    """Return the root file system's directory; build it first if needed (3 minutes, 900 MB)."""
    codename = debian_codename()
    names = packages((HERE / "packages.txt").read_text())
    root = cache_root() / cache_key(codename, names)
    if not root.is_dir():
        _build(root, codename, names, log)
    return root


def _build(root: Path, codename: str, names: list[str], log: Path) -> None:
    """Build in a directory beside it and rename it: an unfinished build is never used."""
    partial = root.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    include = f"--include={','.join(names)}"
    archive = configured_mirror(codename)
    with log.open("wb") as out:
        bootstrap = ["debootstrap", "--variant=minbase", include, codename, str(partial), archive]
        _run(bootstrap, out)
        for name in MOUNT_POINTS:
            (partial / name).mkdir()
        for name, place in INSTALLED.items():
            shutil.copy(HERE / "guest" / name, partial / place)
        _run(["chroot", str(partial), "sh", "-ec", _initramfs_script()], out)
    partial.rename(root)


def _run(command: list[str], out: BinaryIO) -> None:
    environment = _environment()
    done = subprocess.run(
        command, stdout=out, stderr=subprocess.STDOUT, env=environment, check=False
    )
    if done.returncode:
        raise CannotRunError(f"{shlex.join(command)} failed: see {out.name}")


def _initramfs_script() -> str:
    modules = " ".join(INITRAMFS_MODULES)
    return f"""
        cd /etc/initramfs-tools
        sed -i s/^MODULES=.*/MODULES=list/ initramfs.conf
        printf '%s\\n' {modules} >modules
        update-initramfs -u
    """


def _environment() -> dict[str, str]:
    """Set apt's proxy for debootstrap, whose wget knows it only from the environment."""
    command = ["apt-config", "shell", "proxy", "Acquire::http::Proxy"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    proxy = {"http_proxy": out.split("=", 1)[1].strip().strip("'")} if "=" in out else {}
    return {**os.environ, "LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"} | proxy
