"""Golden values of the betting tests: an independent, slow form of WSR's hedged capital, NumPy only.

Run: python3 betting.py
"""
import numpy as np

ALPHA, CUT = 0.05, 0.75
x = (np.arange(1, 121) * 0.6180339887498949 % 1.0) ** 3


def plugin(x):
    mean, squares, means, variances = 0.5, 0.0, [0.5], [0.25]
    for i in range(1, len(x) + 1):
        mean = (0.5 + x[:i].sum()) / (i + 1)
        squares += (x[i - 1] - mean) ** 2
        means.append(mean)
        variances.append((0.25 + squares) / (i + 1))
    return np.array(means), np.array(variances)


def kept(m, bets):
    up = np.cumsum(np.log1p(np.minimum(bets, CUT / m if m > 0 else np.inf) * (x - m)))
    down = np.cumsum(np.log1p(-np.minimum(bets, CUT / (1 - m) if m < 1 else np.inf) * (x - m)))
    return max(up.max(), down.max()) < np.log(2 / ALPHA)


i = np.arange(1, len(x) + 1)
means, variances = plugin(x)
fixed = np.sqrt(2 * np.log(2 / ALPHA) / (len(x) * variances[:-1]))
sequence = np.sqrt(2 * np.log(2 / ALPHA) / (variances[:-1] * i * np.log(1 + i)))
fine = [m for m in np.linspace(0, 1, 200_001) if kept(m, fixed)]
coarse = [j for j in range(401) if kept(j / 400, sequence)]
bets = np.minimum(0.5, sequence)
psi = -np.log1p(-bets) - bets
centre = (bets * x).sum() / bets.sum()
margin = (np.log(2 / ALPHA) + ((x - means[:-1]) ** 2 * psi).sum()) / bets.sum()
print("mean", x.mean())
print("fixed n", fine[0], fine[-1])
print("sequence", (coarse[0] - 1) / 400, (coarse[-1] + 1) / 400)
print("empirical Bernstein", centre - margin, centre + margin)
