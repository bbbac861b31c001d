"""Golden values of the drift tests from SciPy (1.17), NumPy only otherwise.

Run: python3 drift.py
"""
import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon

a = (np.arange(1, 121) * 0.6180339887498949 % 1.0) ** 2 * 10.0
b = (np.arange(1, 91) * 0.7548776662466927 % 1.0) ** 3 * 12.0 + 0.5
tied_a, tied_b = np.floor(a), np.floor(b)
long_a = (np.arange(1, 2001) * 0.6180339887498949 % 1.0)
long_b = (np.arange(1, 1501) * 0.7548776662466927 % 1.0) ** 1.08


def energy(x, y):
    """The definition, pair by pair."""
    apart = lambda u, v: np.abs(u[:, None] - v[None, :]).mean()
    return 2 * apart(x, y) - apart(x, x) - apart(y, y)


for name, x, y in [("plain", a, b), ("tied", tied_a, tied_b)]:
    ks = stats.ks_2samp(x, y, method="exact")
    print(name, "ks", repr(float(ks.statistic)), "p", repr(float(ks.pvalue)))
    print(name, "wasserstein", repr(float(stats.wasserstein_distance(x, y))))
    print(name, "wasserstein of logs", repr(float(stats.wasserstein_distance(np.log1p(x), np.log1p(y)))))
    print(name, "energy", repr(float(stats.energy_distance(x, y) ** 2)), "by definition", repr(float(energy(x, y))))
ks = stats.ks_2samp(long_a, long_b, method="asymp")
print("long ks", repr(float(ks.statistic)), "p", repr(float(ks.pvalue)))
p, q = np.array([30, 50, 0, 20, 7]), np.array([10, 40, 5, 35, 0])
print("jensen-shannon", repr(float(jensenshannon(p, q, base=2) ** 2)))
n, m = p.sum() + 2.5, q.sum() + 2.5
ps, qs = (p + 0.5) / n, (q + 0.5) / m
print("psi of counts", repr(float(((qs - ps) * np.log(qs / ps)).sum())))
