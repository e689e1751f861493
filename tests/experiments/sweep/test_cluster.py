"""A real scheduler and real workers, over TLS; certificates are made here."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from maml_explorer.cli import main
from maml_explorer.experiments.sweep import cluster
from maml_explorer.experiments.sweep.cluster import cluster_place
from maml_explorer.experiments.sweep.engine import local_cluster
from maml_explorer.files.reader import StorageError
from maml_explorer.storage.run.folder import SUMMARY
from maml_explorer.storage.sweep.folder import open_sweep
from tests.experiments.sweep.test_apart import digests as run_digests
from tests.experiments.sweep.test_sweep import digests

QUICK = ["--hidden", "6", "--meta-batch", "2", "--outer-steps", "60", "--test-tasks", "10"]
VARY = ["--vary", "inner_lr=0.01,0.1", "--seeds", "0,1"]


def certificates(folder: Path) -> Path:
    """An authority, and a certificate of it for loopback."""
    folder.mkdir()
    names = [
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
        for text in ("node", "authority")
    ]
    now = datetime.datetime.now(datetime.UTC)
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def signed(public: ec.EllipticCurvePublicKey, is_authority: bool) -> x509.Certificate:
        made = x509.CertificateBuilder().subject_name(names[is_authority])
        made = made.issuer_name(names[True]).public_key(public)
        made = made.serial_number(x509.random_serial_number())
        made = made.not_valid_before(now - datetime.timedelta(days=1))
        made = made.not_valid_after(now + datetime.timedelta(days=1))
        made = made.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        host = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        made = made.add_extension(x509.SubjectAlternativeName([host]), critical=False)
        return made.sign(authority, hashes.SHA256())

    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(text)
    (folder / "cert.pem").write_bytes(signed(key.public_key(), False).public_bytes(pem))
    (folder / "ca.pem").write_bytes(signed(authority.public_key(), True).public_bytes(pem))
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """(scheduler file, folder of certificates) of a cluster of two workers."""
    home = tmp_path_factory.mktemp("cluster")
    tls, file = certificates(home / "tls"), home / "scheduler.json"
    scheduler = [
        sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "tls://127.0.0.1:0",
        "--scheduler-file", str(file), "--no-dashboard",
        "--tls-ca-file", str(tls / "ca.pem"), "--tls-cert", str(tls / "cert.pem"),
        "--tls-key", str(tls / "key.pem"),
    ]  # fmt: skip
    worker = [sys.executable, "-m", "maml_explorer", "worker", "--cluster", str(file)]
    worker += ["--tls", str(tls), "--slots", "2"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    begun = [subprocess.Popen(scheduler, **quiet)]  # type: ignore[call-overload]
    try:
        deadline = time.monotonic() + 120
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        begun.append(subprocess.Popen(worker, **quiet))  # type: ignore[call-overload]
        yield file, tls
    finally:
        for process in reversed(begun):
            process.terminate()
        for process in begun:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_sweep_and_seeds_on_a_cluster_are_the_same_bytes_as_here(
    place: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, tls = place
    there = ["--cluster", str(file), "--tls", str(tls), "--quiet"]
    assert main(["sweep", "--out", str(tmp_path / "c"), *VARY, *QUICK, *there]) == 0
    here = ["--workers", "1", "--quiet"]
    assert main(["sweep", "--out", str(tmp_path / "h"), *VARY, *QUICK, *here]) == 0
    assert digests(open_sweep(tmp_path / "c")) == digests(open_sweep(tmp_path / "h"))
    train = ["train", "--seeds", "0,1", "--algorithms", "maml", *QUICK]
    assert main([*train, "--out", str(tmp_path / "d"), *there]) == 0
    assert main([*train, "--out", str(tmp_path / "i"), "--quiet"]) == 0
    assert run_digests(tmp_path / "d") == run_digests(tmp_path / "i")


@pytest.mark.parametrize("first", [{}, {"early": {"resources": {}}}])
def test_workers_that_join_while_the_driver_looks_are_no_others(
    first: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [first, {"late": {"resources": {cluster.SLOT: 1.0}}}]
    monkeypatch.setattr(cluster, "_workers", lambda _: answers.pop(0))
    cluster._wait_for_workers(None)
    assert not answers


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_workers_of_another_version_are_refused(
    place: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, tls = place
    arguments = ["sweep", *VARY, *QUICK, "--cluster", str(file), "--tls", str(tls), "--quiet"]
    assert main([*arguments, "--out", str(tmp_path / "a")]) == 0  # the workers are there
    monkeypatch.setattr(cluster, "SLOT", "maml-explorer 99.0")
    assert main([*arguments, "--out", str(tmp_path / "b")]) == 2
    said = capsys.readouterr().err
    assert "The workers run maml-explorer" in said and "this is maml-explorer 99.0" in said
    assert not list((tmp_path / "b").glob(f"runs/*/{SUMMARY}"))


def test_places_that_are_wrong_or_open_to_others_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    with pytest.raises(StorageError, match=r"scheduler\.json"):
        cluster_place(str(file), None)
    file.write_text(json.dumps({"address": "tcp://10.0.0.7:8786"}))
    with pytest.raises(StorageError, match="anyone there could run code"):
        cluster_place(str(file), None)
    assert cluster_place(str(file), None, insecure=True).address == "tcp://10.0.0.7:8786"
    assert cluster_place("tcp://127.0.0.1:8786", None).tls is None
    with pytest.raises(StorageError, match="needs certificates"):
        cluster_place("tls://10.0.0.7:8786", None)
    with pytest.raises(StorageError, match=r"has no ca\.pem"):
        cluster_place("tls://10.0.0.7:8786", tmp_path)
    with pytest.raises(StorageError, match="names no scheduler"):
        cluster_place("http://10.0.0.7", None)


def test_a_dead_scheduler_is_said_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": "tcp://127.0.0.1:1"}))
    out = ["--out", str(tmp_path / "s"), "--cluster", str(file), "--quiet"]
    assert main(["sweep", *VARY, *QUICK, *out]) == 2
    said = capsys.readouterr().err
    assert "does not answer" in said and said.count("\n") == 1
    assert main(["sweep", *VARY, *QUICK, *out, "--workers", "2"]) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_a_scheduler_that_ends_stops_the_driver_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        """A client as it is when its scheduler was killed."""

        cluster = None

        def scheduler_info(self, n_workers: int) -> dict[str, object]:
            return {}

        def submit(self, *_: object, **__: object) -> None:
            raise AssertionError("nothing can be sent")

    @contextlib.contextmanager
    def connected(*_: object) -> Iterator[Gone]:
        yield Gone()

    monkeypatch.setattr(cluster, "connected", connected)
    out = ["--out", str(tmp_path / "s"), "--cluster", "tcp://127.0.0.1:1", "--quiet"]
    assert main(["sweep", *VARY, *QUICK, *out]) == 1
    said = capsys.readouterr().err
    assert "The scheduler has ended" in said and said.count("\n") == 1
    assert not (tmp_path / "s" / "stop").exists()


def test_local_workers_listen_on_loopback_alone_and_several_clusters_at_a_time() -> None:
    own = psutil.Process()
    before = {one.laddr for one in own.net_connections("inet")}  # of tests before this one
    children = set(own.children(recursive=True))
    with local_cluster(1), local_cluster(1) as second:
        pids = {os.getpid(), *second.run(os.getpid).values()}
        kept = second.run(os.environ.get, "MALLOC_TRIM_THRESHOLD_")  # slows the meta-test down
        below = psutil.Process().children(recursive=True)
        found = [
            one.laddr.ip
            for process in [own, *below]
            if process not in children
            for one in process.net_connections("inet")
            if one.status == psutil.CONN_LISTEN and one.laddr not in before
        ]
    assert pids <= {os.getpid(), *(process.pid for process in below)}
    assert set(kept.values()) == {None}
    assert len(found) >= 4 and set(found) <= {"127.0.0.1", "::1"}
