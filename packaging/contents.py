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
    # Compilers for torch.compile, which Isthmus does not use; they take a gigabyte on Linux.
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
    "quantus",
    "cv2",  # needed by quantus, as the next three: libraries of ours import them where they are
    "pandas",
    "skimage",
    "sklearn",
    "matplotlib.tests",
    "numpy.tests",
    "scipy.tests",
    "pyqtgraph.examples",
    # Window toolkits other than Qt, and parts of pyqtgraph that need OpenGL or a notebook.
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
    # Package builders, which torch would call to compile extensions.
    "setuptools",
    "pkg_resources",
    "_distutils_hack",
]
# This hook gives matplotlib a new folder for its font list at every start, and making the list
# takes seconds. frozen.py sets a permanent folder instead.
UNWANTED_HOOKS = ("pyi_rth_mplconfig",)

# CUDA libraries that torch neither links with nor loads by name: drop-in replacements for FFTW and
# BLAS, the solver for several GPUs, the profiler's counters.
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
# Qt's plugin for GTK's dialogs, and GTK: a bundled GTK conflicts with modules of the user's GTK.
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
# Files that hooks collect with a library but that are only needed to compile or test against it.
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
    """Tell whether a file that a hook found belongs in the app.

    Parameters
    ----------
    destination
        Where in the app the file would lie, with the platform's separators.
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
    """Return CUDA's libraries on Linux, each with the folder where torch looks for it.

    PyInstaller would find the linked libraries by itself, but not cuDNN's parts and NVRTC's
    builtins, which are loaded by name. The list is empty if torch contains its CUDA libraries.
    """
    found = sorted((site / "nvidia").glob("*/lib/*.so*"))
    pairs = [(str(path), str(path.parent.relative_to(site))) for path in found]
    return [pair for pair in pairs if wanted(f"{pair[1]}/{Path(pair[0]).name}")]


def misleading(destination: str, source: str, kind: str) -> bool:
    """Tell whether an entry is a link at the top of the app to a library of CUDA.

    If cuDNN is loaded through such a link, it looks for its other parts beside the link, where they
    do not exist.
    """
    return kind == "SYMLINK" and "/" not in destination and source.startswith("nvidia/")


def document_types() -> dict[str, Any]:
    """Return entries for macOS's Info.plist: our study packages, and folders the app can open."""
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
