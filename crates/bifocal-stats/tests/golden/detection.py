"""Golden values of detection: an e-detector written anew from the papers, and confidence sequences by confseq.

Run: python3 detection.py > detection.json
It needs NumPy, SciPy, pandas, matplotlib, multiprocess and confseq 0.0.11. confseq was written for NumPy 1, hence the alias.
Only the Python modules of confseq are used.

The e-detector is that of Shin, Ramdas and Rinaldo (arXiv 2203.03532): written from the definition, as sums over all starts
and products from each, not as the recursion that the product runs. Nothing is taken from the product.
"""
import json
import math

GRID = [0.01 * 90 ** (k / 9) for k in range(10)]


def score(i):
    """Scores with a fall after the 300th; a low-discrepancy sequence, so that there is no generator to agree on."""
    u = i * 0.6180339887498949 % 1.0
    return max(0.0, u ** 0.4 - (0.15 if i > 300 else 0.0))


def factors(values, null, bound):
    """The factor of each bet at each value: a fall is bet on when the bound lies above the null, else a rise."""
    return [[1 + g * (null - x) / (bound - null) for x in values] for g in GRID]


def shiryaev_roberts(values, null, bound):
    """Evidence after each value: the mean over bets of the sum over all starts of the product from start to now."""
    evidence = []
    columns = factors(values, null, bound)
    for n in range(1, len(values) + 1):
        total = 0.0
        for column in columns:
            product = 1.0
            for t in range(n - 1, -1, -1):
                product *= column[t]
                total += product
        evidence.append(total / len(GRID))
    return evidence


def best_start(values, null, bound):
    """Index of the start that makes the product from it to the end largest, over all bets."""
    best = (0.0, None)
    for column in factors(values, null, bound):
        log = 0.0
        for t in range(len(values) - 1, -1, -1):
            log += math.log(column[t])
            if log > best[0]:
                best = (log, t)
    return best[1]


def detector():
    values = [score(i) for i in range(1, 361)]
    fall = shiryaev_roberts(values, 0.68, 1.0)
    tolerant = shiryaev_roberts(values, 0.68 - 0.02, 1.0)
    rise = shiryaev_roberts(values, 0.74, 0.0)
    at = [1, 2, 10, 100, 300, 310, 320, 340, 360]
    return {
        "at": at,
        "fall": [fall[n - 1] for n in at],
        "tolerant": [tolerant[n - 1] for n in at],
        "two_sided": [(fall[n - 1] + rise[n - 1]) / 2 for n in at],
        "onset": [best_start(values[:n], 0.68, 1.0) for n in at],
    }


def sequences():
    import numpy as np
    np.float_ = np.float64
    import warnings
    warnings.simplefilter("ignore")
    from confseq.betting import betting_cs
    from confseq.predmix import lambda_predmix_eb, predmix_lower_cs
    x = np.array([score(i) for i in range(1, 301)])
    low, high = betting_cs(x, alpha=0.05, breaks=400, trunc_scale=0.75, running_intersection=True)
    # predmix_empbern_cs centres at the plain running mean, from 0; here the centre is that of the paper (theorem 2).
    means = (0.5 + np.cumsum(x)) / (np.arange(1, len(x) + 1) + 1)
    v = (x - np.append(0.5, means[:-1])) ** 2
    bets = lambda y: lambda_predmix_eb(y, truncation=0.5, alpha=0.025)
    psi = lambda bets: -np.log(1 - bets) - bets
    bern_low = predmix_lower_cs(x, v=v, lambdas_fn=bets, psi_fn=psi, alpha=0.025)
    bern_high = 1 - predmix_lower_cs(1 - x, v=v, lambdas_fn=bets, psi_fn=psi, alpha=0.025)
    at = [1, 5, 20, 50, 100, 200, 300]
    pick = lambda sequence: [float(sequence[n - 1]) for n in at]
    return {"at": at, "betting": [pick(low), pick(high)], "bernstein": [pick(bern_low), pick(bern_high)]}


def asymptotic():
    """arXiv 2103.06476, section 2.2, with t* = 500: the half width after n values."""
    at, alpha = [50, 100, 300], 0.05
    r = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha)) + 1) / 500
    margins = []
    for n in at:
        values = [score(i) for i in range(1, n + 1)]
        mean = math.fsum(values) / n
        variance = math.fsum((v - mean) ** 2 for v in values) / (n - 1)
        margins.append(math.sqrt(variance * 2 * (n * r + 1) / (n * n * r) * math.log(math.sqrt(n * r + 1) / alpha)))
    return {"at": at, "margin": margins}


print(json.dumps({"detector": detector(), "sequences": sequences(), "asymptotic": asymptotic()}, indent=1))
