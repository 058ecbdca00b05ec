"""Runs an image of buildah's store as ECS would, with crun and without a container engine.

User, command, environment, volumes and health check are those that the image's configuration says. The container gets
process, mount, host name and IPC namespaces of its own, no capability, no_new_privs, and a read-only root file system;
writable are only its volumes. The network is the caller's; see `private_loopback`.
"""

import ctypes
import fcntl
import http.client
import json
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

MASKED: Final = ("/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware")
PORT: Final = 9464
_CLONE_NEWNET: Final = 0x40000000
_SIOCSIFFLAGS: Final = 0x8914
_UP: Final = 0x1


class Image:
    """An image, mounted: its configuration as Docker knows it, and its files."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._container = _output("buildah", "from", "--pull=never", name)
        self.root = Path(_output("buildah", "mount", self._container))
        inspected = json.loads(_output("buildah", "inspect", "--type", "image", name))
        self.config: dict[str, Any] = inspected["Docker"]["config"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _output("buildah", "rm", self._container)

    def files(self) -> dict[str, tuple[int, int, int]]:
        """Return mode, size and time of each file."""
        found = {}
        for folder, folders, files in os.walk(self.root):
            for name in (*folders, *files):
                seen = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - 10,000 of them
                found[os.path.join(folder, name)] = (seen.st_mode, seen.st_size, seen.st_mtime_ns)  # noqa: PTH118
        return found


class Container:
    """A running container.

    :param image: what it runs.
    :param folder: of its bundle, its volumes and its log.
    :param environment: further variables, over the image's.
    :param command: instead of the image's, after its entry point.
    :param user: instead of the image's, as numbers.
    :param tmpfs: file systems in memory, with the options of each, instead of the volume at that path if there is one.
    :param mounts: folders of this machine, read-only, by where they are in the container.
    """

    def __init__(
        self,
        image: Image,
        folder: Path,
        environment: Mapping[str, str],
        command: Sequence[str] | None = None,
        *,
        user: str | None = None,
        tmpfs: Mapping[str, Sequence[str]] | None = None,
        mounts: Mapping[str, Path] | None = None,
    ) -> None:
        self.name = f"sanitizer-{folder.name}-{os.getpid()}"
        self.log = folder / "log"
        self._tmpfs = tmpfs or {}
        self._mounts = mounts or {}
        self.volumes = {
            path: self._volume(image, folder, path) for path in image.config["Volumes"] if path not in self._tmpfs
        }
        self._user: str = user or image.config["User"]
        self._stop_signal: str = image.config["StopSignal"]
        self._state = folder / "state"
        self._variables = [*image.config["Env"], *(f"{name}={value}" for name, value in environment.items())]
        words = [*image.config["Entrypoint"], *(command or image.config["Cmd"])]
        (folder / "config.json").write_text(json.dumps(self._specification(image, words)), encoding="utf-8")
        self.started_at = time.monotonic()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._crun("run", "--bundle", str(folder), self.name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            subprocess.run(self._crun("kill", self.name, "KILL"), check=False)
            self._process.wait(30)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as a health check is run: with the container's user and variables."""
        return subprocess.run(
            self._crun("exec", "--user", self._user, self.name, *command),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def pids(self) -> list[int]:
        """Return the container's processes, by their pids outside of it."""
        init = json.loads(_output(*self._crun("state", self.name)))["pid"]
        self.namespace = str(Path(f"/proc/{init}/ns/pid").readlink())
        return processes_in(self.namespace)

    def stop(self, timeout: float) -> tuple[int, float]:
        """Stop it as ECS does, without ECS's kill at the end.

        :return: its exit status, and the seconds that it took.
        :raises TimeoutExpired: it did not end in time.
        """
        began = time.monotonic()
        _output(*self._crun("kill", self.name, self._stop_signal))
        return self._process.wait(timeout), time.monotonic() - began

    def wait(self, timeout: float) -> int:
        """Wait for its end; return its exit status.

        :raises TimeoutExpired: it goes on.
        """
        return self._process.wait(timeout)

    @property
    def exit_status(self) -> int | None:
        return self._process.poll()

    def _crun(self, *arguments: str) -> list[str]:
        command = ["crun", "--root", str(self._state), "--cgroup-manager=disabled", *arguments]
        # crun refuses a machine with both versions of control groups; it needs none of them here.
        unified = Path("/sys/fs/cgroup/unified")
        hidden = ["unshare", "--mount", "sh", "-c", f'umount {unified} && exec "$@"', "sh"]
        return [*hidden, *command] if unified.is_dir() else command

    @staticmethod
    def _volume(image: Image, folder: Path, path: str) -> Path:
        """Make a fresh volume; it takes owner and mode from the image, as in Docker and on Fargate."""
        made = folder / f"volume{path.replace('/', '-')}"
        made.mkdir()
        seen = (image.root / path.removeprefix("/")).stat()
        os.chown(made, seen.st_uid, seen.st_gid)
        made.chmod(seen.st_mode)
        return made

    def _specification(self, image: Image, words: Sequence[str]) -> dict[str, Any]:
        """Return the bundle's configuration: OCI runtime specification 1.0."""
        user, group = map(int, self._user.split(":"))
        none: dict[str, list[str]] = {
            kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")
        }
        # No more than this machine allows: root without CAP_SYS_RESOURCE cannot raise it to the task's 65535.
        files = int(_output("sh", "-c", "ulimit -Hn"))
        strict = ["nosuid", "noexec", "nodev"]
        return {
            "ociVersion": "1.0.0",
            "process": {
                "user": {"uid": user, "gid": group},
                "args": words,
                "env": self._variables,
                "cwd": image.config["WorkingDir"] or "/",
                "capabilities": none,
                "noNewPrivileges": True,
                "rlimits": [{"type": "RLIMIT_NOFILE", "soft": min(files, 65535), "hard": min(files, 65535)}],
            },
            "root": {"path": str(image.root), "readonly": True},
            "hostname": "worker",
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc", "options": strict},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": [*strict, "ro"]},  # noqa: S108
                {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*strict, "ro"]},
                *(
                    {"destination": path, "type": "bind", "source": str(source), "options": ["bind", "nosuid", "nodev"]}
                    for path, source in self.volumes.items()
                ),
                *(
                    {"destination": path, "type": "tmpfs", "source": "tmpfs", "options": list(options)}
                    for path, options in self._tmpfs.items()
                ),
                *(
                    {"destination": path, "type": "bind", "source": str(source), "options": ["rbind", "ro"]}
                    for path, source in self._mounts.items()
                ),
            ],
            "linux": {
                "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
                "maskedPaths": list(MASKED),
                "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            },
        }


def wait(until: Callable[[], bool], worker: Container, seconds: float = 180.0) -> float:
    """Wait for it; return for how many seconds the worker runs then."""
    deadline = time.monotonic() + seconds
    while not until():
        assert worker.exit_status is None, worker.log.read_text(encoding="utf-8")[-3000:]
        assert time.monotonic() < deadline, worker.log.read_text(encoding="utf-8")[-3000:]
        time.sleep(0.05)
    return time.monotonic() - worker.started_at


def is_ready() -> bool:
    """Return what the worker says at /readyz; the container's loopback is ours, too."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def processes_in(namespace: str) -> list[int]:
    """Return the processes of a process namespace."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str((folder / "ns" / "pid").readlink()) == namespace:
                found.append(int(folder.name))
    return sorted(found)


def status_of(pid: int) -> dict[str, str]:
    """Return what the kernel says of a process: /proc/PID/status; nothing where it has ended since it was listed."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def command_of(pid: int) -> list[str]:
    """Return the command line of a process; nothing of a zombie, or where it has ended since it was listed."""
    try:
        whole = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return whole.removesuffix("\0").split("\0") if whole else []


@contextmanager
def private_loopback() -> Iterator[None]:
    """Give this thread, and what it starts, a network that is nothing but a loopback of its own, as a task has in ECS.

    So the worker's port is free, whatever else runs here; and nothing but what listens on that loopback can be reached.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open("rb") as before:
        if libc.unshare(_CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP))
            yield
        finally:
            libc.setns(before.fileno(), _CLONE_NEWNET)


def what_is_missing() -> str | None:
    """Return why no image can be built and run here, if so."""
    missing = [name for name in ("buildah", "crun") if not shutil.which(name)]
    if missing:
        return f"{' and '.join(missing)} missing: install Debian's packages buildah, crun and mmdebstrap"
    may = subprocess.run(["unshare", "--mount", "--net", "true"], check=False, capture_output=True).returncode == 0
    if os.geteuid() != 0 or not may:
        return "only root, with the right to make namespaces, can run an image without a container engine"
    return None


def _output(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout.strip()
