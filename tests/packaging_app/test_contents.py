"""What goes into the packaged app, and the recipe that says so."""

from __future__ import annotations

import ast
import importlib

import pytest


@pytest.fixture
def contents():
    return importlib.import_module("contents")


def test_that_the_folder_of_scripts_does_not_shadow_the_packaging_library(scripts):
    assert not list(scripts.rglob("__init__.py"))
    assert importlib.import_module("packaging.version").Version("1.10") > importlib.import_module(
        "packaging.version"
    ).Version("1.9")


def test_that_the_recipe_is_python_and_makes_one_folder_per_system(scripts):
    tree = ast.parse((scripts / "isthmus.spec").read_text(encoding="utf-8"))
    calls = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert {"Analysis", "PYZ", "EXE", "COLLECT", "BUNDLE", "Splash"} <= calls


@pytest.mark.parametrize("module", ["triton", "pytest", "hypothesis", "mypy", "tkinter", "PyQt6"])
def test_that_what_serves_only_developers_or_compilers_stays_out(contents, module):
    assert module in contents.EXCLUDED_MODULES


@pytest.mark.parametrize(
    "module", ["torch", "torch._dynamo", "sympy", "unittest", "multiprocessing"]
)
def test_that_what_training_imports_late_is_not_excluded(contents, module):
    assert module not in contents.EXCLUDED_MODULES


@pytest.mark.parametrize(
    "path",
    [
        "torch/bin/torch_shm_manager",  # torch refuses to be imported without it
        "torch/lib/libtorch_cuda_linalg.so",
        "nvidia/cu13/lib/libcusolver.so.12",
        "nvidia/cu13/lib/libcufft.so.12",
        "nvidia/cu13/lib/libnvrtc-builtins.so.13.2",
        "nvidia/cudnn/lib/libcudnn_engines_precompiled.so.9",
        "nvidia/nvshmem/lib/libnvshmem_host.so.3",
        "PySide6/Qt/plugins/platforms/libqxcb.so",
        "PySide6/Qt/plugins/platforms/libqwayland.so",
        "PySide6\\plugins\\platforms\\qwindows.dll",
        "libglib-2.0.so.0",
        "resources/style.qss",
    ],
)
def test_that_what_the_app_loads_is_wanted(contents, path):
    assert contents.wanted(path)


@pytest.mark.parametrize(
    "path",
    [
        "torch/bin/protoc",
        "torch\\include\\ATen\\ATen.h",
        "nvidia/cu13/lib/libcusolverMg.so.12",
        "nvidia/cu13/lib/libcufftw.so.12",
        "nvidia/nvshmem/lib/nvshmem_transport_ucx.so.6",
        "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
        "libgtk-3.so.0",
    ],
)
def test_that_what_nothing_loads_is_not_wanted(contents, path):
    assert not contents.wanted(path)


def test_that_torchvisions_operators_go_beside_its_modules(contents, tmp_path):
    folder = tmp_path / "torchvision"
    folder.mkdir()
    (folder / "image_stable.so").touch()
    (folder / "_C_stable.so").touch()
    (folder / "utils.py").touch()
    assert contents.torchvision_operators(tmp_path) == [
        (str(folder / "_C_stable.so"), "torchvision"),
        (str(folder / "image_stable.so"), "torchvision"),
    ]


def test_that_a_torchvision_without_operators_stops_the_build(contents, tmp_path):
    with pytest.raises(FileNotFoundError, match="torchvision"):
        contents.torchvision_operators(tmp_path)


def test_that_cuda_libraries_keep_their_places(contents, tmp_path):
    for name in ("cu13/lib/libcublas.so.13", "cudnn/lib/libcudnn_ops.so.9", "cu13/lib/libx.a"):
        path = tmp_path / "nvidia" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    pairs = contents.cuda_libraries(tmp_path)
    assert [target for _, target in pairs] == ["nvidia/cu13/lib", "nvidia/cudnn/lib"]


def test_that_only_links_at_the_top_to_cuda_mislead(contents):
    assert contents.misleading("libcudnn.so.9", "nvidia/cudnn/lib/libcudnn.so.9", "SYMLINK")
    assert not contents.misleading("libQt6Gui.so.6", "PySide6/Qt/lib/libQt6Gui.so.6", "SYMLINK")
    assert not contents.misleading("nvidia/cudnn/lib/libcudnn.so.9", "nvidia/x", "BINARY")


def test_that_macos_is_told_that_a_study_is_a_package(contents):
    plist = contents.document_types()
    (declared,) = plist["UTExportedTypeDeclarations"]
    study, folder = plist["CFBundleDocumentTypes"]
    assert declared["UTTypeTagSpecification"] == {"public.filename-extension": ["isthmus"]}
    assert study["LSItemContentTypes"] == [declared["UTTypeIdentifier"]]
    assert study["LSTypeIsPackage"]
    assert folder["LSHandlerRank"] == "None"  # Isthmus must not become what opens every folder
