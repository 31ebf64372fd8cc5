"""The official Python SDK against a server that runs `bots` with `script.jsonl`. One line per case."""

import json
import os
import sys
import time

import openai
from pydantic import BaseModel

BASE, KEY = os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"]
client = openai.OpenAI(base_url=BASE, api_key=KEY, max_retries=0, timeout=30)
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "How the weather is",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def say(text, **more):
    return client.chat.completions.create(model="parrot", messages=[{"role": "user", "content": text}], **more)


def models():
    assert [model.id for model in client.models.list()] == ["parrot"]
    assert client.models.retrieve("parrot").object == "model"


def chat():
    answer = say("hello", temperature=0.2, max_completion_tokens=50, stop=["END"], seed=1, store=False)
    assert answer.choices[0].message.content == "Polly says hello."
    assert answer.choices[0].finish_reason == "stop" and answer.model == "parrot"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens_details.cached_tokens == 0


def stream():
    chunks = list(say("count", stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "one two three", text
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 3
    assert chunks[-2].choices[0].finish_reason == "stop"


def stream_helper():
    with client.chat.completions.stream(model="parrot", messages=[{"role": "user", "content": "count"}]) as events:
        kinds = [event.type for event in events]
        assert "content.delta" in kinds and "content.done" in kinds, kinds
        assert events.get_final_completion().choices[0].message.content == "one two three"


def tools():
    messages = [{"role": "user", "content": "weather (python)"}]
    asked = client.chat.completions.create(model="parrot", messages=messages, tools=[WEATHER])
    assert asked.choices[0].finish_reason == "tool_calls"
    call = asked.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Lviv"})
    messages += [asked.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    answer = client.chat.completions.create(model="parrot", messages=messages, tools=[WEATHER])
    assert answer.choices[0].message.content == "It rains in Lviv."


def structured():
    class Weather(BaseModel):
        city: str
        degrees: int

    messages = [{"role": "user", "content": "json"}]
    answer = client.chat.completions.parse(model="parrot", messages=messages, response_format=Weather)
    assert answer.choices[0].message.parsed == Weather(city="Lviv", degrees=7)


def lasting():
    user = f"ann-{time.time_ns()}"
    assert say("hello", user=user).choices[0].message.content == "Polly says hello."
    chunks = say("count", user=user, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "one two three"
    key = {"Idempotency-Key": user}
    first, again = (say("hello", user=user, extra_headers=key) for _ in range(2))
    assert first.choices[0].message.content == again.choices[0].message.content


def fails(kind, call, status, **expected):
    try:
        call()
    except kind as error:
        assert error.status_code == status, error
        for name, value in expected.items():
            assert getattr(error, name) == value, (name, error)
        return error
    raise AssertionError(f"{kind.__name__} was expected")


def errors():
    wrong = openai.OpenAI(base_url=BASE, api_key="bw_wrong", max_retries=0)
    fails(openai.AuthenticationError, wrong.models.list, 401, code="invalid_api_key")
    unknown = lambda: client.chat.completions.create(model="eagle", messages=[{"role": "user", "content": "a"}])
    fails(openai.NotFoundError, unknown, 404, code="model_not_found", param="model")
    fails(openai.BadRequestError, lambda: say("hello", n=2), 400, param="n", code="unsupported_parameter")
    fails(openai.BadRequestError, lambda: say("word " * 9000), 400, code="context_length_exceeded")
    busy = fails(openai.RateLimitError, lambda: say("busy"), 429, code="rate_limit_exceeded")
    assert busy.response.headers["retry-after"] == "30" and busy.request_id


def broken_stream():
    try:
        list(say("break", stream=True))
    except openai.APIError as error:
        assert error.code == "model_broke_off", error
        return
    raise AssertionError("an answer that broke off was taken for a whole one")


def cancellation():
    began = time.monotonic()
    answer = say("slow", stream=True)
    next(iter(answer))
    answer.close()
    try:
        say("slow", timeout=1)
        raise AssertionError("it should have timed out")
    except openai.APITimeoutError:
        pass
    assert time.monotonic() - began < 5, "closing waits for nobody"


failed = False
for case in [models, chat, stream, stream_helper, tools, structured, lasting, errors, broken_stream, cancellation]:
    try:
        case()
        print(f"ok    python {case.__name__}")
    except Exception as problem:  # each case is told, whatever happened
        failed = True
        print(f"FAIL  python {case.__name__}: {type(problem).__name__}: {problem}")
sys.exit(failed)
