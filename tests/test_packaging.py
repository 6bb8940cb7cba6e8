"""What a newcomer installs: pyproject, pins, Binder's files, Makefile and README agree with each other."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from labkit import readme, runtime
from labkit.__main__ import parser

CPU_INDEX = "https://download.pytorch" + ".org/whl/cpu"  # in pieces: see REGISTRIES
#: Hosts that serve packages; in pieces, so that this file does not name them.
REGISTRIES = (
    "download.pytorch" + ".org",
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "npmjs" + ".org",
    "anaconda" + ".org",
    "anaconda" + ".com",
    "jsdelivr" + ".net",
    "unpkg" + ".com",
    "esm" + ".sh",
    "cdnjs" + ".cloudflare",
)


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def pins(root):
    """Canonical name -> requirement, one for each line."""
    lines = (root / "binder" / "pins.txt").read_text().splitlines()
    rows = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    table = {canonicalize_name(row.name): row for row in rows}
    assert len(table) == len(rows), "a package is pinned twice"
    return table


def pinned(requirement):
    (specifier,) = requirement.specifier
    return Version(specifier.version)


def needs(project, extras=("test",)):
    texts = [*project["dependencies"], *(t for e in extras for t in project["optional-dependencies"][e])]
    return [Requirement(text) for text in texts]


def files(root):
    """What is, or is about to be, in git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    out = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode()
    return [root / name for name in out.split("\0") if name and (root / name).is_file()]


def test_pins_are_exact_versions_and_nothing_else(pins):
    for row in pins.values():
        assert row.url is None and not row.extras, row
        assert [s.operator for s in row.specifier] == ["=="], row
        assert pinned(row).local is None and "*" not in str(row.specifier), row
        # A platform may have a package of its own, but no Python version.
        assert row.marker is None or re.fullmatch(r'sys_platform == "\w+"', str(row.marker)), row
    assert str(pins["torch"]) == "torch==2.13.0"
    assert not {"pip", "setuptools", "wheel", "labkit"} & pins.keys()


def test_every_dependency_has_a_pin_that_satisfies_its_bound(project, pins):
    for requirement in needs(project, project["optional-dependencies"]):
        row = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pinned(row)), f"{row} does not satisfy {requirement}"


SYSTEMS = {"linux": ("posix", "Linux"), "darwin": ("posix", "Darwin"), "win32": ("nt", "Windows")}


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_what_the_pins_need_themselves_is_pinned(project, pins, system, python):
    """Walks the metadata of what is installed here with the eyes of another system and Python."""
    os_name, platform_system = SYSTEMS[system]
    eyes = {"extra": "", "python_version": python, "python_full_version": f"{python}.9", "os_name": os_name}
    eyes |= {"sys_platform": system, "platform_system": platform_system}
    todo, seen = [canonicalize_name(r.name) for r in needs(project)], set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            texts = metadata.requires(name) or ()
        except metadata.PackageNotFoundError:  # another system's
            assert pins[name].marker is not None, f"{name} is not installed, so its needs are not checked"
            continue
        for text in texts:
            requirement = Requirement(text)
            # torch chooses its GPU libraries by itself, to the version, on the platforms that have them.
            if name == "torch" and re.match("nvidia|cuda|triton|setuptools", requirement.name):
                continue
            if requirement.marker is None or requirement.marker.evaluate(eyes):
                needed = canonicalize_name(requirement.name)
                assert needed in pins, f"{name} needs {needed}, which is not pinned"
                assert requirement.specifier.contains(pinned(pins[needed])), f"{name} needs {requirement}"
                todo.append(needed)
    assert len(seen) > 50


def test_bounds_are_what_the_project_decided(project):
    rows = {canonicalize_name(r.name): r.specifier for r in needs(project, ("test", "cluster", "vision"))}
    assert project["requires-python"] == ">=3.11"
    assert not rows["ipykernel"].contains("7.0.0") and not rows["ipykernel"].contains("7.0.1")
    assert rows["ipykernel"].contains("6.31.0") and not rows["ipykernel"].contains("6.30.1")
    assert rows["ipywidgets"].contains("8.1.8") and not rows["ipywidgets"].contains("8.1.7")
    assert rows["jupyterlab"].contains("4.4.0") and not rows["jupyterlab"].contains("4.3.9")
    for name, specifier in rows.items():
        operators = [s.operator for s in specifier]
        assert operators.count(">=") == 1 and set(operators) <= {">=", "!="}, (
            f"{name}{specifier}: a lower bound only"
        )
    assert set(project["optional-dependencies"]) == {"test", "cluster", "vision"}


def test_binder_installs_the_root_with_the_pins_and_the_cpu_index(root):
    lines = (root / "binder" / "requirements.txt").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    assert lines == [f"--extra-index-url {CPU_INDEX}", "-c pins.txt", "-e ."]


def test_binder_runs_a_python_that_is_supported(root, project):
    version = (root / "binder" / "runtime.txt").read_text().strip()
    assert version == "python-3.12"
    assert f"Programming Language :: Python :: {version.removeprefix('python-')}" in project["classifiers"]


@pytest.mark.parametrize("name", ["binder/start", "binder/postBuild", ".ci/run"])
def test_scripts_are_executable_bash_that_stops_at_the_first_error(root, name):
    path = root / name
    assert os.access(path, os.X_OK)
    lines = path.read_text().splitlines()
    assert lines[0] == "#!/bin/bash"
    assert next(line for line in lines if line and not line.startswith("#")).startswith("set -e")
    subprocess.run(["bash", "-n", path], check=True)


CAPS = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"]


def uncapped():
    """This environment without what nproc, or a library, would obey."""
    return {name: value for name, value in os.environ.items() if name not in (*CAPS, "OMP_THREAD_LIMIT")}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Binder is Linux")
def test_binders_start_caps_threads_as_labkit_does_and_hands_over(root):
    command = [
        root / "binder" / "start",
        sys.executable,
        "-c",
        "import os, sys; print(*map(os.getenv, sys.argv[1:]))",
    ]
    out = subprocess.run(
        [*command, *CAPS], env=uncapped(), capture_output=True, text=True, check=True
    ).stdout.split()
    assert out == [str(max(1, -int(-runtime.quota() // 1)))] * 3


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Binder is Linux")
def test_what_binder_builds_is_imported_under_the_same_caps(root, tmp_path):
    told = tmp_path / "told"
    for name in ("python", "jupyter"):
        stand_in = tmp_path / name
        stand_in.write_text(f'#!/bin/sh\necho "{name} $OMP_NUM_THREADS $*" >>{told}\n')
        stand_in.chmod(0o755)
    path = os.pathsep.join((str(tmp_path), os.environ["PATH"]))
    subprocess.run([root / "binder" / "postBuild"], cwd=root, env=uncapped() | {"PATH": path}, check=True)
    (imports,) = [line for line in told.read_text().splitlines() if "import labkit" in line]
    assert imports.split()[:2] == ["python", str(max(1, -int(-runtime.quota() // 1)))]


def pip(*arguments, cwd):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_binders_requirements_resolve(root, tmp_path):
    """As on Binder, from the root; without the index line, so that any configured index will do."""
    (tmp_path / "binder").mkdir()
    for name in ("pins.txt", "requirements.txt"):
        lines = (root / "binder" / name).read_text().splitlines()
        kept = [line for line in lines if not line.startswith("--extra-index-url")]
        (tmp_path / "binder" / name).write_text("\n".join(kept) + "\n")
    done = pip("install", "--dry-run", "-r", tmp_path / "binder" / "requirements.txt", cwd=root)
    assert done.returncode == 0, done.stderr
    assert re.search(r"Would install.* labkit-|Requirement already satisfied: torch", done.stdout), (
        done.stdout
    )


def test_what_the_extras_bring_along_is_pinned(root, pins, tmp_path):
    """They are not installed here, so pip is asked."""
    report = tmp_path / "report.json"
    target = f"{root}[cluster,vision]"
    done = pip("install", "--dry-run", "--report", report, "-c", "binder/pins.txt", "-e", target, cwd=root)
    assert done.returncode == 0, done.stderr
    rows = [row["metadata"] for row in json.loads(report.read_text())["install"]]
    came = {canonicalize_name(row["name"]): Version(row["version"]).public for row in rows}
    del came["labkit"]
    assert came == {name: str(pinned(pins[name])) for name in came}


def test_what_labkit_imports_is_declared(root, project):
    declared = {canonicalize_name(row.name) for row in needs(project, project["optional-dependencies"])}
    owners = metadata.packages_distributions()
    for path in (root / "labkit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for top in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"labkit"}:
                found = {canonicalize_name(owner) for owner in owners.get(top, [top])}
                assert found & declared, f"{path} imports {top}, which pyproject.toml does not name"


def test_the_wheel_holds_all_code_and_nothing_else(root, tmp_path):
    done = pip("wheel", "--no-deps", "--wheel-dir", tmp_path, ".", cwd=root)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("labkit-*-py3-none-any.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    code = {p.relative_to(root).as_posix() for p in files(root) if p.is_relative_to(root / "labkit")}
    assert {n for n in names if ".dist-info/" not in n} == code
    for suffix in (".mjs", ".css"):
        assert any(n.startswith("labkit/live/") and n.endswith(suffix) for n in names), suffix
    assert any(n.endswith("/licenses/LICENSE") for n in names)


@pytest.mark.slow
def test_repo2docker_understands_the_folder(root, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "jupyter-repo2docker"]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("repo2docker cannot be installed here")
    command = [
        python,
        "-m",
        "repo2docker",
        "--no-build",
        "--debug",
        "--user-id",
        "1000",
        "--user-name",
        "jovyan",
        ".",
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    text = done.stdout + done.stderr
    assert "Building conda environment for python=3.12" in text, text[-3000:]
    assert "-r binder/requirements.txt" in text or 'binder/requirements.txt"' in text, text[-3000:]
    assert "binder/postBuild" in text and "binder/start" in text, text[-3000:]


def test_no_file_names_a_registry_except_the_one_allowed(root):
    allowed = {"binder/requirements.txt": 1, "Makefile": 1}
    found = {}
    for path in files(root):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        for host in REGISTRIES:
            if count := text.count(host):
                found[path.relative_to(root).as_posix(), host] = count
    wanted = {(name, REGISTRIES[0]): count for name, count in allowed.items()}
    assert found == wanted
    assert CPU_INDEX in (root / "Makefile").read_text()


def make(root, *arguments, **environment):
    clean = {
        k: v for k, v in os.environ.items() if k not in ("TORCH_INDEX", "PYTHON", "MAKEFLAGS", "MAKELEVEL")
    }
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=root, env={**clean, **environment}, capture_output=True, text=True)


@pytest.fixture
def bin(tmp_path):
    """A search path of our own: ``bin("nvidia-smi")`` adds an empty command."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("make", "sh", "sed", "python3", "mkdir", "touch", "rm"):
        found = subprocess.run(["which", tool], capture_output=True, text=True).stdout.strip()
        (folder / tool).symlink_to(found)

    def add(name, text="#!/bin/sh\nexit 0\n"):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
        return str(folder)

    return add


@pytest.mark.parametrize(
    ("system", "driver", "index", "wanted"),
    [
        ("Linux", False, None, True),
        ("Linux", True, None, False),
        ("Darwin", False, None, False),
        ("Linux", False, "", False),  # empty means the default index
        ("Linux", True, "https://example.invalid/simple", "https://example.invalid/simple"),
    ],
)
def test_make_takes_the_cpu_index_only_on_linux_without_a_driver(
    root, bin, tmp_path, system, driver, index, wanted
):
    path = bin("uname", f"#!/bin/sh\necho {system}\n")
    if driver:
        bin("nvidia-smi")
    given = {} if index is None else {"TORCH_INDEX": index}
    done = make(root, "-n", "install", f"VENV={tmp_path}/venv", PATH=path, **given)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "pip install" in line]
    assert line.endswith(" -c binder/pins.txt -e .")
    wanted = CPU_INDEX if wanted is True else wanted
    assert (f" --extra-index-url {wanted} " in line) if wanted else ("index-url" not in line), line


def test_make_says_which_pythons_suit(root, bin, tmp_path):
    path = bin("python3.14", '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.14.1 && exit 0\nexit 1\n')
    done = make(root, "install", f"VENV={tmp_path}/venv", "PYTHON=python3.14", PATH=path)
    assert done.returncode != 0
    assert "labkit needs Python 3.11, 3.12 or 3.13, but 'python3.14' is: Python 3.14.1" in done.stdout
    assert not (tmp_path / "venv").exists()


def test_make_test_installs_the_test_extra_and_a_second_call_nothing(root, tmp_path):
    first = make(root, "-n", "test", f"VENV={tmp_path}/venv")
    assert first.returncode == 0, first.stderr
    assert "-c binder/pins.txt -e '.[test]'" in first.stdout
    assert all(
        text in first.stdout
        for text in ("ruff check .", "ruff format --check .", '-m pytest -m "not gpu" -n 2', "node")
    )
    (tmp_path / "venv").mkdir()
    for stamp in ("made", "lab", "test"):
        (tmp_path / "venv" / f"{stamp}.stamp").touch()
    second = make(root, "-n", "test", f"VENV={tmp_path}/venv")
    assert "pip install" not in second.stdout and "-m pytest" in second.stdout


def test_what_make_test_selects_leaves_out_nothing_but_gpu_tests(root):
    """So the kernels of several versions and repo2docker are in CI, which runs `make test`."""
    (chosen,) = re.findall(r'-m pytest -m "(.*?)"', (root / "Makefile").read_text())
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", chosen]
    command += ["tests/kernel", "tests/test_packaging.py"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True).stdout
    assert "test_repo2docker_understands_the_folder" in listed
    for version in ("6.31.0", "7.3.0", "installed"):
        assert f"[{version} main" in listed, version


def test_ci_runs_make_test_with_a_browser_and_the_default_index(root):
    text = (root / ".ci" / "run").read_text()
    assert "export LABKIT_REQUIRE_BROWSER=1" in text
    assert re.search(r"^export TORCH_INDEX=\s", text, re.MULTILINE)
    assert "apt-get install -y -qq --no-install-recommends chromium" in text
    assert text.rstrip().endswith("\nmake test")


# --- README ------------------------------------------------------------------------------------


def test_the_readme_agrees_with_the_projects_address(root):
    text = (root / "README.md").read_text()
    assert readme.fill(text, readme.address(root)) == text, "run: python -m labkit readme"


def test_without_an_address_no_link_is_invented(root):
    text = readme.fill((root / "README.md").read_text(), None)
    assert "once the owner has filled in" in text
    assert not re.search(r"https?://", text), "a link to nowhere"


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://github.com/ada/labkit", "gh/ada/labkit/HEAD"),
        ("https://gitlab.com/a/group/labkit", "gl/a%2Fgroup%2Flabkit/HEAD"),
        (
            "https://git.example.invalid/ada/labkit",
            "git/https%3A%2F%2Fgit.example.invalid%2Fada%2Flabkit/HEAD",
        ),
    ],
)
def test_with_an_address_badge_and_links_follow(root, tmp_path, url, link):
    text = (root / "README.md").read_text()
    project = (root / "pyproject.toml").read_text()
    (tmp_path / "README.md").write_text(text)
    changed = re.sub(r'(?m)^Repository = ".*"$', f'Repository = "{url}.git"', project)
    (tmp_path / "pyproject.toml").write_text(changed)
    assert readme.update(tmp_path)
    assert not readme.update(tmp_path)
    filled = (tmp_path / "README.md").read_text()
    assert f"git clone {url} labkit" in filled
    assert f"/v2/{link}?urlpath=lab%2Ftree%2Flabs%2F00_start.ipynb)" in filled
    assert "once the owner" not in filled


def test_a_readme_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="block 'clone' is there 0 times; allowed: once"):
        readme.fill("# labkit", None)


def test_the_address_stands_once(root, project):
    url = project["urls"]["Repository"]
    holders = [
        p.relative_to(root).as_posix() for p in files(root) if p.suffix != ".png" and url in p.read_text()
    ]
    if readme.address(root) is None:
        assert holders == ["pyproject.toml"]
    else:
        assert sorted(holders) == ["README.md", "pyproject.toml"]


def test_the_readmes_relative_links_lead_somewhere(root):
    text = (root / "README.md").read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert {"docs/panel.png", "docs/claims.md"} <= set(links)
    assert [link for link in links if not (root / link).exists()] == []


def test_the_readmes_commands_exist(root, capsys):
    text = (root / "README.md").read_text()
    targets, commands = (set(re.findall(p, text, re.M)) for p in (r"(?:^|`)make (\w+)", r"-m labkit (\w+)"))
    assert {"lab", "test", "bench"} <= targets and {"doctor", "student"} <= commands
    for target in targets:
        assert make(root, "-n", target).returncode == 0, target
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            parser().parse_args([command, "--help"])
        assert ended.value.code == 0, command


def test_the_readmes_example_runs_and_does_what_it_says(root, tmp_path, monkeypatch, capsys):
    (code,) = re.findall(
        r"<!-- example -->\n```python\n(.*?)```", (root / "README.md").read_text(), re.DOTALL
    )
    assert len([line for line in code.splitlines() if line]) == 5
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert (tmp_path / "grokking.png").stat().st_size > 10_000
    assert "test_accuracy" in capsys.readouterr().out
    assert names["history"].to_frame()["test_accuracy"].iloc[-1] > 0.99


def test_the_picture_comes_before_the_commands_and_both_on_the_first_screen(root):
    lines = (root / "README.md").read_text().splitlines()
    picture, lab, test = (
        next(i for i, line in enumerate(lines) if start in line)
        for start in ("(docs/panel.png)", "make lab ", "make test ")
    )
    assert picture < lab < test < 25
