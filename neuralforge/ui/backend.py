"""Three ways to draw a window: on the screen, off screen through EGL, or not at all.

`screen` is a real window. `offscreen` draws the same pixels where there is no display: GLFW's null platform with a
surfaceless EGL context. `null` runs the whole interface without a driver and without pixels; it stands in for a fast
graphics card in tests and measurements.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from imgui_bundle import ImVec2, hello_imgui, imgui
from numpy.typing import NDArray

from neuralforge.ui.display import DisplayGuard, guard_display
from neuralforge.ui.llvm import bind_triton

BackendKind = Literal["screen", "offscreen", "null"]

NULL_FRAME_SECS: Final = 1 / 60
MSAA_SAMPLES: Final = 4

_GLFW_FOCUSED: Final = 0x00020001
_GLFW_ICONIFIED: Final = 0x00020002
_GLFW_VISIBLE: Final = 0x00020004
_GLFW_CONTEXT_CREATION_API: Final = 0x0002200B
_GLFW_EGL_CONTEXT_API: Final = 0x00036002
_GLFW_PLATFORM: Final = 0x00050003
_GLFW_ANY_PLATFORM: Final = 0x00060000
_GLFW_PLATFORM_NULL: Final = 0x00060005
_GL_PACK_ALIGNMENT: Final = 0x0D05
_GL_RGB: Final = 0x1907
_GL_UNSIGNED_BYTE: Final = 0x1401
_GL_RGBA8: Final = 0x8058
_GL_COLOR_ATTACHMENT0: Final = 0x8CE0
_GL_FRAMEBUFFER: Final = 0x8D40
_GL_RENDERBUFFER: Final = 0x8D41


class Backend:
    """What differs between the ways to draw.

    Args:
        kind: The way.
        size_px: Width and height of the window.

    Attributes:
        has_pixels: Whether there is anything to take a picture of.
        guard: Watches over the display of an open window, where that can go away and be lived without.
    """

    kind: BackendKind
    has_pixels = True
    guard: DisplayGuard | None = None

    def __init__(self, size_px: tuple[int, int]) -> None:
        self.size_px = size_px

    def prepare(self, params: hello_imgui.RunnerParams) -> None:
        """Set up what Hello ImGui must know before the window is made. Callbacks that are set already are kept."""
        params.app_window_params.window_geometry.size = self.size_px
        pacing = params.fps_idling
        pacing.vsync_to_monitor = False
        pacing.fps_max = 0.0
        pacing.fps_idling_mode = hello_imgui.FpsIdlingMode.early_return
        pacing.remember_enable_idling = False
        options = hello_imgui.OpenGlOptions()
        options.anti_aliasing_samples = self._samples()
        params.renderer_backend_options.open_gl_options = options
        params.callbacks.post_init = in_turn(params.callbacks.post_init, _recover_without_assert)

    def _samples(self) -> int:
        return 0

    def is_hidden(self) -> bool:
        """Return whether nobody can see the window: minimised, or not shown."""
        return False

    def is_left(self) -> bool:
        """Return whether the person has gone on to another window."""
        return False

    def set_title(self, title: str) -> None:
        """Change what stands in the window's frame."""

    def before_open(self) -> None:
        """Run just before the window is made."""

    def before_close(self) -> None:
        """Run just before the window is ended: the loss of the display raises RuntimeError from now on."""
        if self.guard is not None:
            self.guard.raise_from_now_on()

    def after_close(self) -> None:
        """Run when the window is no more, without having lost its display."""

    def is_lost(self) -> bool:
        """Return whether the display went away while there was a window: nothing may be drawn or closed then."""
        return self.guard is not None and self.guard.look()

    def raising_loss(self) -> contextlib.AbstractContextManager[None]:
        """Let the loss of the display raise RuntimeError meanwhile: around making and drawing a window."""
        return contextlib.nullcontext() if self.guard is None else self.guard.raising()

    def read_pixels(self) -> NDArray[np.uint8]:
        """Read the picture that was just drawn. To be called in `callbacks.before_swap`, on the window's thread.

        Returns:
            Height x width x 3, the top row first.
        """
        raise NotImplementedError


class NullBackend(Backend):
    """No pixels: requests for textures are answered, and nothing is drawn.

    Attributes:
        hidden: What `is_hidden` answers, so that a hidden window can be acted out.
        left: What `is_left` answers.
        frame_secs: How much time passes for Dear ImGui in a frame.
    """

    kind: BackendKind = "null"
    has_pixels = False

    def __init__(self, size_px: tuple[int, int]) -> None:
        super().__init__(size_px)
        self.hidden = False
        self.left = False
        self.frame_secs = NULL_FRAME_SECS

    def prepare(self, params: hello_imgui.RunnerParams) -> None:
        """Set up Hello ImGui's own null backend, and what it leaves to others."""
        super().prepare(params)
        params.platform_backend_type = hello_imgui.PlatformBackendType.null
        params.renderer_backend_type = hello_imgui.RendererBackendType.null
        calls = params.callbacks
        calls.post_init = in_turn(calls.post_init, _promise_textures)
        calls.pre_new_frame = in_turn(self._play_platform, calls.pre_new_frame)
        calls.before_imgui_render = in_turn(calls.before_imgui_render, _answer_textures)
        calls.before_exit_post_cleanup = in_turn(calls.before_exit_post_cleanup, _drop_context)

    def is_hidden(self) -> bool:
        """Return `hidden`."""
        return self.hidden

    def is_left(self) -> bool:
        """Return `left`."""
        return self.left

    def _play_platform(self) -> None:
        io = imgui.get_io()
        io.display_size = ImVec2(*self.size_px)
        io.delta_time = self.frame_secs


class GlfwBackend(Backend):
    """A window of GLFW, drawn with OpenGL."""

    kind: BackendKind = "screen"
    _platform = _GLFW_ANY_PLATFORM

    def __init__(self, size_px: tuple[int, int]) -> None:
        super().__init__(size_px)
        self._had_focus = False
        # The copy that Hello ImGui links: under another name it would be loaded again, and know nothing of the window.
        self.glfw: Any = ctypes.CDLL(os.environ["PYGLFW_LIBRARY"])
        self.glfw.glfwGetProcAddress.argtypes = [ctypes.c_char_p]
        self.glfw.glfwGetProcAddress.restype = ctypes.c_void_p
        self.glfw.glfwGetWindowAttrib.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self.glfw.glfwSetWindowSize.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        self.glfw.glfwSetWindowTitle.argtypes = [ctypes.c_void_p, ctypes.c_char_p]

    def _samples(self) -> int:
        return 0 if draws_in_software() else MSAA_SAMPLES

    def before_open(self) -> None:
        """Choose GLFW's platform anew: an earlier window may have chosen another. No driver is loaded yet.

        On Linux GLFW is started here, ahead of Hello ImGui, so that its display is watched from the beginning.
        """
        bind_triton()
        self._had_focus = False
        self.glfw.glfwInitHint(_GLFW_PLATFORM, self._platform)
        if sys.platform.startswith("linux") and self.glfw.glfwInit():
            self.guard = guard_display(self.glfw)

    def after_close(self) -> None:
        """Watch over the display no longer."""
        if self.guard is not None:
            self.guard.release()
            self.guard = None

    def is_hidden(self) -> bool:
        """Return whether the window is minimised or not shown."""
        window = _glfw_window()
        if not window:
            return False
        attribute = self.glfw.glfwGetWindowAttrib
        with self._returning():
            return bool(attribute(window, _GLFW_ICONIFIED)) or not attribute(window, _GLFW_VISIBLE)

    def is_left(self) -> bool:
        """Return whether the window had the keyboard's focus and has it no more; some displays never give it."""
        window = _glfw_window()
        if not window:
            return False
        with self._returning():
            focused = bool(self.glfw.glfwGetWindowAttrib(window, _GLFW_FOCUSED))
        self._had_focus = self._had_focus or focused
        return self._had_focus and not focused

    def set_title(self, title: str) -> None:
        """Change what stands in the window's frame."""
        if window := _glfw_window():
            with self._returning():
                self.glfw.glfwSetWindowTitle(window, title.encode())

    def read_pixels(self) -> NDArray[np.uint8]:
        """Read the picture that was just drawn, from the back buffer."""
        io = imgui.get_io()
        width = int(io.display_size.x * io.display_framebuffer_scale.x)
        height = int(io.display_size.y * io.display_framebuffer_scale.y)
        pixels = np.empty((height, width, 3), np.uint8)
        self._gl(b"glPixelStorei", ctypes.c_uint, ctypes.c_int)(_GL_PACK_ALIGNMENT, 1)
        read = self._gl(b"glReadPixels", *[ctypes.c_int] * 4, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p)
        with self._returning():
            read(0, 0, width, height, _GL_RGB, _GL_UNSIGNED_BYTE, pixels.ctypes.data)
        return np.ascontiguousarray(pixels[::-1])

    def _returning(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self.guard is None else self.guard.returning()

    def _gl(self, name: bytes, *arguments: Any) -> Any:
        prototype = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)  # OpenGL's own calling convention on Windows
        return prototype(None, *arguments)(self.glfw.glfwGetProcAddress(name))


class OffscreenBackend(GlfwBackend):
    """The same pixels without a display: EGL on Linux, and elsewhere a window that is never shown."""

    kind: BackendKind = "offscreen"
    _platform = _GLFW_PLATFORM_NULL if sys.platform.startswith("linux") else _GLFW_ANY_PLATFORM

    def prepare(self, params: hello_imgui.RunnerParams) -> None:
        """Set up the window; one that is never shown where GLFW cannot do without a display."""
        super().prepare(params)
        if self._platform == _GLFW_PLATFORM_NULL:
            params.callbacks.post_init = in_turn(params.callbacks.post_init, self._take_asked_size)
        else:
            params.app_window_params.hidden = True

    def _samples(self) -> int:
        return 0

    def before_open(self) -> None:
        """Let the window of GLFW, which is started by now, get a context of EGL."""
        super().before_open()
        if self._platform == _GLFW_PLATFORM_NULL:
            self.glfw.glfwWindowHint(_GLFW_CONTEXT_CREATION_API, _GLFW_EGL_CONTEXT_API)

    def is_hidden(self) -> bool:
        """Return False: the pictures are what it is for."""
        return False

    def is_left(self) -> bool:
        """Return False: nobody works in it."""
        return False

    def _take_asked_size(self) -> None:
        """Draw as large as was asked. Hello ImGui keeps a window within a screen, and GLFW pretends that there is one.

        The surface keeps the size that the window was made with, so the picture is drawn into a buffer of our own.
        """
        width, height = self.size_px
        self.glfw.glfwSetWindowSize(_glfw_window(), width, height)
        buffers = (ctypes.c_uint * 2)()
        frame, colours = ctypes.byref(buffers), ctypes.byref(buffers, ctypes.sizeof(ctypes.c_uint))
        self._gl(b"glGenFramebuffers", ctypes.c_int, ctypes.c_void_p)(1, frame)
        self._gl(b"glGenRenderbuffers", ctypes.c_int, ctypes.c_void_p)(1, colours)
        self._gl(b"glBindRenderbuffer", *[ctypes.c_uint] * 2)(_GL_RENDERBUFFER, buffers[1])
        store = self._gl(b"glRenderbufferStorage", *[ctypes.c_uint] * 2, *[ctypes.c_int] * 2)
        store(_GL_RENDERBUFFER, _GL_RGBA8, width, height)
        self._gl(b"glBindFramebuffer", *[ctypes.c_uint] * 2)(_GL_FRAMEBUFFER, buffers[0])
        attach = self._gl(b"glFramebufferRenderbuffer", *[ctypes.c_uint] * 4)
        attach(_GL_FRAMEBUFFER, _GL_COLOR_ATTACHMENT0, _GL_RENDERBUFFER, buffers[1])


def make_backend(kind: BackendKind, size_px: tuple[int, int]) -> Backend:
    """Make the backend of a kind."""
    backends: dict[BackendKind, type[Backend]] = {
        "screen": GlfwBackend,
        "offscreen": OffscreenBackend,
        "null": NullBackend,
    }
    return backends[kind](size_px)


def in_turn(*calls: Callable[[], object] | None) -> Callable[[], None]:
    """Make one callback of several. A callback that was never set reads as None, which Hello ImGui itself refuses."""
    given = [call for call in calls if call is not None]

    def carry_out() -> None:
        for call in given:
            call()

    return carry_out


@contextlib.contextmanager
def restored_stacks() -> Iterator[None]:
    """Close what an exception leaves open (windows, groups, ids, styles), so that the frame can go on after it.

    It cannot close a node of the node editor: begin those in `with imgui_node_editor_ctx` alone.
    """
    before = imgui.internal.ErrorRecoveryState()
    imgui.internal.error_recovery_store_state(before)
    try:
        yield
    except BaseException:
        _recover_without_assert()  # a test engine would have it otherwise
        imgui.internal.error_recovery_try_to_recover_state(before)
        raise


def draws_in_software() -> bool:
    """Tell whether OpenGL will draw on the processor, where smoothing every edge costs more than the rest of a frame.

    Returns:
        On Linux, whether there is no device of a graphics card, or software was asked for; False elsewhere.
    """
    if not sys.platform.startswith("linux"):
        return False
    if os.environ.get("LIBGL_ALWAYS_SOFTWARE", "0") not in ("", "0", "false"):
        return True
    devices = ("/dev/nvidiactl", "/dev/dxg")
    return not any(Path(device).exists() for device in devices) and not any(Path("/dev").glob("dri/renderD*"))


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write a picture. A file of that name holds the old picture or the new one, never half of it.

    Args:
        path: Where to; its folder is made if need be.
        pixels: Height x width x 3.

    Raises:
        OSError: When the file cannot be written.
    """
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        Image.fromarray(pixels).save(draft, format="PNG")
        draft.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()


def _glfw_window() -> int:
    address: int = hello_imgui.get_glfw_window_address()  # type: ignore[attr-defined]
    return address


def _recover_without_assert() -> None:
    """Let Dear ImGui close what an exception left open, rather than end the process."""
    imgui.get_io().config_error_recovery_enable_assert = False


def _promise_textures() -> None:
    imgui.get_io().backend_flags |= imgui.BackendFlags_.renderer_has_textures.value


def _drop_context() -> None:
    """Do what Hello ImGui's null backend leaves out: the next window would live on in this one's context."""
    if imgui.get_current_context() is not None:
        imgui.destroy_context()


def _answer_textures() -> None:
    status = imgui.ImTextureStatus
    for texture in imgui.get_platform_io().textures:
        if texture.status == status.want_create:
            texture.set_tex_id(1)
            texture.set_status(status.ok)
        elif texture.status == status.want_updates:
            texture.set_status(status.ok)
        elif texture.status == status.want_destroy:
            texture.set_tex_id(0)
            texture.set_status(status.destroyed)
