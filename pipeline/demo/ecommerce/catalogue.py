"""The catalogue: products on shelves, prices, and ids before and after the remap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.arrays import Flags, Real, Rows
from pipeline.demo.ecommerce.calendar import MONTHS
from pipeline.demo.ecommerce.categories import Categories, draw_categories

HIGHEST_PRICE = 2574.07
LOWEST_PRICE = 0.77
_PRODUCTS = 6_000  # roughly
_KEEP_THEIR_ID = 0.197  # of the products
_DEAR_BRAND, _DEARER_BY = "apple", 2.2


@dataclass(frozen=True)
class Catalogue:
    """Products sorted by shelf and price, one entry a product.

    Attributes:
        brand: Brand, empty where there is none.
        prices: Product × month.
        product_id: Id.
        category_id: Category id before and after the remap, product × 2.
        category_code: The same for the code; empty where there is none.
        ends: Demand up to the end of each product; the last is 1.
        shelf_ends: The same for shelves, one entry a shelf.
    """

    brand: NDArray[np.str_]
    prices: Real
    product_id: NDArray[np.str_]
    category_id: NDArray[np.str_]
    category_code: NDArray[np.str_]
    ends: Real
    shelf_ends: Real


@dataclass(frozen=True)
class _Shelves:
    """A brand in a category, or its products without a brand; one entry a shelf."""

    category: Rows
    brand: NDArray[np.str_]
    demand: Real
    price: Real


def stock(rng: np.random.Generator) -> Catalogue:
    """Draw the catalogue."""
    categories = draw_categories(rng)
    shelves = _shelves(rng, categories)
    weight = np.sqrt(shelves.demand)
    size = np.maximum(1, np.round(_PRODUCTS * weight / weight.sum())).astype(np.int64)
    shelf = np.repeat(np.arange(len(size)), size)
    category = shelves.category[shelf]

    base = shelves.price[shelf] * np.exp(rng.normal(0.0, 0.5, len(shelf)))
    base = base[np.lexsort((base, shelf))]
    liked = rng.gamma(0.7, 1.0, len(shelf)) + 0.02
    demand = shelves.demand[shelf] * liked / np.bincount(shelf, liked)[shelf]
    return Catalogue(
        brand=shelves.brand[shelf],
        prices=_prices(rng, base),
        product_id=_product_ids(rng, category),
        category_id=_category_ids(rng, category)[category],
        category_code=categories.codes[category],
        ends=_ends(demand),
        shelf_ends=_ends(shelves.demand),
    )


def _shelves(rng: np.random.Generator, categories: Categories) -> _Shelves:
    category: list[int] = []
    names: list[str] = []
    demand: list[float] = []
    price: list[float] = []
    for one, brands in enumerate(categories.brands):
        popularity = 1.0 / np.arange(1, len(brands) + 1)
        branded = (1 - categories.unbranded[one]) * popularity / popularity.sum()
        level = np.exp(rng.normal(0.0, 0.45, len(brands) + 1))
        shares = [*branded, categories.unbranded[one]]
        for brand, share, of_median in zip([*brands, ""], shares, level, strict=True):
            if share > 0:
                dearer = _DEARER_BY if brand == _DEAR_BRAND else 1.0
                category.append(one)
                names.append(brand)
                demand.append(categories.demand[one] * share)
                price.append(categories.price[one] * of_median * dearer)
    return _Shelves(np.array(category), np.array(names), np.array(demand), np.array(price))


def _ends(demand: Real) -> Real:
    ends = np.cumsum(demand)
    return np.asarray(ends / ends[-1])


def _prices(rng: np.random.Generator, base: Real) -> Real:
    """Return prices by month: most stay, some move, November is cheaper."""
    moves = rng.normal(0.0, 0.07, (len(base), MONTHS)) * (rng.random((len(base), MONTHS)) < 0.3)
    november = np.where(np.arange(MONTHS) % 12 == 0, -0.07, 0.0)
    prices = base[:, None] * np.exp(np.cumsum(moves, axis=1) + november)
    return np.clip(np.round(prices, 2), LOWEST_PRICE, HIGHEST_PRICE)


def _category_ids(rng: np.random.Generator, category: Rows) -> NDArray[np.str_]:
    """Return each category's id before and after the remap; a part keeps the old one."""
    products = np.bincount(category)
    ids = np.empty((len(products), 2), dtype=np.int64)
    for era, prefix in enumerate((2_053_013_552, 2_232_732_090)):
        ids[:, era] = (prefix + rng.integers(0, 20, len(ids))) * 1_000_000_000
        ids[:, era] += rng.choice(10**9, len(ids), replace=False)
    kept: Flags = np.zeros(len(ids), dtype=np.bool_)
    most = _KEEP_THEIR_ID * products.sum()
    for candidate in rng.permutation(np.arange(1, len(ids))):  # 0 are the phones
        kept[candidate] = products[kept].sum() + products[candidate] <= most
    ids[kept, 1] = ids[kept, 0]
    return ids.astype(np.str_)


def _product_ids(rng: np.random.Generator, category: Rows) -> NDArray[np.str_]:
    """Return ids that begin with the category and do not tell the price."""
    ids = np.empty(len(category), dtype=np.int64)
    for one in np.unique(category):
        here = np.flatnonzero(category == one)
        ids[here] = (one + 10) * 100_000 + rng.choice(99_999, len(here), replace=False)
    return ids.astype(np.str_)
