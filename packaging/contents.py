"""What goes into the packaged app and what stays out, for isthmus.spec.

Every exclusion has to pass ``smoke_test.py``, which trains, attacks, explains and exports.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

IDENTIFIER = "org.isthmus.Isthmus"
MATPLOTLIB_BACKENDS = ["Agg", "pdf", "svg"]

EXCLUDED_MODULES = [
    # Compilers of torch.compile, which Isthmus does not use: a gigabyte on Linux.
    "triton",
    # Tests and tools of development.
    "pytest",
    "_pytest",
    "pytestqt",
    "pytest_timeout",
    "hypothesis",
    "mypy",
    "mypyc",
    "ruff",
    "pygments",
    "PyInstaller",
    "torchattacks",
    "foolbox",
    "captum",
    "matplotlib.tests",
    "numpy.tests",
    "scipy.tests",
    "pyqtgraph.examples",
    # Other windows than Qt's, and parts of pyqtgraph that need OpenGL or a notebook.
    "tkinter",
    "IPython",
    "ipykernel",
    "wx",
    "gi",
    "cairo",
    "PyQt5",
    "PyQt6",
    "PySide2",
    "pyqtgraph.opengl",
    "pyqtgraph.jupyter",
    "tensorboard",
    # Builders of packages, which torch would call to compile extensions.
    "setuptools",
    "pkg_resources",
    "_distutils_hack",
]
# It gives every run a new folder for matplotlib's list of fonts, which takes seconds to make;
# frozen.py names one that stays.
UNWANTED_HOOKS = ("pyi_rth_mplconfig",)

# Libraries of CUDA that nothing in torch is linked with, or loads by name: drop-in replacements of
# FFTW and BLAS, several GPUs as one solver, counters of the profiler.
UNUSED_CUDA = (
    "libcufftw.*",
    "libnvblas.*",
    "libcusolverMg.*",
    "libcheckpoint.*",
    "libnvperf_*",
    "libpcsamplingutil.*",
    "libcufile_rdma.*",
    "libnvtx3interop.*",
    "nvshmem_*",
)
# Qt's plugin for GTK's dialogs, and GTK: bundled, it clashes with modules of the user's own GTK.
GTK = (
    "libqgtk3.*",
    "libgtk-3.*",
    "libgdk-3.*",
    "libgdk_pixbuf-*",
    "libatk-*",
    "libatspi.*",
    "libcairo*",
    "libepoxy.*",
    "libpango*",
    "libpixman-*",
    "libthai.*",
    "libdatrie.*",
    "libfribidi.*",
    "libharfbuzz.*",
    "libgraphite2.*",
)
# Files that hooks collect with a library, but that serve only who compiles or tests against it.
UNWANTED_FILES = (
    "torch/include/*",
    "torch/share/*",
    "torch/bin/protoc*",
    "torch/test/*",
    "hypothesis-*",
    "matplotlib/mpl-data/sample_data/*",
    "matplotlib/mpl-data/images/*",
    "PySide6/Qt/translations/*",
    "PySide6/Qt/plugins/qmltooling/*",
    "PySide6/Qt/plugins/networkinformation/*",
    "PySide6/Qt/plugins/tls/*",
    "PySide6/Qt/plugins/egldeviceintegrations/*",
    "PySide6/Qt/plugins/generic/*",
    "PySide6/Qt/lib/libQt6EglF*",
    "PySide6/Qt/plugins/platforms/libqeglfs.*",
    "PySide6/Qt/plugins/platforms/libqlinuxfb.*",
    "PySide6/Qt/plugins/platforms/libqvkkhrdisplay.*",
    "PySide6/Qt/plugins/platforms/libqvnc.*",
    "PySide6/Qt/plugins/platforms/libqminimal*",
    "PySide6/Qt/plugins/platforminputcontexts/libqtvirtualkeyboardplugin.*",
    "PySide6/Qt/lib/libQt6Quick*",
    "PySide6/Qt/lib/libQt6Qml*",
    "PySide6/Qt/lib/libQt6VirtualKeyboard*",
    "PySide6/Qt/lib/libQt6Pdf*",
    "PySide6/Qt/plugins/imageformats/libqpdf.*",
    "PySide6/Qt/plugins/platforms/qdirect2d.*",
    "PySide6/opengl32sw.dll",
)


def wanted(destination: str) -> bool:
    """Tell whether a file that a hook found belongs into the app.

    Parameters
    ----------
    destination
        Where in the app it would lie, with the platform's separators.
    """
    path = destination.replace("\\", "/")
    name = path.rpartition("/")[2]
    return not any(fnmatch(path, pattern) for pattern in UNWANTED_FILES) and not any(
        fnmatch(name, pattern) for pattern in (*UNUSED_CUDA, *GTK)
    )


def torchvision_operators(site: Path) -> list[tuple[str, str]]:
    """Return torchvision's compiled operators, which it loads by file name at run time.

    Parameters
    ----------
    site
        The folder of installed packages.
    """
    folder = site / "torchvision"
    found = [path for suffix in ("so", "pyd", "dll") for path in folder.glob(f"*.{suffix}")]
    if not found:
        raise FileNotFoundError(f"{folder} holds no compiled operators: torchvision needs them")
    return [(str(path), "torchvision") for path in sorted(found)]


def cuda_libraries(site: Path) -> list[tuple[str, str]]:
    """Return CUDA's libraries on Linux, each to where torch looks for it.

    Some are linked and would be found anyway; cuDNN's parts and NVRTC's builtins are loaded by
    name. A torch that brings its own CUDA libraries has none of these.
    """
    found = sorted((site / "nvidia").glob("*/lib/*.so*"))
    pairs = [(str(path), str(path.parent.relative_to(site))) for path in found]
    return [pair for pair in pairs if wanted(f"{pair[1]}/{Path(pair[0]).name}")]


def misleading(destination: str, source: str, kind: str) -> bool:
    """Tell whether an entry is a link at the top of the app to a library of CUDA.

    cuDNN looks for its other parts beside the link it was loaded by, and does not find them.
    """
    return kind == "SYMLINK" and "/" not in destination and source.startswith("nvidia/")


def document_types() -> dict[str, Any]:
    """Return what macOS's Info.plist says: studies are packages of ours, folders can be opened."""
    study = f"{IDENTIFIER}.study"
    return {
        "NSHighResolutionCapable": True,
        "NSRequiresAquaSystemAppearance": False,
        "LSMinimumSystemVersion": "12.0",
        "CFBundleDocumentTypes": [
            {
                "CFBundleTypeName": "Isthmus study",
                "CFBundleTypeRole": "Editor",
                "LSHandlerRank": "Owner",
                "LSItemContentTypes": [study],
                "LSTypeIsPackage": True,
            },
            {
                "CFBundleTypeName": "Folder of images",
                "CFBundleTypeRole": "Viewer",
                "LSHandlerRank": "None",
                "LSItemContentTypes": ["public.folder"],
            },
        ],
        "UTExportedTypeDeclarations": [
            {
                "UTTypeIdentifier": study,
                "UTTypeDescription": "Isthmus study",
                "UTTypeConformsTo": ["com.apple.package"],
                "UTTypeTagSpecification": {"public.filename-extension": ["isthmus"]},
            }
        ],
    }


def windows_version(version: str) -> Any:
    """Return the version information of a Windows executable; importable on Windows only."""
    from PyInstaller.utils.win32 import versioninfo as win

    numbers = (*map(int, version.split(".")), 0)
    strings = {
        "ProductName": "Isthmus",
        "FileDescription": "Isthmus: robustness and gradient interpretability",
        "FileVersion": version,
        "ProductVersion": version,
        "OriginalFilename": "Isthmus.exe",
        "LegalCopyright": "MIT licence; see the folder licences",
    }
    table = win.StringTable("040904B0", [win.StringStruct(*pair) for pair in strings.items()])
    return win.VSVersionInfo(
        ffi=win.FixedFileInfo(filevers=numbers, prodvers=numbers),
        kids=[
            win.StringFileInfo([table]),
            win.VarFileInfo([win.VarStruct("Translation", [0x0409, 1200])]),
        ],
    )
