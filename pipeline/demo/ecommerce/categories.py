"""The shop's categories: their codes before and after the remap, their brands and prices."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.arrays import Real

PHONES = "electronics.smartphone"
PHONES_LATER = "construction.tools.light"
_UNCODED, _UNCODED_LATER = 0.32, 0.115  # of the demand

# Brands by field, the best known first.
_BRANDS = {
    "phone": ["samsung", "apple", "xiaomi", "huawei", "oppo", "vivo", "honor", "nokia"],
    "computer": ["lenovo", "hp", "acer", "asus", "apple", "dell", "msi", "pulser"],
    "screen": ["samsung", "lg", "sony", "artel", "haier", "philips", "tcl", "hisense"],
    "kitchen": ["bosch", "indesit", "lg", "samsung", "beko", "artel", "gorenje", "elenberg"],
    "home": ["xiaomi", "dauscher", "polaris", "vitek", "philips", "karcher", "midea"],
    "sound": ["apple", "xiaomi", "jbl", "sony", "pioneer", "sven", "edifier"],
    "watch": ["casio", "apple", "samsung", "xiaomi", "garmin", "orient"],
    "car": ["cordiant", "triangle", "nokian", "yokohama", "starline", "pioneer", "viatti"],
    "clothes": ["respect", "baden", "nike", "adidas", "puma", "crosby", "reebok"],
    "furniture": ["brw", "lucente", "oasis", "zeta", "falto"],
    "tools": ["makita", "bosch", "metabo", "huter", "resanta", "stihl"],
    "children": ["lego", "peg-perego", "chicco", "happybaby", "stels"],
    "other": ["sokolov", "luminarc", "avon", "shiseido", "creed", "weissgauff", "tefal", "sv"],
}

# Code, demand, median price, field of brands, share of demand without a brand.
_CODED = [
    (PHONES, 27.0, 230, "phone", 0.00),
    ("electronics.clocks", 3.3, 150, "watch", 0.04),
    ("computers.notebook", 3.4, 520, "computer", 0.01),
    ("electronics.video.tv", 3.0, 330, "screen", 0.01),
    ("electronics.audio.headphone", 2.9, 75, "sound", 0.03),
    ("appliances.kitchen.refrigerators", 2.2, 400, "kitchen", 0.01),
    ("appliances.kitchen.washer", 2.1, 300, "kitchen", 0.01),
    ("appliances.environment.vacuum", 2.1, 130, "home", 0.02),
    ("apparel.shoes", 1.8, 70, "clothes", 0.25),
    ("apparel.shoes.keds", 1.2, 55, "clothes", 0.20),
    ("auto.accessories.player", 1.2, 95, "car", 0.10),
    ("electronics.telephone", 1.0, 35, "phone", 0.02),
    ("electronics.tablet", 1.0, 260, "phone", 0.02),
    ("computers.desktop", 1.0, 480, "computer", 0.08),
    ("furniture.living_room.cabinet", 1.0, 160, "furniture", 0.35),
    ("furniture.living_room.sofa", 0.9, 390, "furniture", 0.40),
    ("furniture.bedroom.bed", 0.8, 260, "furniture", 0.30),
    ("auto.accessories.alarm", 0.8, 85, "car", 0.05),
    ("appliances.environment.water_heater", 0.8, 110, "home", 0.04),
    ("appliances.environment.air_heater", 0.7, 45, "home", 0.10),
    ("appliances.kitchen.meat_grinder", 0.7, 60, "kitchen", 0.02),
    ("appliances.kitchen.microwave", 0.7, 85, "kitchen", 0.01),
    ("appliances.iron", 0.7, 45, "home", 0.02),
    ("appliances.kitchen.blender", 0.7, 45, "kitchen", 0.03),
    ("appliances.kitchen.oven", 0.5, 240, "kitchen", 0.01),
    ("computers.components.videocards", 0.5, 310, "computer", 0.10),
    ("computers.peripherals.printer", 0.5, 210, "computer", 0.01),
    ("electronics.audio.subwoofer", 0.5, 80, "sound", 0.10),
    ("kids.carriage", 0.6, 170, "children", 0.15),
    ("kids.toys", 0.5, 40, "children", 0.20),
    ("accessories.bag", 0.7, 45, "clothes", 0.30),
    ("construction.tools.drill", 0.7, 75, "tools", 0.03),
    ("construction.tools.saw", 0.6, 90, "tools", 0.03),
    (PHONES_LATER, 0.4, 30, "tools", 0.20),
    ("sport.bicycle", 0.7, 190, "children", 0.10),
    ("appliances.sewing_machine", 0.5, 180, "home", 0.05),
]
_WITHOUT_CODE = 48  # categories
_LATER = [
    "apparel.trousers",
    "apparel.shirt",
    "apparel.costume",
    "apparel.shoes.sandals",
    "appliances.personal.massager",
    "appliances.kitchen.kettle",
    "sport.trainer",
    "sport.bicycle",
    "kids.skates",
    "furniture.kitchen.table",
    "furniture.bathroom.bath",
    "country_yard.cultivator",
    "stationery.cartrige",
    "medicine.tools.tonometer",
]


@dataclass(frozen=True)
class Categories:
    """One entry a category; the phones come first, those without a code last.

    Attributes:
        codes: Code before and after the remap, category × 2; empty where there is none.
        demand: Share of all looks.
        price: Median price.
        brands: Brands, the best known first.
        unbranded: Share of the demand that is for no brand.
    """

    codes: NDArray[np.str_]
    demand: Real
    price: Real
    brands: list[list[str]]
    unbranded: Real

    def __len__(self) -> int:
        return len(self.brands)


def draw_categories(rng: np.random.Generator) -> Categories:
    """Return the categories; those without a code are drawn."""
    codes, weight, price, fields, unbranded = zip(*_CODED, strict=True)
    rest = rng.permutation(np.arange(1.0, _WITHOUT_CODE + 1) ** -0.7)
    demand = np.concatenate(
        ((1 - _UNCODED) * np.array(weight) / sum(weight), _UNCODED * rest / rest.sum())
    )
    return Categories(
        codes=_codes([*codes, *[""] * _WITHOUT_CODE], demand),
        demand=demand,
        price=np.concatenate((price, np.exp(rng.normal(4.3, 0.9, _WITHOUT_CODE)))),
        brands=[_BRANDS[field] for field in fields]
        + [list(rng.permutation(_BRANDS["other"])[:3]) for _ in range(_WITHOUT_CODE)],
        unbranded=np.concatenate((unbranded, np.full(_WITHOUT_CODE, 0.30))),
    )


def _codes(before: list[str], demand: Real) -> NDArray[np.str_]:
    """Move phones among tools, and give codes to those without until few enough are left."""
    after = [PHONES_LATER if code == PHONES else code for code in before]
    uncoded = _UNCODED
    for position, category in enumerate(range(len(_CODED), len(before))):
        if uncoded - demand[category] >= _UNCODED_LATER:
            after[category] = _LATER[position % len(_LATER)]
            uncoded -= demand[category]
    return np.array([before, after]).T
