"""The LiteLLM SDK against a server that runs `bots` with `script.jsonl`. One line per case."""

import asyncio
import json
import os
import sys

# Otherwise it asks the internet for prices when it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm  # noqa: E402

litellm.suppress_debug_info = True

BASE, KEY = os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"]
COMMON = {"model": "openai/parrot", "api_base": BASE, "api_key": KEY, "num_retries": 0, "max_retries": 0}
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


def say(text, **more):
    return litellm.completion(messages=[{"role": "user", "content": text}], **{**COMMON, **more})


def chat():
    answer = say("hello", temperature=0.5, max_tokens=20)
    assert answer.choices[0].message.content == "Polly says hello."
    assert answer.usage.total_tokens > 0


def stream():
    chunks = list(say("count", stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "one two three", text
    assert any(getattr(chunk, "usage", None) for chunk in chunks)


def tools():
    messages = [{"role": "user", "content": "weather (litellm)"}]
    asked = litellm.completion(messages=messages, tools=[WEATHER], **COMMON)
    call = asked.choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"city": "Lviv"}
    messages += [asked.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    answer = litellm.completion(messages=messages, tools=[WEATHER], **COMMON)
    assert answer.choices[0].message.content == "It rains in Lviv."


def lasting():
    assert say("hello", user="litellm-ann").choices[0].message.content == "Polly says hello."


def errors():
    for kind, call in [
        (litellm.AuthenticationError, lambda: say("hello", api_key="bw_wrong")),
        (litellm.NotFoundError, lambda: say("hello", model="openai/eagle")),
        (litellm.BadRequestError, lambda: say("hello", n=2)),
        (litellm.ContextWindowExceededError, lambda: say("word " * 9000)),
        (litellm.RateLimitError, lambda: say("busy")),
    ]:
        try:
            call()
        except kind:
            continue
        raise AssertionError(f"{kind.__name__} was expected")


def cancellation():
    async def hang_up():
        messages = [{"role": "user", "content": "slow"}]
        answer = await litellm.acompletion(messages=messages, stream=True, **COMMON)
        await anext(aiter(answer))
        await answer.aclose() if hasattr(answer, "aclose") else None

    asyncio.run(asyncio.wait_for(hang_up(), 8))


failed = False
for case in [chat, stream, tools, lasting, errors, cancellation]:
    try:
        case()
        print(f"ok    litellm {case.__name__}")
    except Exception as problem:  # each case is told, whatever happened
        failed = True
        print(f"FAIL  litellm {case.__name__}: {type(problem).__name__}: {problem}")
sys.exit(failed)
