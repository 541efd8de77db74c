"""The operator's catalogue of goods (COMMAND_NOMENCLATURE): the whole of it by version, or one by its barcode."""

from dataclasses import dataclass
from typing import Final

from portal.ofd.simulator.codes import NOT_FOUND_BY_BARCODE, Refused
from portal.ofd.wire import v203_pb2 as pb

VERSION: Final = 1
_Answer = pb.NomenclatureResponse


@dataclass(frozen=True)
class Goods:
    """One entry: the GTIN, the code of the national catalogue, names in Russian and Kazakh, the unit's code."""

    barcode: str
    ntin: str
    title: str
    title_kk: str
    unit: str = "796"
    is_marked: bool = False
    is_social: bool = False


CATALOGUE: Final = (
    Goods("4870001000017", "0200200605191", "Соль поваренная 1 кг", "Ас тұзы 1 кг", is_social=True),
    Goods("4870001000024", "0200200605207", "Хлеб пшеничный", "Бидай наны", is_social=True),
    Goods("4870001000031", "0200200605214", "Молоко 3,2 % 1 л", "Сүт 3,2 % 1 л", is_marked=True),
    Goods("4870001000048", "0200200605221", "Сахар-песок", "Құмшекер", unit="166", is_social=True),
    Goods("4870001000055", "0200200605238", "Сигареты с фильтром", "Сүзгілі темекі", is_marked=True),
)
_BY_BARCODE: Final = {goods.barcode: place for place, goods in enumerate(CATALOGUE, 1)}


def answer(asked: pb.NomenclatureRequest) -> pb.NomenclatureResponse:
    """The catalogue, or one entry of it; raise `Refused` (18) for a barcode that it lacks."""
    if asked.barcode:
        place = _BY_BARCODE.get(asked.barcode)
        if place is None:
            raise Refused(NOT_FOUND_BY_BARCODE)
        return _Answer(version=VERSION, result=_Answer.RESULT_TYPE_OK, elements=[_element(place)])
    if asked.current_version == VERSION:
        return _Answer(version=VERSION, result=_Answer.RESULT_TYPE_VERSION_IS_ACTUAL)
    elements = [_element(place) for place in _BY_BARCODE.values()]
    return _Answer(version=VERSION, result=_Answer.RESULT_TYPE_OK, elements=elements)


def _element(place: int) -> pb.NomenclatureResponse.Element:
    goods = CATALOGUE[place - 1]
    return _Answer.Element(
        type=_Answer.ITEM,
        id=place,
        title=goods.title,
        title_kk=goods.title_kk,
        item=_Answer.Item(
            barcode=goods.barcode,
            ntin=goods.ntin,
            measure_unit_code=goods.unit,
            is_markedeac=goods.is_marked,
            is_social=goods.is_social,
        ),
    )
