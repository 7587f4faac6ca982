"""Orders of a made-up shop whose customers order at their own rate until they stop."""

from pathlib import Path

import numpy as np

FIRST = np.datetime64("2022-01-03")
DAYS = 540


def write_made_orders(folder: Path, customers: int = 1_500, seed: int = 5) -> dict[str, int]:
    """Write two CSVs in the columns of a till; return what they hold.

    Each customer begins on some day, orders each day with a chance of their own, and stops for good
    with a chance of a 250th a day. One row in twenty is given back two days later, as a negative
    amount. 40 rows have no customer.

    Returns:
        rows, refunds, customers with a row, and the rows without a customer.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, str, str, str, str]] = []
    bill = 0
    for number in range(customers):
        rate = rng.choice([0.02, 0.05, 0.1])
        begins = int(rng.integers(0, DAYS - 60)) if number % 3 else 0
        ends = begins + int(rng.exponential(250))
        for day in range(begins, min(ends, DAYS)):
            if rng.random() >= rate:
                continue
            bill += 1
            amount = float(np.round(rng.lognormal(3, 0.5), 2))
            rows.append((day, f"K-{number}", f"B{bill}", f"{amount:.2f}", "1"))
            if rng.random() < 0.05 and day + 2 < DAYS:
                rows.append((day + 2, f"K-{number}", f"B{bill}", f"-{amount:.2f}", "1"))
    rows += [(day, "", f"N{day}", "9.90", "1") for day in range(0, 400, 10)]
    rows.sort()
    lines = [
        f"{bill},{(FIRST + day).astype('M8[D]').item():%d.%m.%Y},{customer},{amount},{units}"
        for day, customer, bill, amount, units in rows
    ]
    half = len(lines) // 2
    for name, part in (("sales_2022.csv", lines[:half]), ("sales_2023.csv", lines[half:])):
        text = "\n".join(["Bill No,Sold On,Card,Total,Qty", *part]) + "\n"
        (folder / name).write_text(text)
    return {
        "rows": len(rows),
        "refunds": sum(amount.startswith("-") for *_, amount, _ in rows),
        "customers": len({customer for _, customer, *_ in rows} - {""}),
        "nobodys": 40,
    }
