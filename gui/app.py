"""Starting and ending the window. Qt is imported only once it is known that a window can open."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.program import BAD_INPUT
from engine.texts import harmless
from gui.shell import startup

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from gui.shell.main_window import MainWindow

# Qt's classes are made when PySide6 is imported, not when they are first used: while another thread
# imported the engine, one was used that lacked an attribute ("QGradient has no Preset").
os.environ.setdefault("PYSIDE6_OPTION_LAZY", "0")
# A thread that runs plain Python gives the window its turn after so many seconds: at Python's own
# 5 ms the window stutters while a data set is scanned.
SWITCH_INTERVAL = 0.001
# The window is drawn for the first time before loading the engine competes with it.
FIRST_PAINT_MS = 50


def open_window(
    paths: list[Path], plugins: Sequence[Path] = (), commands: Sequence[str] | None = ()
) -> int:
    """Open the window with studies, images or weights; return the exit code once it is closed.

    Parameters
    ----------
    plugins
        Files with methods of the user (:mod:`engine.plugins`), whose code is run.
    commands
        Names of commands that are done once all is open (:mod:`gui.palette.scripted`). None prints
        what is offered with these paths, on every page, in a window that nobody sees.
    """
    if commands is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    problem = startup.refusal()
    if problem:
        print(f"isthmus: {problem}", file=sys.stderr)
        return BAD_INPUT
    if sys.platform == "win32":
        import torch  # noqa: F401  # Windows loads torch's libraries only before Qt's
    gc.disable()  # until the collector takes over: nothing made while starting is garbage
    app = make_application()
    window = make_window(app, paths, plugins)
    failed: list[str] = []
    if commands is None:
        _list_commands(app, window)
    elif commands:
        failed = _script(window, commands)
    code = app.exec()
    return _end(window, code or (BAD_INPUT if failed else 0))


def _script(window: MainWindow, names: Sequence[str]) -> list[str]:
    """Do commands once all is open; return a list that gets why one could not be done."""
    from gui.palette.scripted import Script

    failed: list[str] = []

    def ended(problem: str) -> None:
        if problem:
            failed.append(problem)
            window.workspace.message.emit(problem, True)
            print(f"isthmus: {harmless(problem)}", file=sys.stderr, flush=True)

    script = Script(names, window.menus.commands, _readiness(window), window)
    script.ended.connect(ended)
    return failed


def _list_commands(app: QApplication, window: MainWindow) -> None:
    """Print what can be done on every page once all is open, and close."""
    from gui.palette.scripted import Script, listed

    def ended(_: str) -> None:
        offered = []
        for place in window.pages.places:
            window.pages.show_place(place)
            offered += window.menus.commands()
        sys.stdout.write(listed(offered))
        sys.stdout.flush()
        app.quit()

    Script((), window.menus.commands, _readiness(window), window).ended.connect(ended)


def _readiness(window: MainWindow) -> Callable[[], bool]:
    """Return what tells whether all pages were built and nothing is being opened."""
    settled: list[bool] = []
    window.settled.connect(lambda: settled.append(True))
    workspace = window.workspace
    return lambda: bool(settled) and not (workspace.underway.is_busy or workspace.importer.name)


def make_application() -> QApplication:
    """Return the dressed application; there can be one in a process."""
    from PySide6.QtCore import QLoggingCategory
    from PySide6.QtWidgets import QApplication

    from engine import memory
    from gui.look import settings, theme
    from gui.look.icons import app_icon

    sys.setswitchinterval(SWITCH_INTERVAL)
    enlarge(os.environ, settings.scale())
    if memory.SHARE not in os.environ:  # whoever set it by hand has the last word
        memory.set_image_percent(settings.image_percent())
    # Letters that no font has are told of in a sentence, see gui/session/letters.py.
    QLoggingCategory.setFilterRules("qt.text.font.db.warning=false")
    app = QApplication(sys.argv[:1])
    app.setApplicationName("isthmus")
    app.setDesktopFileName("isthmus")
    app.setWindowIcon(app_icon())
    theme.apply(app, settings.theme_mode())
    return app


def enlarge(environ: MutableMapping[str, str], percent: int) -> None:
    """Tell Qt how large to draw everything, which it reads once, before the application is made.

    Whoever set the variable by hand has the last word.
    """
    if percent != 100:
        environ.setdefault("QT_SCALE_FACTOR", f"{percent / 100:g}")


def make_window(app: QApplication, paths: list[Path], plugins: Sequence[Path] = ()) -> MainWindow:
    """Show the window at once; load the engine, and take the paths, when that is done."""
    from PySide6.QtCore import QTimer

    from gui.shell.collecting import Collector
    from gui.shell.faults import Faults, open_log
    from gui.shell.main_window import MainWindow

    open_log()
    window = MainWindow(plugins=plugins)
    collector = Collector(window)
    window.settled.connect(collector.settle)
    faults = Faults(window)
    faults.found.connect(window.on_fault)
    faults.install()
    # Ctrl-C in the terminal, or its end; Python sees it at the next tick of the runner's timer.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as by nohup
            signal.signal(number, lambda *_: app.quit())
    app.aboutToQuit.connect(window.stop)
    window.show()
    QTimer.singleShot(FIRST_PAINT_MS, window.workspace.runner.load_engine)
    if paths:
        window.workspace.importer.take(paths)
    return window


def _end(window: MainWindow, code: int) -> int:
    """Take the window apart while the application is still there."""
    import logging

    import shiboken6

    from gui.shell.collecting import Collector

    stopped = window.stopped
    collector = window.findChild(Collector)
    if collector is not None:
        collector.stop()
    shiboken6.delete(window)
    sys.excepthook = sys.__excepthook__
    if not stopped:
        # A thread is deep in a library and cannot be ended; Python would crash on its way out.
        logging.shutdown()
        os._exit(code)
    return code
