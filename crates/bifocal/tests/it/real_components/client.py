"""Calls a server through OpenAI's own client and prints what the client understood, one JSON object a line.

  client.py BASE_URL plain|stream|crowd QUESTION [TOKENS]

`crowd` sends twelve streamed requests at the same time.
"""
import concurrent.futures, json, sys
import openai

base_url, mode, question = sys.argv[1:4]
tokens = int(sys.argv[4]) if len(sys.argv) > 4 else 24
client = openai.OpenAI(base_url=base_url, api_key="sk-test-bed-0123456789abcdef0123456789abcdef", max_retries=0, timeout=240)


def arguments(text):
    return dict(model="smollm2", messages=[{"role": "user", "content": text}], temperature=0, max_tokens=tokens)


def plain(text):
    answer = client.chat.completions.create(**arguments(text))
    choice = answer.choices[0]
    return choice.message.content, choice.finish_reason, answer.usage, answer.model, answer.id


def stream(text):
    said, reason, usage = [], None, None
    for chunk in client.chat.completions.create(**arguments(text), stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            said.append(choice.delta.content or "")
            reason = choice.finish_reason or reason
    return "".join(said), reason, usage, chunk.model, chunk.id


def report(text, said, reason, usage, model, id):
    print(json.dumps(dict(question=text, text=said, finish_reason=reason, input_tokens=usage.prompt_tokens,
                          output_tokens=usage.completion_tokens, model=model, id=id)), flush=True)


if mode == "crowd":
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        texts = [f"{question} Number {i}." for i in range(12)]
        for text, answer in zip(texts, pool.map(stream, texts)):
            report(text, *answer)
else:
    report(question, *{"plain": plain, "stream": stream}[mode](question))
