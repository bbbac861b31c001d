"""Makes wordllama.json: token numbers by Hugging Face's tokenizers, cosines by numpy, of the files in wordllama's wheel.

    python3 wordllama.py FOLDER    (pip install tokenizers numpy; FOLDER as `testbed/wordllama` fills it)
"""
import json, pathlib, struct, sys

import numpy as np
from tokenizers import Tokenizer

folder = pathlib.Path(sys.argv[1])
tokenizer = Tokenizer.from_file(str(folder / "l2_supercat_tokenizer_config.json"))
with open(folder / "l2_supercat_256.safetensors", "rb") as file:
    (length,) = struct.unpack("<Q", file.read(8))
    file.read(length)
    matrix = np.frombuffer(file.read(), dtype=np.float16).reshape(32000, 256).astype(np.float32)

TEXTS = [
    "How does photosynthesis store energy in plants?",
    "Plants turn sunlight into sugar, which keeps the energy.",
    "The train to Leipzig is late again.",
    "Wie komme ich zum Bahnhof?",
    "  two  spaces\nand\ta tab  ",
    "naïve café — 東京 🌸 \u0301x",
    "x",
    "antidisestablishmentarianism 3.14159e-10 https://example.org/a?b=c&d=%20",
    "def f(x):\n    return {k: v for k, v in x.items()}\n\n",
    "Ünïcödé ﷽ zalgo ṱ̴h̶e̷",
]


def ids(text):
    return tokenizer.encode(text, add_special_tokens=False).ids


def cosine(a, b):
    a, b = (matrix[ids(TEXTS[at])].mean(axis=0) for at in (a, b))
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


cosines = [[a, b, cosine(a, b)] for a in range(4) for b in range(a + 1, 4)]
golden = {"texts": [{"text": text, "ids": ids(text)} for text in TEXTS], "cosines": cosines}
(pathlib.Path(__file__).parent / "wordllama.json").write_text(json.dumps(golden, ensure_ascii=False))
