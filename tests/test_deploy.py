"""Files of deploy/: they parse, name files that exist, and type commands that mmvae knows."""

import re
import subprocess

import pytest
import yaml

from mmvae.__main__ import COMMANDS
from mmvae.web.entrance import credentials
from support.places import ROOT

DEPLOY = ROOT / "deploy"
SCRIPTS = sorted([*DEPLOY.glob("*.sh"), *DEPLOY.glob("*.sbatch")])


def instructions(path):
    """[(word, rest)] of a Dockerfile, continued lines joined."""
    lines = re.sub(r"\\\n\s*", " ", path.read_text()).splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line and not line.startswith("#")]


def pods(path):
    """Specs of the pods in a Kubernetes file."""
    found = [item["spec"] for item in yaml.safe_load_all(path.read_text())]
    return [spec["template"]["spec"] for spec in found if "template" in spec]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_sound(script):
    subprocess.run(["bash", "-n", script], check=True)
    text = script.read_text()
    assert script.suffix == ".sbatch" or script.stat().st_mode & 0o100, "it can be run"
    assert all((ROOT / name).exists() for name in re.findall(r"\bconfigs/\w+\.py", text))


def test_the_image_copies_what_exists_and_is_no_root():
    found = instructions(DEPLOY / "Dockerfile")
    copied = [rest.split()[:-1] for word, rest in found if word == "COPY" and "--from" not in rest]
    assert all((ROOT / name).exists() for names in copied for name in names)
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not set(ignored) & {name for names in copied for name in names}
    words = [word for word, _ in found]
    assert "USER" in words
    assert "HEALTHCHECK" in words
    assert words.index("USER") < words.index("CMD")


@pytest.mark.parametrize("name", ["Dockerfile", "space/Dockerfile"])
def test_images_start_a_demo_whose_doors_are_decided(name):
    command = yaml.safe_load(dict(instructions(DEPLOY / name))["CMD"])
    words = command[command.index("demo") :]
    host = words[words.index("--host") + 1]
    auth = words[words.index("--auth") + 1] if "--auth" in words else "me:secret"
    credentials(host, auth)


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("kubernetes/*")), ids=lambda path: path.name)
def test_pods_run_known_commands_as_nobody_special(path):
    for pod in pods(path):
        (container,) = pod["containers"]
        assert container["args"][0] in COMMANDS
        assert pod["securityContext"]["runAsNonRoot"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_every_training_process_knows_the_others():
    service, job = yaml.safe_load_all((DEPLOY / "kubernetes/train.yaml").read_text())
    (container,) = job["spec"]["template"]["spec"]["containers"]
    told = {one["name"]: one.get("value") for one in container["env"]}
    assert int(told["JAX_NUM_PROCESSES"]) == job["spec"]["completions"]
    host, port = told["JAX_COORDINATOR_ADDRESS"].split(":")
    assert host == f"{job['metadata']['name']}-0.{service['metadata']['name']}"
    assert int(port) == service["spec"]["ports"][0]["port"]
    assert "JAX_PROCESS_ID" in told
