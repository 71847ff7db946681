# SPDX-License-Identifier: MIT
"""QEMU: the probe for KVM, and one boot of the guest from start to power-off."""

import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

from .errors import CannotRunError, GuestDiedError

QEMU = "qemu-system-x86_64"
CONSOLE = ["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"]
KVM = ["-accel", "kvm", "-cpu", "host"]
TCG = ["-accel", "tcg,thread=multi", "-cpu", "Nehalem"]
KVM_PROBE_s = 15.0


def _boot_files(root: Path) -> list[str]:
    kernels = sorted((root / "boot").glob("vmlinuz-*"))
    if not kernels:
        raise CannotRunError(f"no kernel in {root}/boot: delete {root} to have it built again")
    version = kernels[-1].name.removeprefix("vmlinuz-")
    return ["-kernel", str(kernels[-1]), "-initrd", str(root / "boot" / f"initrd.img-{version}")]


def accelerator(root: Path) -> list[str]:
    """KVM if a kernel really runs under it: /dev/kvm can exist and still not work.

    The probe boots the guest's kernel without a root file system; it panics and so ends at once.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return TCG
    kernel = _boot_files(root)[:2]
    command = [QEMU, *KVM, *CONSOLE, "-m", "256", *kernel, "-append", "console=ttyS0 panic=-1"]
    try:
        probe = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=KVM_PROBE_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return TCG
    return KVM if b"Linux version" in probe.stdout else TCG


def _share(tag: str, path: Path, *, writable: bool = False) -> list[str]:
    """Share a directory of this machine as the guest's 9p share `tag`."""
    local = f"local,id={tag},path={path},security_model=none,multidevs=remap"
    device = f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"
    return ["-fsdev", local if writable else local + ",readonly=on", "-device", device]


def _door(results: Path) -> list[str]:
    """Give the guest a network with this machine alone, where 10.0.2.100 is the bench's door."""
    door = shlex.join([sys.executable, "-m", "hil_tests.bluez.door", str(results)])
    forward = f"guestfwd=tcp:10.0.2.100:7000-cmd:{door}".replace(",", ",,")
    return ["-netdev", f"user,id=net,{forward}", "-device", "virtio-net-pci,netdev=net"]


def boot(root: Path, shares: dict[str, Path], results: Path, timeout_s: float) -> None:
    """Boot, run `results`/job and return when the guest has powered itself off.

    The console goes to the screen and to `console.log` in `results`, the one writable share.
    """
    append = "console=ttyS0 quiet panic=-1 rdinit=/first-init"
    append += " mitigations=off tsc=reliable clocksource=tsc"  # each saves time under emulation
    command = [QEMU, *accelerator(root), *CONSOLE, "-m", "2048", "-smp", "2"]
    command += ["-device", "virtio-rng-pci", *_boot_files(root), "-append", append]
    command += _share("rootfs", root) + _share("results", results, writable=True)
    command += _door(results)
    for tag, path in shares.items():
        command += _share(tag, path)
    run_to_end(command, results / "console.log", timeout_s)


def run_to_end(command: list[str], log: Path, timeout_s: float) -> None:
    with subprocess.Popen(
        ["nice", "-n", "10", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as qemu:
        timer = threading.Timer(timeout_s, qemu.kill)
        timer.start()
        try:
            _copy_console(qemu, log)
        finally:
            timer.cancel()
            qemu.terminate()
    if qemu.returncode == -signal.SIGKILL:
        raise GuestDiedError(f"the guest did not power off within {timeout_s:g} s: see {log}")


def _copy_console(qemu: "subprocess.Popen[bytes]", log: Path) -> None:
    assert qemu.stdout is not None
    with log.open("wb") as out:
        for line in qemu.stdout:
            out.write(line)
            out.flush()
            sys.stdout.write(line.decode(errors="replace").rstrip() + "\n")
            sys.stdout.flush()
