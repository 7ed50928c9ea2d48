"""Old objects are spared for a while, and for a while only."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from napari_cvdm.plugin.viewer.garbage import OldObjectsSpared, are_objects_frozen


class Ring:
    """Garbage that only the collector can find, once nobody holds it."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture(autouse=True)
def _nothing_stays_frozen() -> Iterator[None]:
    assert not are_objects_frozen()
    yield
    assert not are_objects_frozen()


def _gone(ring: Ring) -> weakref.ref:
    return weakref.ref(ring)


def test_old_garbage_waits_and_new_garbage_does_not():
    old = Ring()
    spared = OldObjectsSpared()
    new = Ring()
    old_reference, new_reference = _gone(old), _gone(new)
    del old, new
    gc.collect()
    assert old_reference() is not None
    assert new_reference() is None
    spared.release()
    gc.collect()
    assert old_reference() is None


def test_the_last_of_two_runs_ends_it():
    first, second = OldObjectsSpared(), OldObjectsSpared()
    first.release()
    first.release()
    assert are_objects_frozen()
    second.release()


def test_what_somebody_else_has_frozen_stays_so():
    gc.freeze()
    try:
        OldObjectsSpared().release()
        assert are_objects_frozen()
    finally:
        gc.unfreeze()


def test_objects_that_python_itself_has_frozen_are_nobody_s_wish(monkeypatch):
    """Python 3.12 counts its few hundred immortal objects as frozen."""
    own = gc.get_freeze_count()
    monkeypatch.setattr("gc.get_freeze_count", lambda: max(own, 375))
    old = Ring()
    with OldObjectsSpared():
        reference = _gone(old)
        del old
        gc.collect()
        assert reference() is not None


def test_old_garbage_can_be_looked_for_all_the_same():
    old = Ring()
    with OldObjectsSpared():
        reference = _gone(old)
        del old
        OldObjectsSpared.collect()
        assert reference() is None
        assert are_objects_frozen()
    unspared = Ring()
    reference = _gone(unspared)
    del unspared
    OldObjectsSpared.collect()
    assert reference() is None


def test_it_ends_with_its_block_even_by_an_error():
    with pytest.raises(ZeroDivisionError), OldObjectsSpared():
        1 / (not are_objects_frozen())


def test_threads_share_it():
    inside, go_on = threading.Event(), threading.Event()

    def work() -> None:
        with OldObjectsSpared():
            inside.set()
            go_on.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    assert inside.wait(60)
    with OldObjectsSpared():
        pass
    assert are_objects_frozen()  # the thread still wants it
    go_on.set()
    thread.join()


def test_a_look_at_the_new_objects_does_not_make_python_look_at_all_of_them_soon():
    gc.collect()
    usual, full_collections, lasting = gc.get_threshold(), [], []
    with OldObjectsSpared():
        gc.collect()  # as napari does

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            full_collections.append(info)

    gc.callbacks.append(note)
    try:
        for number in range(150_000):
            ring: list = []
            ring.append(ring)
            if number % 50 == 0:
                lasting.append(ring)
        assert full_collections == []
        gc.collect()
    finally:
        gc.callbacks.remove(note)
    assert gc.get_threshold() == usual


def test_while_old_objects_are_spared_python_may_be_asked_to_look_at_all_of_them():
    usual = gc.get_threshold()
    with OldObjectsSpared():
        gc.collect()
        assert gc.get_threshold() != usual
        OldObjectsSpared.collect()
        assert gc.get_threshold() == usual
