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


def star_refused(x, m, variances):
    missing = np.log(2 / ALPHA)
    for t in range(len(x)):
        bet = min(np.sqrt(2 * missing / ((len(x) - t) * variances[t])), CUT / m)
        missing -= np.log1p(bet * (x[t] - m))
        if missing <= 0:
            return True
    return False


i = np.arange(1, len(x) + 1)
means, variances = plugin(x)
sequence = np.sqrt(2 * np.log(2 / ALPHA) / (variances[:-1] * i * np.log(1 + i)))
fine = np.linspace(1e-5, 1, 20_000, endpoint=False)
lower = next(m for m in fine if not star_refused(x, m, variances))
_, mirrored = plugin(1 - x)
upper = 1 - next(m for m in fine if not star_refused(1 - x, m, mirrored))
coarse = [j for j in range(401) if kept(j / 400, sequence)]
bets = np.minimum(0.5, sequence)
psi = -np.log1p(-bets) - bets
centre = (bets * x).sum() / bets.sum()
margin = (np.log(2 / ALPHA) + ((x - means[:-1]) ** 2 * psi).sum()) / bets.sum()
print("mean", x.mean())
print("fixed n", lower, upper)
print("sequence", (coarse[0] - 1) / 400, (coarse[-1] + 1) / 400)
print("empirical Bernstein", centre - margin, centre + margin)
