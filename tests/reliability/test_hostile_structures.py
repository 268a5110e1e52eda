"""Records and packed studies with structures of HDF5 that no record has."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from engine.store import hdf5
from engine.store.hdf5 import FileError
from engine.store.packing import pack, unpack
from engine.store.study import Study, StudyError
from tests.made_up_study import IMAGES, add_images
from tests.reliability.sealing import forge, place_of, seal_again

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "s.isthmus", create=True)


def test_that_a_forged_record_without_an_attack_is_read(study):
    forge(place_of(study), lambda file: file.create_dataset("arrays/x", data=np.arange(3.0)))
    assert list(Study(study.path).check()) == []
    assert Study(study.path).read(IMAGES).arrays["x"].tolist() == [0, 1, 2]


# --------------------------------------------------------------------------- structures of HDF5


def soft_link(file):
    file["arrays/link"] = h5py.SoftLink("/documents/spec")


def link_outside(file):
    file["arrays/link"] = h5py.ExternalLink("/etc/hostname", "/")


def group_behind_a_link(file):
    file["arrays/g"] = h5py.ExternalLink("other.h5", "/group")


def external_storage(file):
    file.create_dataset("arrays/secret", (8,), "u1", external=[("/etc/hostname", 0, 8)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("arrays/virtual", layout)


def reference(file):
    file["arrays/reference"] = file.ref


def region_reference(file):
    file["arrays/x"] = np.arange(4)
    file["arrays/region"] = file["arrays/x"].regionref[:2]


def variable_text(file):
    file.create_dataset("arrays/text", data="text", dtype=h5py.string_dtype())


def variable_numbers(file):
    file.create_dataset("arrays/ragged", (2,), dtype=h5py.vlen_dtype("f4"))


def compound(file):
    file["arrays/compound"] = np.zeros(3, [("a", "f4"), ("b", "i4")])


def array_type(file):
    file.create_dataset("arrays/sub", (2,), dtype=np.dtype(("f4", (3,))))


def opaque(file):
    file["arrays/opaque"] = np.array([b"x"], dtype="V5")


def complex_numbers(file):
    file["arrays/complex"] = np.zeros(3, complex)


def dates(file):
    file["arrays/date"] = np.zeros(3, "M8[s]").astype(h5py.opaque_dtype("M8[s]"))


def named_type(file):
    file["arrays/type"] = np.dtype("f4")


def no_space(file):
    file["arrays/null"] = h5py.Empty("f4")


def huge_chunked(file):
    file.create_dataset("arrays/huge", (1 << 40,), "u1", chunks=(1 << 20,))


def huge_contiguous(file):
    space, plan = h5py.h5s.create_simple((1 << 33,)), h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    h5py.h5d.create(file["arrays"].id, b"huge", h5py.h5t.NATIVE_UINT8, space, plan)


def many_that_are_huge_together(file):
    for k in range(50):
        space = h5py.h5s.create_simple((5000,))
        h5py.h5d.create(file["arrays"].id, f"{k}".encode(), h5py.h5t.NATIVE_UINT8, space)


def huge_of_many_dimensions(file):
    space = h5py.h5s.create_simple((1 << 16,) * 4)
    h5py.h5d.create(file["arrays"].id, b"huge", h5py.h5t.NATIVE_UINT8, space)


def compressed(file):
    file.create_dataset("arrays/zip", data=np.zeros(100_000), compression="gzip")


def unknown_filter(file):
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((4,))
    plan.set_filter(32_999, h5py.h5z.FLAG_OPTIONAL, ())
    space = h5py.h5s.create_simple((8,))
    h5py.h5d.create(file["arrays"].id, b"filter", h5py.h5t.NATIVE_FLOAT, space, plan)


def endless(file):
    file.create_dataset("arrays/endless", (3,), "f4", maxshape=(None,))


def long_text(file):
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(1 << 30)
    h5py.h5d.create(file["documents"].id, b"long", kind, space)


def cycle(file):
    file["arrays/loop"] = file["arrays"]


def cycle_over_the_root(file):
    file["arrays/root"] = file["/"]


def two_names(file):
    file["arrays/a"] = np.zeros(3)
    file["arrays/b"] = file["arrays/a"]


def deep(file):
    file.create_dataset("arrays/" + "/".join("d" * 40) + "/x", data=1.0)


def very_deep(file):
    group = file["arrays"]
    for _ in range(1500):
        group = group.create_group("d")


def too_many(file):
    for k in range(hdf5.MAX_OBJECTS + 1):
        file["arrays"].create_group(str(k))


def dots(file):
    h5py.h5o.link(file["documents/spec"].id, file["arrays"].id, b"..")


def control_character(file):
    file["arrays/a\nb"] = 1.0


def right_to_left(file):
    file["arrays/gnp\u202e"] = 1.0


def no_text_as_name(file):
    h5py.h5g.create(file["arrays"].id, b"\xff\xfe")


def stranger(file):
    file["elsewhere"] = np.zeros(3)


def array_as_document(file):
    file["documents/spec2"] = np.zeros(3)


def text_as_array(file):
    file["arrays/text"] = np.bytes_(b"text")


def number_in_place_of_a_group(file):
    del file["arrays"]
    file["arrays"] = 1.0


ATTACKS = [
    *(soft_link, link_outside, group_behind_a_link, external_storage, virtual, reference),
    *(region_reference, variable_text, variable_numbers, compound, array_type, opaque),
    *(complex_numbers, dates, named_type, no_space, huge_chunked, huge_contiguous),
    *(many_that_are_huge_together, huge_of_many_dimensions, compressed, unknown_filter, endless),
    *(long_text, cycle, cycle_over_the_root, two_names, deep, very_deep, too_many, dots),
    *(control_character, right_to_left, no_text_as_name, stranger, array_as_document),
    *(text_as_array, number_in_place_of_a_group),
]


@pytest.fixture
def few_objects(monkeypatch):
    """Lower the limit: the attack is the same, and takes a fraction of the time."""
    monkeypatch.setattr(hdf5, "MAX_OBJECTS", 300)


@pytest.mark.usefixtures("few_objects")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_that_a_structure_that_no_record_has_is_refused(study, attack):
    path = forge(place_of(study), attack)
    with pytest.raises(FileError, match=r"^[0-9a-f]{20}\.h5 [^\n]+$"):
        hdf5.read(path)
    damaged = list(Study(study.path).check())
    assert len(damaged) == 1
    assert "\n" not in damaged[0][1]


@pytest.mark.usefixtures("few_objects")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_that_the_same_is_refused_inside_a_packed_study(study, tmp_path, attack):
    add_images(study)
    packed = tmp_path / "one.h5"
    pack(study, packed)
    with h5py.File(packed, "r+") as file:
        group = file[f"{IMAGES.kind}/{IMAGES.key}"]
        group.require_group("arrays")
        attack(group)
    seal_again(packed)
    with pytest.raises(StudyError):
        unpack(packed, tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["../../evil", "glyphs/../../evil", "glyphs/x.h5", "study/other"])
def test_that_a_packed_study_cannot_choose_where_it_is_written(study, tmp_path, name):
    add_images(study)
    packed = tmp_path / "one.h5"
    pack(study, packed)
    with h5py.File(packed, "r+") as file:
        file.copy(f"{IMAGES.kind}/{IMAGES.key}", file.require_group(name.replace("..", "...")))
    seal_again(packed)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StudyError):
        unpack(packed, tmp_path / "back")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("first", "words"), [("0", "holds the record"), ("f", "twice, or in a loop")]
)
def test_that_one_array_under_many_records_fills_no_disk(first, words, study, tmp_path):
    """Records that come before the true one have another's name; later ones are it again."""
    add_images(study)
    packed = tmp_path / "one.h5"
    pack(study, packed)
    with h5py.File(packed, "r+") as file:
        group = file[f"{IMAGES.kind}/{IMAGES.key}"]
        for k in range(9):
            file[f"{IMAGES.kind}/{first}{k:019}"] = group
    seal_again(packed)
    with pytest.raises(StudyError, match=words):
        unpack(packed, tmp_path / "back")
    assert not (tmp_path / "back").exists()
